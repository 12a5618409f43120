"""What a bundle tells of a run holds nothing of its machine, and fits where it comes to."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from fmtui.errors import ConflictError
from fmtui.paths import Home
from fmtui.services import data, keeping, models, runs
from fmtui.services.context import Context
from registry.bundle.portable import machine, portable
from registry.database import Database
from registry.redact import redact
from tests.tiny import write_messages

HERE = ("/home/an na/.local/share/fmtui", "/home/an na")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("/home/an na/data/train.csv", "train.csv"),
        ("can't read /home/an na/.local/share/fmtui/models/m/1/config.json: gone",
         "can't read models/m/1/config.json: gone"),
        ("/tmp/x/train.csv, row 3: is not /tmp/y", "train.csv, row 3: is not y"),
        ("/mnt/my disk/rows.csv", "rows.csv"),
        ("(/mnt/disk/a) and (/tmp/b)", "(a) and (b)"),
        ("posts of /r/news and and/or 1/2", "posts of /r/news and and/or 1/2"),
        ("see https://example.org/home/page", "see https://example.org/home/page"),
        ("https://me:secret@example.org/x?sig=abcdefgh&v=1", "https://example.org/x?sig=…&v=1"),
    ],
)  # fmt: skip
def test_paths_become_names_and_other_words_stay(before: str, after: str) -> None:
    assert portable({"a": [before]}, HERE) == {"a": [after]}


def test_labels_and_columns_are_no_paths() -> None:
    spec = {"labels": ["/home/x", "b"], "columns": {"text": "/tmp/y"}}
    assert portable(spec, HERE) == spec


@pytest.mark.parametrize("secret", ["hf_" + "a1" * 12, "Bearer abcdefghijkl", "?token=abcdefgh"])
def test_secrets_are_taken_out(secret: str) -> None:
    assert secret[-6:] not in redact(f"it said {secret} and ended")


@pytest.fixture
def filled(ctx: Context, bert: Path, tmp_path: Path) -> Context:
    """A model, data, and a failed run of the two whose files are full of this machine's paths."""
    model = models.import_model(ctx, str(bert), name="base")
    info = data.add(ctx, write_messages(tmp_path / "rows.csv", 12), name="rows")
    folder = ctx.home.runs / "r4"
    folder.mkdir(parents=True)
    spec = {
        "kind": "finetune", "run": "r4", "backend": "local", "task": "text-classification",
        "name": "made", "created": "then", "labels": ["/home/a", "b"],
        "model": {"ref": "base:1", "id": model.id, "path": model.path},
        "train": {"ref": "rows:1", "path": info.path, "fingerprint": info.fingerprint},
        "settings": {"seed": 1},
    }  # fmt: skip
    (folder / "spec.json").write_text(json.dumps(spec))
    line = {"event": "note", "message": f"from {info.path} under {Path.cwd()}"}
    (folder / "journal.jsonl").write_text(json.dumps(line) + '\n{"event": "cut by a ki')
    error = f"{tmp_path}/rows.csv, row 2: bad"
    (folder / "exit.json").write_text(json.dumps({"state": "failed", "error": error}))
    with ctx.db.write() as connection:
        connection.execute(
            "INSERT INTO run (id, kind, backend, state, model, data, model_version_id, "
            "dataset_version_id, error, created, ended) VALUES (4, 'finetune', 'local', 'failed', "
            "'base:1', 'rows:1', ?, ?, ?, '2026-01-02T03:04:05+00:00', "
            "'2026-01-02T03:05:06+00:00')",
            (model.id, info.id, error),
        )
    return ctx


def bring(ctx: Context, tmp_path: Path) -> Context:
    """Another machine's home with the bundle in it, where `base` is another model already."""
    keeping.export(ctx, ["base"], tmp_path / "b.tar")
    home = Home(tmp_path / "other")
    other = Context(home, Database(home.registry))
    return other


def test_no_path_of_the_machine_is_in_a_bundle(filled: Context, tmp_path: Path) -> None:
    bring(filled, tmp_path)
    with tarfile.open(tmp_path / "b.tar") as tar:
        names = [member.name for member in tar]
        texts = [tar.extractfile(name).read().decode("utf-8", "replace") for name in names]  # type: ignore[union-attr]
    told = [text for text in texts if '"kind"' in text or '"event"' in text or '"error"' in text]
    assert len(told) == 4
    for folder in (*machine(filled.home.root), str(tmp_path), "/tmp/"):
        assert not [text for text in told if folder in text]
    assert '"/home/a"' in "".join(told), "a label is no path"


def test_a_run_that_came_points_to_what_is_here(
    filled: Context, tmp_path: Path, bert: Path
) -> None:
    other = bring(filled, tmp_path)
    folder = tmp_path / "edited"
    folder.mkdir()
    for file in bert.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "README.md").write_text("another")
    models.import_model(other, str(folder), name="base")
    data.add(other, write_messages(tmp_path / "same.csv", 12), name="mine")
    keeping.load(other, tmp_path / "b.tar")
    (run,) = runs.list_runs(other)
    spec = json.loads((other.home.runs / run.run / "spec.json").read_text())
    assert (run.run, run.model, spec["run"]) == ("r1", "base:2", "r1")
    assert spec["model"]["ref"] == "base:2"
    assert spec["model"]["path"] == models.show(other, "base:2").path
    assert spec["train"]["path"] == data.show(other, "mine").path
    assert [r.run for r in models.runs(other, "base:2")] == ["r1"]
    _, again = keeping.load(other, tmp_path / "b.tar")
    assert (again.runs, again.new) == (0, ())


def test_a_run_whose_data_did_not_come_can_not_be_resumed(filled: Context, tmp_path: Path) -> None:
    other = bring(filled, tmp_path)
    keeping.load(other, tmp_path / "b.tar")
    with pytest.raises(ConflictError, match="r1 needs rows:1, which is not on this machine"):
        runs.resume(other, "r1")
    assert runs.show(other, "r1").state == "failed"
