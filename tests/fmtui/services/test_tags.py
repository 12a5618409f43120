"""Tags on runs: in the folder, which is the truth, and in the registry, which finds them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fmtui.errors import StorageError, UsageError
from fmtui.services import queue, runs, tags
from fmtui.services.context import Context
from tests.command import fmtui
from tests.tiny import write_messages


def test_a_run_is_tagged_at_its_start_and_later(ctx: Context, bert: Path, tmp_path: Path) -> None:
    queue.set_paused(ctx, None, True)
    assert fmtui("model", "import", str(bert), "--name", "tiny", "--no-smoke").code == 0
    data = str(write_messages(tmp_path / "train.csv", 60))
    words = ("--task", "text-classification", "--train", data)
    refused = fmtui("finetune", "tiny", *words, "--tag", "two words")
    assert (refused.code, "can't be a tag" in refused.err) == (2, True)
    assert runs.list_runs(ctx) == []
    assert fmtui("finetune", "tiny", *words, "--tag", "baseline", "--tag", "paper").code == 0
    assert fmtui("evaluate", "tiny", "--data", data, "--tag", "baseline").code == 0
    assert fmtui("run", "tag", "r2", "add", "paper", "x", "x").out == "r2: baseline paper x\n"
    assert fmtui("run", "tag", "r2", "remove", "paper", "never").out == "r2: baseline x\n"
    assert "tags: baseline x" in fmtui("run", "show", "r2").out

    found = fmtui("run", "list", "--tag", "baseline", "--tag", "paper", "--json").json
    assert [(run["run"], run["tags"]) for run in found] == [("r1", ["baseline", "paper"])]
    assert "baseline paper" in fmtui("run", "list", "--query", "paper").out
    assert fmtui("run", "list", "--tag", "never").err == "No run is like this.\n"
    listed = fmtui("run", "list", "--sort", "kind", "--reverse", "--json").json
    assert [run["kind"] for run in listed] == ["finetune", "evaluate"]
    assert fmtui("run", "list", "--sort", "never").code == 2

    with ctx.db.write() as connection:
        connection.execute("DELETE FROM run")
    assert ctx.db.read().execute("SELECT count(*) FROM run_tag").fetchone()[0] == 0
    assert fmtui("run", "reindex").code == 0
    assert runs.show(ctx, "r1").tags == ("baseline", "paper")
    assert runs.show(ctx, "r2").tags == ("baseline", "x")


def test_what_can_not_be_written_is_tagged_nowhere(
    ctx: Context, bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.set_paused(ctx, None, True)
    fmtui("model", "import", str(bert), "--name", "tiny", "--no-smoke")
    data = str(write_messages(tmp_path / "train.csv", 60))
    fmtui("evaluate", "tiny", "--data", data)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tags, "write_json", full)
    with pytest.raises(StorageError, match="No space left"):
        tags.tag(ctx, "r1", add=["best"])
    assert runs.show(ctx, "r1").tags == ()
    for bad in ("", "\x1b[2J", "a" * 65):
        with pytest.raises(UsageError):
            tags.tag(ctx, "r1", add=[bad])


@pytest.mark.parametrize("name", ["r²", "r99999999999999999999", "x", "-1"])
def test_what_is_no_run_is_told(ctx: Context, name: str) -> None:
    for command in (("show", "--", name), ("tag", "--", name, "add", "x")):
        done = fmtui("run", *command)
        assert done.code == 3 and "is no run" in done.err
