"""Comparing runs: the best is marked, what differs is shown, chance is told from difference."""

from __future__ import annotations

import json
import math
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fmtui.errors import UsageError
from fmtui.metrics import MAIN
from fmtui.metrics.shares import wilson
from fmtui.services import compare, verdict
from fmtui.services.context import Context
from fmtui.services.significance import Pair, Resampled, pair
from tests.command import fmtui
from tests.evaluations import columns_of
from tests.evaluations import evaluated as of_columns
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
    assert isinstance(test, Pair)
    assert (test.a_wins, test.b_wins) == (10, 30)
    assert test.p == pytest.approx(2 * sum(math.comb(40, k) for k in range(11)) / 2**40)
    assert test.sentence().startswith(f"The difference is real: McNemar p = 0.0022; {two} wins 30")
    assert found.intervals["accuracy"][0] == wilson(70, 100)
    beside = compare.compare(ctx, [one, other])
    assert (beside.tests, beside.best) == ((), {}), "other rows can't be set against these"
    three = evaluated(ctx, [True] * 71 + [False] * 29)
    tests = compare.compare(ctx, [one, two, three]).tests
    assert [(t.a, t.b) for t in tests] == [(two, one), (two, three)], "the best against the rest"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"settings": {"seed": 7}}, "were validated on different rows"),
        ({"settings": {"validation_fraction": 0.2}}, "were validated on different rows"),
        ({"validation": {"fingerprint": "f2"}}, "were validated on different rows"),
        ({"task": "translation"}, "are of different tasks"),
        ({"kind": "evaluate"}, "are of different kinds"),
        ({"settings": {"learning_rate": 0.1}}, ""),
    ],
)
def test_none_is_best_of_trainings_that_were_validated_otherwise(
    ctx: Context, changed: dict[str, Any], words: str
) -> None:
    runs = [make_run(ctx, metrics=json.dumps({"accuracy": 0.9 - i / 10})) for i in range(2)]
    path = ctx.home.runs / runs[1] / "spec.json"
    spec = json.loads(path.read_text())
    spec["settings"] |= changed.pop("settings", {})
    path.write_text(json.dumps(spec | changed))
    found = compare.compare(ctx, runs)
    assert words in found.note and bool(words) == bool(found.note)
    assert found.best == ({} if words else {"accuracy": 0})


def test_the_command_says_what_it_found(ctx: Context) -> None:
    one, two = evaluated(ctx, [True] * 9 + [False]), evaluated(ctx, [True] * 8 + [False] * 2)
    done = fmtui("run", "compare", one, two)
    assert "accuracy        0.9000 ◂" in done.out and "The same 10 test rows." in done.out
    assert f"The difference may be chance: McNemar p = 1; {one} wins 1 row, {two} 0." in done.out
    assert fmtui("run", "compare", one, two, "--json").json["tests"][0]["wins"] == [1, 0]
    assert fmtui("run", "compare", one).code == 2


def answered(ctx: Context, task: str, seed: int, **values: Any) -> str:
    """An evaluation of made-up rows: the same ones for every seed, answered in other ways."""
    columns = columns_of(task)
    if seed:
        shuffled = columns_of(task, seed=seed)["prediction"]
        changed = [
            other if i % 4 == seed % 4 and (isinstance(one, str) or len(other) == len(one)) else one
            for i, (one, other) in enumerate(zip(columns["prediction"], shuffled, strict=True))
        ]
        columns["prediction"] = changed
        columns["loss"] = [loss + 0.1 * seed for loss in columns.get("loss", [0.0] * 40)]
        if "nll" in columns:
            columns["nll"] = [nll + seed for nll in columns["nll"]]
    return of_columns(ctx, columns, task, **values)


@pytest.mark.parametrize("task", ["token-classification", "translation", "summarization"])
def test_what_is_no_share_of_rows_is_put_to_a_paired_bootstrap(ctx: Context, task: str) -> None:
    one, two = answered(ctx, task, 0), answered(ctx, task, 1)
    found = compare.compare(ctx, [one, two])
    assert found.rows == 40
    (test,) = found.tests
    assert isinstance(test, Resampled) and test.metric == MAIN[task]
    difference = found.metrics[test.metric][1] - found.metrics[test.metric][0]  # type: ignore[operator]
    assert test.difference == pytest.approx(difference)
    assert test.low <= test.difference <= test.high and 0 < test.p <= 1
    assert ("real" in test.sentence()) == (test.p < 0.05)
    assert found.intervals[test.metric][0] is not None
    assert compare.compare(ctx, [one, two]) == found, "seeded"
    assert json.loads(json.dumps(found.as_json()))["tests"][0]["test"] == "paired bootstrap"


def test_answers_are_put_to_both(ctx: Context) -> None:
    one, two = answered(ctx, "question-answering", 0), answered(ctx, "question-answering", 1)
    found = compare.compare(ctx, [one, two])
    exact, f1 = found.tests
    assert isinstance(exact, Pair) and isinstance(f1, Resampled) and f1.metric == "f1"
    assert found.intervals["exact"][0] is not None and list(found.intervals)[:2] == ["exact", "f1"]


def test_the_same_answers_do_not_differ(ctx: Context) -> None:
    one, two = answered(ctx, "translation", 0), answered(ctx, "translation", 0)
    (test,) = compare.compare(ctx, [one, two]).tests
    assert test.p == 1.0
    assert test.sentence() == f"sacrebleu of {one} and {two} is the same, whichever rows are taken."


def test_several_are_held_to_a_higher_bar(ctx: Context) -> None:
    runs = [answered(ctx, "translation", seed) for seed in (0, 1, 2)]
    tests = compare.compare(ctx, runs).tests
    best = max(range(3), key=lambda i: compare.compare(ctx, runs).metrics["sacrebleu"][i] or 0)
    assert [t.a for t in tests] == [runs[best]] * 2 and runs[best] not in {t.b for t in tests}
    assert all(t.adjusted is not None and t.adjusted >= t.p for t in tests)
    assert "(Holm)" in tests[0].sentence()


def test_perplexities_over_other_tokens_are_not_compared(ctx: Context) -> None:
    columns = columns_of("text-generation")
    other = columns | {
        "tokens": [4] * 40,
        "nll": [n * 1.3 + i % 3 for i, n in enumerate(columns["nll"])],
    }
    one = of_columns(ctx, columns, "text-generation")
    two = of_columns(ctx, other, "text-generation")
    found = compare.compare(ctx, [one, two])
    assert "cut the text into different tokens" in found.note
    assert "perplexity" not in found.best and found.rows == 40
    (test,) = found.tests
    assert isinstance(test, Resampled) and test.metric == "nll"
    same = compare.compare(ctx, [one, of_columns(ctx, columns, "text-generation")])
    assert same.note == "" and [t.metric for t in same.tests] == ["perplexity"]  # type: ignore[union-attr]
    texts = {name: columns[name] for name in ("row", "prompt", "text", "prediction")}
    written = [of_columns(ctx, texts, "text-generation") for _ in "ab"]
    assert compare.compare(ctx, written).tests[0].metric == "rougeL"  # type: ignore[union-attr]


def test_a_sentence_says_why_rows_are_not_the_same(ctx: Context) -> None:
    columns = columns_of("translation")
    one = of_columns(ctx, columns, "translation")
    fewer = {name: values[:39] for name, values in columns.items()}
    moved = columns | {"row": [n + 1 for n in columns["row"]]}
    changed = columns | {"target": [*columns["target"][:9], "x", *columns["target"][10:]]}
    for other, words in (
        (
            of_columns(ctx, columns, "translation", fingerprint="f2"),
            "on different rows (test:1, test:1)",
        ),
        (answered(ctx, "summarization", 0), "of different tasks (summarization, translation)"),
        (of_columns(ctx, fewer, "translation"), "has 40 rows and"),
        (of_columns(ctx, moved, "translation"), "differ in `row` from the row at place 1 on"),
        (of_columns(ctx, changed, "translation"), "differ in `target` from the row at place 10 on"),
    ):
        found = compare.compare(ctx, [one, other])
        assert words in found.note and found.note.endswith("no test can be made.")
        assert found.tests == () and found.rows is None
        assert words in fmtui("run", "compare", one, other).out
    broken = of_columns(ctx, columns, "translation")
    (ctx.home.runs / broken / "output" / "predictions.parquet").write_bytes(b"PAR1")
    assert "No test can be made: " in compare.compare(ctx, [one, broken]).note
    tuned = make_run(ctx)
    assert "are of different kinds" in compare.compare(ctx, [one, tuned]).note


def test_what_would_take_too_long_is_sampled(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(verdict.MOST_ROWS, "summarization", 25)
    one, two = answered(ctx, "summarization", 0), answered(ctx, "summarization", 3)
    (test,) = compare.compare(ctx, [one, two]).tests
    assert isinstance(test, Resampled) and (test.rows, test.of) == (25, 40)
    assert "on 25 of the 40 rows, drawn by seed" in test.sentence()


def test_few_rows_are_called_few(ctx: Context) -> None:
    test = Resampled("r1", "r2", "f1", 12, 12, 0.1, -0.05, 0.2, 0.3)
    assert test.sentence() == (
        "The difference may be chance: f1 of r2 is higher than of r1 by 0.1 (95% interval -0.05 to "
        "0.2), paired bootstrap p = 0.3; 12 rows are few to tell by."
    )
