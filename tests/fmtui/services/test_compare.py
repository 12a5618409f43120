"""Comparing runs: the best is marked, what differs is shown, chance is told from difference."""

from __future__ import annotations

import json
import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fmtui.errors import UsageError
from fmtui.metrics.shares import wilson
from fmtui.services import compare
from fmtui.services.context import Context
from fmtui.services.significance import pair
from tests.command import fmtui
from tests.screens.tools import make_run


def evaluated(ctx: Context, right: list[bool], fingerprint: str = "f1") -> str:
    """An evaluation that got these rows right."""
    accuracy = sum(right) / len(right)
    run = make_run(ctx, kind="evaluate", metrics=json.dumps({"accuracy": accuracy, "loss": 0.4}))
    folder = ctx.home.runs / run
    spec = json.loads((folder / "spec.json").read_text())
    spec["data"] = {"ref": "test:1", "fingerprint": fingerprint, "split": None}
    (folder / "spec.json").write_text(json.dumps(spec))
    (folder / "output").mkdir()
    rows = {"text": ["t"] * len(right), "label": ["a"] * len(right), "right": right}
    pq.write_table(pa.table(rows), folder / "output" / "predictions.parquet")
    return run


def test_a_pair_counts_the_rows_on_which_the_two_disagree() -> None:
    found = pair("r1", "r2", [True, True, False, False], [True, False, True, False])
    assert (found.rows, found.a_wins, found.b_wins, found.p) == (4, 1, 1, 1.0)
    same = pair("r1", "r2", [True], [True])
    assert same.sentence() == "r1 and r2 are right and wrong on the very same rows."


def test_the_best_is_marked_and_only_what_differs_is_shown(ctx: Context) -> None:
    one = make_run(ctx, metrics=json.dumps({"accuracy": 0.9, "loss": 0.5}))
    two = make_run(ctx, metrics=json.dumps({"accuracy": 0.8, "loss": 0.4, "f1_macro": 0.7}))
    spec = json.loads((ctx.home.runs / two / "spec.json").read_text())
    spec["settings"]["learning_rate"] = 0.001
    (ctx.home.runs / two / "spec.json").write_text(json.dumps(spec))
    found = compare.compare(ctx, [one, two])
    assert found.best == {"accuracy": 0, "loss": 1}
    assert dict(found.measured())["accuracy"] == ["0.9000 ◂", "0.8000"]
    assert dict(found.measured())["f1_macro"] == ["–", "0.7000"]
    assert found.parameters() == [("learning_rate", ["0.0002", "0.001"])]
    assert ("num_train_epochs", ["3", "3"]) in found.parameters(every=True)
    assert found.rows is None and found.tests == ()
    with pytest.raises(UsageError):
        compare.compare(ctx, [one, one])


def test_evaluations_on_the_same_rows_are_tested(ctx: Context) -> None:
    one = evaluated(ctx, [True] * 70 + [False] * 30)
    two = evaluated(ctx, [True] * 60 + [False] * 10 + [True] * 30)
    other = evaluated(ctx, [True] * 100, fingerprint="f2")
    found = compare.compare(ctx, [one, two])
    assert found.rows == 100
    (test,) = found.tests
    assert (test.a_wins, test.b_wins) == (10, 30)
    assert test.p == pytest.approx(2 * sum(math.comb(40, k) for k in range(11)) / 2**40)
    assert test.sentence().startswith(f"The difference is real: McNemar p = 0.0022; {two} wins 30")
    assert found.intervals["accuracy"][0] == wilson(70, 100)
    assert compare.compare(ctx, [one, other]).tests == (), "other rows can't be set against these"
    three = evaluated(ctx, [True] * 71 + [False] * 29)
    tests = compare.compare(ctx, [one, two, three]).tests
    assert [(t.a, t.b) for t in tests] == [(two, one), (two, three)], "the best against the rest"


def test_the_command_says_what_it_found(ctx: Context) -> None:
    one, two = evaluated(ctx, [True] * 9 + [False]), evaluated(ctx, [True] * 8 + [False] * 2)
    done = fmtui("run", "compare", one, two)
    assert "accuracy        0.9000 ◂" in done.out and "The same 10 test rows." in done.out
    assert f"The difference may be chance: McNemar p = 1; {one} wins 1 row, {two} 0." in done.out
    assert fmtui("run", "compare", one, two, "--json").json["tests"][0]["wins"] == [1, 0]
    assert fmtui("run", "compare", one).code == 2
