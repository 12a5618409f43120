"""The error browser's rows: the worst first, what was taken for what, for every task."""

from __future__ import annotations

from typing import Any

import pytest

from fmtui.errors import NotFoundError, UsageError
from fmtui.services import examples
from fmtui.services.confusions import NOTHING, Confusion, confusions
from fmtui.services.context import Context
from fmtui.services.differences import excerpt, tokens, words
from fmtui.services.examples import Query
from fmtui.services.predictions import Predictions, open_predictions
from tests.evaluations import columns_of, evaluated, of_task

ROWS: dict[str, Any] = {
    "row": [1, 2, 4, 5, 6],
    "text": ["one", "two", "three", "four", "five"],
    "label": ["a", "a", "b", "b", "c"],
    "prediction": ["a", "b", "a", "b", "a"],
    "right": [True, False, False, True, False],
    "loss": [0.1, 2.0, 3.0, 0.2, None],
    "score": [0.9, 0.8, 0.95, 0.7, 0.6],
    "length": [3, 9, 5, 4, 7],
}


def kept(ctx: Context, columns: dict[str, Any], task: str = "text-classification") -> Predictions:
    return open_predictions(ctx, evaluated(ctx, columns, task, labels=["a", "b", "c"]))


def rows(predictions: Predictions, **query: Any) -> list[int | None]:
    found = examples.find(predictions, Query(**query))
    return [e.row for e in examples.page(predictions, found.positions)]


def test_the_worst_come_first_in_each_order(ctx: Context) -> None:
    found = kept(ctx, ROWS)
    assert rows(found) == [4, 2, 6], "wrong rows by loss, unknown last"
    assert rows(found, sort="confidence") == [4, 2, 6]
    assert rows(found, sort="length") == [2, 6, 4]
    assert rows(found, every=True) == [4, 2, 5, 1, 6]
    with pytest.raises(UsageError, match="loss, confidence, length"):
        rows(found, sort="colour")


def test_words_are_looked_for_in_text_truth_and_prediction(ctx: Context) -> None:
    found = kept(ctx, ROWS)
    assert rows(found, text="THREE") == [4]
    assert rows(found, text="b") == [4, 2], "as truth, as prediction"
    assert rows(found, text="fi c") == [6], "all words, parts of words"
    assert rows(found, text="fo") == []
    assert rows(found, text="fo", every=True) == [5]
    assert rows(found, text="t", label="a") == [2]
    assert rows(found, text="  ") == [4, 2, 6]


def test_of_a_chat_what_was_said_last_is_shown_and_all_of_it_searched(ctx: Context) -> None:
    columns = columns_of("text-generation", rows=2)
    said = ["Be kind.", "Who are you?", "A dog.", "And they?", "Cats."]
    roles = ["system", "user", "assistant", "user", "assistant"]
    chat = [{"role": r, "content": c} for r, c in zip(roles, said, strict=True)]
    columns |= {"prompt": ["", ""], "messages": [chat, chat[:3]]}
    found = open_predictions(ctx, evaluated(ctx, columns, "text-generation"))
    shown = {e.row: e.text for e in examples.page(found, [0, 1])}
    assert shown == {1: "And they?", 2: "Who are you?"}
    assert rows(found, text="cats kind", every=True) == [1]
    assert rows(found, text="role", every=True) == []


@pytest.mark.parametrize(
    ("task", "column"),
    [("token-classification", "tokens"), ("question-answering", "context"),
     ("translation", "target"), ("text-generation", "prediction")],
)  # fmt: skip
def test_words_are_looked_for_in_every_task(ctx: Context, task: str, column: str) -> None:
    columns = columns_of(task)
    place = 7
    value = columns[column][place]
    columns[column] = list(columns[column])
    columns[column][place] = [*value[:-1], "Zebra"] if isinstance(value, list) else "a Zebra"
    found = kept(ctx, columns, task)
    assert rows(found, text="zebra", every=True) == [columns["row"][place]]


def test_a_cell_opens_to_its_rows(ctx: Context) -> None:
    found = kept(ctx, ROWS)
    assert rows(found, label="b") == [4]
    assert rows(found, taken_for="a") == [4, 6]
    assert rows(found, label="a", taken_for="b") == [2]
    assert rows(found, label="a", taken_for="a", every=True) == [1]
    assert rows(found, label="c", taken_for="b") == []
    with pytest.raises(NotFoundError, match="no label `d`"):
        rows(found, label="d")
    assert confusions(found) == [
        Confusion("a", "b", 1, 2), Confusion("b", "a", 1, 2), Confusion("c", "a", 1, 1),
    ]  # fmt: skip


def test_what_an_older_run_kept_is_enough(ctx: Context) -> None:
    few = {name: ROWS[name] for name in ("text", "label", "prediction", "score")}
    found = kept(ctx, few)
    order = examples.find(found, Query())
    assert order.sort == "confidence" and list(order.positions) == [2, 1, 4]
    least = kept(ctx, {name: ROWS[name] for name in ("text", "label", "prediction")})
    order = examples.find(least, Query())
    assert order.sort is None and list(order.positions) == [1, 2, 4]


def test_several_labels_are_missed_or_too_many(ctx: Context) -> None:
    columns = {
        "text": ["one", "two", "three"],
        "label": [["a", "b"], ["b"], []],
        "prediction": [["a"], ["b", "c"], ["c"]],
    }
    found = kept(ctx, columns)
    assert confusions(found) == [
        Confusion(NOTHING, "c", 2, 2), Confusion("b", NOTHING, 1, 2),
    ]  # fmt: skip
    assert list(examples.find(found, Query(label="b", taken_for=NOTHING)).positions) == [0]
    example = examples.page(found, [2])[0]
    assert (example.truth, example.prediction) == (NOTHING, "c")


def test_tokens_are_taken_for_other_types_or_bounds(ctx: Context) -> None:
    columns = {
        "tokens": [["Ada", "Lovelace", "met"], ["in", "London"], ["no", "one"]],
        "tags": [["B-PER", "I-PER", "O"], ["O", "B-LOC"], ["O", "O"]],
        "prediction": [["B-PER", "B-PER", "O"], ["O", "O"], ["O", "O"]],
        "right": [False, False, True],
    }
    found = kept(ctx, columns, "token-classification")
    assert confusions(found) == [Confusion("LOC", "O", 1, 1), Confusion("PER", "PER", 1, 1)]
    assert list(examples.find(found, Query(label="LOC")).positions) == [1]
    first = examples.page(found, [0])[0]
    assert first.truth == "PER Ada Lovelace" and first.prediction == "PER Ada, PER Lovelace"
    assert [t.right for t in tokens(examples.whole(found, 0))] == [True, False, True]


@pytest.mark.parametrize("task", ["question-answering", "summarization", "translation"])
def test_tasks_without_labels_say_so(ctx: Context, task: str) -> None:
    found = open_predictions(ctx, of_task(ctx, task))
    assert confusions(found) == []
    with pytest.raises(UsageError, match="has no labels"):
        examples.find(found, Query(label="a"))
    shown = examples.page(found, examples.find(found, Query()).positions[:5])
    assert len(shown) == 5 and all(e.truth for e in shown)


def test_generated_text_is_sorted_by_what_a_token_cost(ctx: Context) -> None:
    columns = {
        "prompt": ["say", "say", ""], "text": ["one", "two", "three"],
        "prediction": ["one", None, "four"], "nll": [4.0, 9.0, None], "tokens": [4, 3, 2],
    }  # fmt: skip
    found = kept(ctx, columns, "text-generation")
    shown = examples.page(found, examples.find(found, Query()).positions)
    assert [e.loss for e in shown] == [3.0, 1.0, None]
    assert [e.prediction for e in shown] == ["–", "one", "four"]


def test_words_that_differ_are_found() -> None:
    found = words("the cat sat on the mat", "the dog sat on a big mat today")
    assert [(s.kind, s.reference, s.hypothesis) for s in found] == [
        ("same", "the", "the"),
        ("changed", "cat", "dog"),
        ("same", "sat on", "sat on"),
        ("changed", "the", "a big"),
        ("same", "mat", "mat"),
        ("extra", "", "today"),
    ]
    assert words("", "") == []
    assert words("a", "")[0].kind == "missing"
    long = "word " * 3000
    assert [s.kind for s in words(long, f"{long}more")] == ["changed"], "too long to align"


def test_an_answer_is_shown_in_its_place() -> None:
    context = "x " * 200 + "Ada Lovelace was born in London " + "y " * 200
    before, answer, after = excerpt(context, ["nowhere", "Ada Lovelace"])
    assert answer == "Ada Lovelace" and before.startswith("…") and after.endswith("…")
    assert len(before) <= 161 and len(after) <= 161
    assert excerpt("short", ["gone"]) == ("short", "", "")
    assert excerpt("short", [""]) == ("short", "", "")


def test_the_best_scores_are_told_by_label() -> None:
    record = {"scores": [0.1, 0.7, 0.2]}
    assert examples.best_scores(["a", "b", "c"], record, 2) == [("b", 0.7), ("c", 0.2)]
    assert examples.best_scores(["a", "b"], record) == []
    assert examples.best_scores(["a"], {}) == []
