"""The metrics that the trainer calls: offline, composable, and the same as those of a report."""

from __future__ import annotations

from typing import Any

import evaluate
import numpy as np
import pytest

from fmtui.metrics import measure
from fmtui.workers import metrics
from tests.fmtui.metrics.columns import LABELS, classified, many_labeled, tagged, written

TEXTS = written(12)


def _ids(name: str) -> list[int]:
    return [LABELS.index(label) for label in classified(rows=40)[name]]


@pytest.mark.parametrize(
    ("task", "truth", "predictions", "references"),
    [
        ("text-classification", "label", _ids("prediction"), _ids("label")),
        ("token-classification", "tags", tagged(9)["prediction"], tagged(9)["tags"]),
        ("question-answering", "answers", ["a b", "", "x"], [["b", "c"], [], ["y"]]),
        ("summarization", "summary", TEXTS[1], TEXTS[0]),
        ("summarization", "summary", TEXTS[1], [[r, "other"] for r in TEXTS[0]]),
        ("translation", "target", TEXTS[1], TEXTS[0]),
    ],
)
def test_a_task_s_metrics_are_those_of_its_report(
    task: str, truth: str, predictions: Any, references: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    found = metrics.of_task(task).compute(predictions=predictions, references=references)
    expected = measure(task, {truth: references, "prediction": predictions}, resamples=0).metrics
    assert found == pytest.approx(expected)


def test_perplexity_takes_what_was_lost_and_over_how_many_tokens() -> None:
    found = metrics.of_task("text-generation").compute(predictions=[2.0, 4.0], references=[1, 2])
    assert found == pytest.approx({"perplexity": np.exp(2.0), "loss": 2.0})


def test_several_labels_are_vectors_of_yes_and_no() -> None:
    columns = many_labeled()
    vectors = {
        name: [[int(label in row) for label in LABELS] for row in columns[name]]
        for name in ("label", "prediction")
    }
    found = metrics.MultiLabel().compute(
        predictions=vectors["prediction"], references=vectors["label"]
    )
    report = measure("text-classification", columns, LABELS, resamples=0).metrics
    assert found == pytest.approx({name: report[name] for name in found})


def test_metrics_of_the_same_inputs_go_together() -> None:
    both = evaluate.combine([metrics.Rouge(), metrics.Chrf()])
    found = both.compute(predictions=TEXTS[1], references=TEXTS[0])
    assert {"rouge1", "rougeLsum", "chrf"} <= found.keys()
    batches = metrics.Accuracy()
    batches.add_batch(predictions=[1, 0], references=[1, 1])
    batches.add_batch(predictions=[1], references=[1])
    assert batches.compute() == {"accuracy": pytest.approx(2 / 3)}


def test_what_a_run_asks_for() -> None:
    columns = classified(rows=40)
    found = metrics.of("text-classification", columns, LABELS)
    report = metrics.details("text-classification", columns, LABELS)
    assert report["metrics"] == found and report["intervals"].keys() == found.keys()
    matrix = metrics.ConfusionMatrix().compute(
        predictions=_ids("prediction"), references=_ids("label"), num_labels=5
    )
    assert matrix == {"confusion_matrix": report["confusion_matrix"]}
