"""What rows say about each other: repeats, contradictions, leaks, balance."""

from __future__ import annotations

from typing import Any

from fmtui.data import checks
from fmtui.data.report import Finding, grouped
from fmtui.tasks import get_task
from fmtui.tasks.base import Examples, choose_columns
from tests.fmtui.tasks.tables import table


def found(task: str, columns: str, *rows: tuple[Any, ...]) -> tuple[dict[str, str], Examples]:
    kind, made = get_task(task), table(columns, *rows)
    chosen = choose_columns(kind, made, {})
    return chosen, kind.examples(made, chosen)


def check_rows(task: str, columns: str, *rows: tuple[Any, ...]) -> list[Finding]:
    return checks.check_rows(get_task(task), "d.csv", *found(task, columns, *rows))


def check_parts(task: str, columns: str, **parts: list[tuple[Any, ...]]) -> list[Finding]:
    made = {name: found(task, columns, *rows) for name, rows in parts.items()}
    chosen = next(iter(made.values()))[0]
    examples = {name: pair[1] for name, pair in made.items()}
    return checks.check_parts(get_task(task), examples, {n: f"{n}.csv" for n in parts}, chosen)


def of_kind(findings: list[Finding], kind: str) -> list[tuple[str, tuple[int, ...]]]:
    return [(f.message, f.rows) for f in findings if f.kind == kind]


def test_repeats_and_contradictions_have_their_rows() -> None:
    rows = [("Same  text", "a"), ("same text", "b"), ("same text", "a"), ("other", "a")]
    findings = check_rows("text-classification", "text label", *rows)
    assert of_kind(findings, "rows that contradict an earlier one") == [
        ("the same input as row 1 with another answer (1 such row)", (1, 2))
    ]
    assert of_kind(findings, "rows that repeat an earlier one") == [
        ("1 row repeats an earlier row", (3,))
    ]
    assert (findings[0].row, findings[0].column) == (2, "label")


def test_two_answers_to_a_prompt_contradict_nothing() -> None:
    rows = [("Say hi.", "Hi."), ("Say hi.", "Hello."), ("Say hi.", "Hi.")]
    findings = check_rows("text-generation", "prompt completion", *rows)
    assert [f.kind for f in findings] == ["rows that repeat an earlier one"]


def test_the_same_question_of_other_contexts_is_no_repeat() -> None:
    answers = {"text": [], "answer_start": []}
    rows = [("Who?", "One context.", answers), ("Who?", "Another.", answers)]
    assert check_rows("question-answering", "question context answers", *rows) == []


def test_labels_that_are_several_are_told() -> None:
    several = [(f"text {i}", ("a;b", "a", "b", "b;a", "c|a")[i % 5]) for i in range(50)]
    (finding,) = (f for f in found("text-classification", "text tags", *several)[1].warnings)
    assert finding.message == (
        "30 rows have a label that looks like several, as `a;b`: "
        "take them apart with --columns labels=tags"
    )
    once = [(f"text {i}", ("a", "b", "a;b" if i == 4 else "c")[i % 3]) for i in range(50)]
    assert found("text-classification", "text tags", *once)[1].warnings == []
    names = [(f"text {i}", ("fish;chips", "peas|rice")[i % 2]) for i in range(50)]
    assert found("text-classification", "text tags", *names)[1].warnings == []


def test_labels_out_of_balance_are_told() -> None:
    rows = [(f"text {i}", "Card") for i in range(95)] + [(f"no {i}", "card ") for i in range(3)]
    rows += [("x", "loan"), ("y", "CARD")]
    messages = [f.message for f in check_rows("text-classification", "text label", *rows)]
    assert messages == [
        "3 labels with fewer than 5 examples: `CARD`, `card`, `loan`",
        "`Card` has 95.0% of the examples",
        "`CARD`, `Card`, `card` differ in case or space alone",
    ]


def test_a_header_among_the_rows_or_none_is_told() -> None:
    rows = [*[(f"text {i}", "ab"[i % 2]) for i in range(20)], ("text", "label")]
    (told,) = of_kind(
        check_rows("text-classification", "text label", *rows), "a label that is the column's name"
    )
    assert told[0].startswith("`label` is the column's name and a label as well")
    assert told[1] == (21,)


def test_the_balance_of_tags_counts_spans_and_not_what_lies_outside() -> None:
    rows = [("a b c d e f", "B-x I-x I-x O O O")] * 6 + [("g h", "B-y O")]
    messages = [f.message for f in check_rows("token-classification", "tokens tags", *rows)]
    assert "1 label with fewer than 5 examples: `y`" in messages
    assert not any("has 9" in message for message in messages)


def test_rows_that_leak_have_their_place_in_the_later_part() -> None:
    findings = check_parts(
        "text-classification",
        "text label",
        train=[("one", "a"), ("two", "b")],
        test=[("three", "a"), ("TWO ", "a"), ("one", "b")],
    )
    assert of_kind(findings, "rows that another part has too") == [
        ("2 rows of test are in train too (66.7%)", (2, 3))
    ]
    assert (findings[0].file, findings[0].row) == ("test.csv", 2)


def test_a_context_that_leaks_is_told_where_no_question_does() -> None:
    answers = {"text": [], "answer_start": []}
    findings = check_parts(
        "question-answering",
        "question context answers",
        train=[("Who?", "One context.", answers)],
        test=[("Where?", "One context.", answers), ("Who?", "Another.", answers)],
    )
    assert [(f.message, f.rows) for f in findings] == [
        ("1 row of test with a context that train has too", (1,))
    ]


def test_labels_in_one_part_alone_are_told() -> None:
    findings = check_parts(
        "text-classification",
        "text label",
        train=[("one", "a"), ("two", "b")],
        test=[("three", "a"), ("four", "c")],
    )
    assert [(f.message, f.file, f.column) for f in findings] == [
        ("1 label of test not in train: `c`", "test.csv", "label"),
        ("1 label of train not in test: `b`", "train.csv", "label"),
    ]


def test_findings_of_a_kind_stand_together() -> None:
    groups = grouped(
        [
            Finding("a 1", "d.csv", 3, kind="a"),
            Finding("b", "d.csv", 1),
            Finding("a 2", "d.csv", 2, kind="a"),
            Finding("a 3", "e.csv", 1, kind="a", rows=(1, 5)),
        ]
    )
    assert [(g.kind, len(g.findings), g.rows) for g in groups] == [
        ("a", 2, (2, 3)),
        ("b", 1, (1,)),
        ("a", 1, (1, 5)),
    ]
