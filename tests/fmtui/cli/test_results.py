"""`fmtui run report` and `fmtui run errors`."""

from __future__ import annotations

from pathlib import Path

import pytest

from fmtui.services.context import Context
from tests.command import fmtui
from tests.evaluations import of_task
from tests.fmtui.services.test_report import TASKS
from tests.screens.tools import make_run


@pytest.mark.parametrize("task", TASKS)
def test_every_task_is_told_on_the_command_line(ctx: Context, task: str) -> None:
    run = of_task(ctx, task)
    report = fmtui("run", "report", run, "--json").json
    assert report["rows"] == 40 and report["intervals"].keys() <= report["metrics"].keys()
    told = fmtui("run", "report", run)
    assert told.code == 0 and "95% interval" in told.out
    assert all(name in told.out for name in report["metrics"])
    rows = fmtui("run", "errors", run, "--json", "--limit", "3").json
    assert len(rows) == 3 and all("prediction" in row for row in rows)
    shown = fmtui("run", "errors", run, "--limit", "3")
    assert shown.code == 0 and len(shown.out.splitlines()) == 4
    assert "3 of" in shown.err, "there are more"


def test_a_cell_of_the_confusion_is_asked_for_by_its_labels(ctx: Context) -> None:
    run = of_task(ctx, "text-classification")
    worst = fmtui("run", "errors", run, "--confusions", "--json").json[0]
    assert worst.keys() == {"label", "taken_for", "rows", "of"}
    pair = ("--label", worst["label"], "--taken-for", worst["taken_for"])
    rows = fmtui("run", "errors", run, *pair, "--json").json
    assert len(rows) == worst["rows"]
    assert {(row["label"], row["prediction"]) for row in rows} == {
        (worst["label"], worst["taken_for"])
    }
    assert max(rows[0]["scores"], key=rows[0]["scores"].get) == worst["taken_for"]
    losses = [row["loss"] for row in fmtui("run", "errors", run, "--json").json]
    assert losses == sorted(losses, reverse=True)
    lengths = [
        row["length"] for row in fmtui("run", "errors", run, "--sort", "length", "--json").json
    ]
    assert lengths == sorted(lengths, reverse=True)
    every = fmtui("run", "errors", run, "--all", "--limit", "99", "--json").json
    assert len(every) == 40


def test_what_can_t_be_told_is_a_sentence(ctx: Context, tmp_path: Path) -> None:
    run, tuned = of_task(ctx, "text-classification"), make_run(ctx)
    assert fmtui("run", "errors", tuned).code == fmtui("run", "report", tuned).code == 4
    assert fmtui("run", "errors", "r99").code == 3
    unknown = fmtui("run", "errors", run, "--label", "refnd")
    assert unknown.code == 3 and "Nearest: refund" in unknown.err
    assert fmtui("run", "errors", run, "--sort", "colour").code == 2
    translation = of_task(ctx, "translation")
    assert fmtui("run", "errors", translation, "--label", "a").code == 2
    assert "Nothing was taken" in fmtui("run", "errors", translation, "--confusions").err
    assert fmtui("run", "report", run, "--to", str(tmp_path / "r.txt")).code == 2


def test_a_page_is_written_where_it_is_asked_for(ctx: Context, tmp_path: Path) -> None:
    run, target = of_task(ctx, "token-classification"), tmp_path / "r.html"
    done = fmtui("run", "report", run, "--to", str(target))
    assert done.out.strip() == str(target)
    told = fmtui("run", "report", run, "--to", str(target), "--json").json
    assert told == {"path": str(target), "bytes": target.stat().st_size}
