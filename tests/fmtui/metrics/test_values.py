"""Every value is the one that the field's own library gives on the same predictions."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from fmtui.errors import BadInputError
from fmtui.metrics import measure
from tests.fmtui.metrics.columns import (
    LABELS,
    Columns,
    answered,
    classified,
    label_names,
    many_labeled,
    tagged,
    written,
)


def values(task: str, columns: Columns, labels: Any = ()) -> dict[str, float]:
    return measure(task, columns, labels, resamples=0).metrics


@pytest.mark.parametrize(("labels", "seed"), [(2, 0), (5, 1), (5, 2), (40, 3)])
def test_classification_is_scikit_learn_s(labels: int, seed: int) -> None:
    from sklearn import metrics as sk

    columns, names = classified(labels=labels, seed=seed), label_names(labels)
    true, predicted = columns["label"], columns["prediction"]
    scores = np.array(columns["scores"])
    expected = {
        "accuracy": sk.accuracy_score(true, predicted),
        "mcc": sk.matthews_corrcoef(true, predicted),
        "loss": sk.log_loss(true, scores, labels=sorted(names)) if labels <= 5 else None,
        **{
            f"f1_{average}": sk.f1_score(true, predicted, average=average, zero_division=0)
            for average in ("macro", "micro", "weighted")
        },
        "precision_macro": sk.precision_score(true, predicted, average="macro", zero_division=0),
        "recall_macro": sk.recall_score(true, predicted, average="macro", zero_division=0),
    }
    places = [names.index(label) for label in true]
    expected["auc"] = (
        sk.roc_auc_score(places, scores[:, 1])
        if labels == 2
        else sk.roc_auc_score(places, scores, multi_class="ovr", average="macro")
    )
    found = values("text-classification", columns, names)
    for name, value in expected.items():
        if value is not None:
            assert found[name] == pytest.approx(value, abs=1e-12), name
    without = {k: v for k, v in columns.items() if k not in ("loss", "score")}
    again = values("text-classification", without, names)
    assert again == pytest.approx(found), "what is missing follows from the scores"


def test_macro_averages_are_over_the_labels_that_occur() -> None:
    from sklearn import metrics as sk

    columns = {"label": ["a", "a", "b", "d"], "prediction": ["a", "b", "b", "c"]}
    found = measure("text-classification", columns, ["never", "a", "b", "c"])
    true, predicted = columns["label"], columns["prediction"]
    assert found.metrics["f1_macro"] == sk.f1_score(
        true, predicted, average="macro", zero_division=0
    )
    assert found.labels == ("never", "a", "b", "c", "d"), "one that no model knows comes last"
    assert found.confusion_matrix is not None
    assert (
        found.confusion_matrix == sk.confusion_matrix(true, predicted, labels=found.labels).tolist()
    )
    by_label = {row["label"]: row for row in found.per_label}
    assert by_label["never"]["rows"] == 0 and by_label["b"]["precision"] == 0.5
    assert "auc" not in found.metrics and "ece" not in found.metrics and found.calibration == []


def test_several_labels_a_row_are_scikit_learn_s() -> None:
    from sklearn import metrics as sk

    columns = many_labeled()
    true, predicted = (
        np.array([[label in row for label in LABELS] for row in columns[name]])
        for name in ("label", "prediction")
    )
    found = values("text-classification", columns, LABELS)
    expected = {
        "accuracy": sk.accuracy_score(true, predicted),
        "hamming_loss": sk.hamming_loss(true, predicted),
        "auc": sk.roc_auc_score(true, np.array(columns["scores"]), average="macro"),
        **{
            f"f1_{average}": sk.f1_score(true, predicted, average=average, zero_division=0)
            for average in ("macro", "micro", "weighted")
        },
    }
    assert found == pytest.approx(expected, abs=1e-12)
    nothing = {"label": [["a"], []], "prediction": [[], []]}
    assert values("text-classification", nothing, ["a", "b"])["f1_macro"] == 0.0


def test_the_error_of_calibration_is_the_gap_weighted_by_rows() -> None:
    columns = {
        "label": ["a", "a", "a", "a", "b"],
        "prediction": ["a", "a", "b", "a", "b"],
        "score": [0.95, 0.97, 0.96, 0.51, 0.0],
    }
    found = measure("text-classification", columns, ["a", "b"])
    assert found.metrics["ece"] == pytest.approx((abs(0.96 * 3 - 2) + 0.49 + 1.0) / 5)
    assert [(b["rows"], round(b["low"], 3)) for b in found.calibration] == [
        (1, 0.0), (1, 0.467), (3, 0.933),
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_entities_are_seqeval_s(seed: int) -> None:
    from seqeval import metrics as seqeval

    columns = tagged(seed=seed)
    true, predicted = columns["tags"], columns["prediction"]
    found = measure("token-classification", columns, resamples=0)
    assert found.metrics == pytest.approx(
        {
            "precision": seqeval.precision_score(true, predicted),
            "recall": seqeval.recall_score(true, predicted),
            "f1": seqeval.f1_score(true, predicted),
            "accuracy": seqeval.accuracy_score(true, predicted),
            "loss": float(np.mean(columns["loss"])),
        },
        abs=1e-12,
    )
    report = seqeval.classification_report(true, predicted, output_dict=True)
    for row in found.per_label:
        its = report[row["label"]]
        assert (row["precision"], row["recall"], row["f1"], row["rows"]) == pytest.approx(
            (its["precision"], its["recall"], its["f1-score"], its["support"])
        )
    matrix = np.array(found.confusion_matrix)
    assert matrix.sum() == sum(map(len, true)) and found.labels[-1] == "O"
    kinds = [tag[2:] or "O" for row in true for tag in row]
    assert matrix.sum(1).tolist() == [kinds.count(label) for label in found.labels]


def test_tags_that_do_not_fit_are_refused_with_their_row() -> None:
    columns = {"tags": [["O"], ["B-A", "O"]], "prediction": [["O"], ["O"]], "row": [3, 9]}
    with pytest.raises(BadInputError, match="row 9: 1 tags are predicted for 2"):
        measure("token-classification", columns)
    empty = {"tags": [[], ["O", ""]], "prediction": [[], ["O", "O"]]}
    assert values("token-classification", empty)["f1"] == 0.0


@pytest.mark.parametrize(
    ("prediction", "answers", "exact", "f1"),
    [
        ("Denver Broncos", ["Denver Broncos"], 1, 1.0),
        ("the denver   BRONCOS!", ["Denver Broncos", "other"], 1, 1.0),  # articles, case, marks
        ("An apple", ["apple"], 1, 1.0),
        ("another", ["other"], 0, 0.0),  # an article only where it is a word
        ("Denver", ["Denver Broncos"], 0, 2 / 3),
        ("x y y", ["y y y z"], 0, 4 / 7),  # a word counts as often as it stands in both
        ("left", ["right", "left side"], 0, 2 / 3),  # the best of the answers
        ("", [], 1, 1.0),  # nothing is there, and nothing is answered
        ("something", [], 0, 0.0),
        ("", ["something"], 0, 0.0),
        ("The", [], 1, 1.0),  # nothing is left of it
        ("", ["a", "..."], 1, 1.0),  # gold that is nothing when folded is no answer
        ("well-known", ["wellknown"], 1, 1.0),  # marks are dropped, not split at
        ("1,000", ["1000"], 1, 1.0),
    ],
)
def test_answers_are_judged_by_squad_s_rule(
    prediction: str, answers: list[str], exact: int, f1: float
) -> None:
    found = values("question-answering", {"prediction": [prediction], "answers": [answers]})
    assert found["exact"] == 100 * exact
    assert found["f1"] == pytest.approx(100 * f1)


def test_answers_are_told_apart_by_whether_there_is_one() -> None:
    columns = {"prediction": ["a b", "", "x", "c"], "answers": [["b"], [], [], ["c d"]]}
    assert values("question-answering", columns) == pytest.approx(
        {
            "exact": 50.0,
            "f1": (100 + 100 + 0 + 200 / 3) / 4,
            "has_answer_exact": 50.0,
            "has_answer_f1": (100 + 200 / 3) / 2,
            "no_answer_exact": 50.0,
        }
    )
    plain = values("question-answering", answered(unanswerable=False))
    assert plain.keys() == {"exact", "f1"}


@pytest.mark.parametrize("seed", range(2))
def test_summaries_are_rouge_score_s(seed: int) -> None:
    from rouge_score.rouge_scorer import RougeScorer

    references, hypotheses = written(seed=seed)
    more = [[r, references[i - 1]] if i % 3 else [r] for i, r in enumerate(references)]
    kinds = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
    scorer = RougeScorer(kinds, use_stemmer=True)
    scores = [scorer.score_multi(r, h) for r, h in zip(more, hypotheses, strict=True)]
    expected = {kind: np.mean([s[kind].fmeasure for s in scores]) for kind in kinds}
    columns = {"summary": more, "prediction": hypotheses}
    assert values("summarization", columns) == pytest.approx(expected, abs=1e-12)
    scores = [scorer.score(r, h) for r, h in zip(references, hypotheses, strict=True)]
    single = values("summarization", {"summary": references, "prediction": hypotheses})
    assert single["rouge1"] == pytest.approx(np.mean([s["rouge1"].fmeasure for s in scores]))


@pytest.mark.parametrize("seed", range(3))
def test_translations_are_sacrebleu_s(seed: int) -> None:
    from sacrebleu.metrics import BLEU, CHRF

    references, hypotheses = written(seed=seed, keep=0.3 + 0.3 * seed)
    found = values("translation", {"target": references, "prediction": hypotheses})
    expected = {
        "sacrebleu": BLEU().corpus_score(hypotheses, [references]).score,
        "chrf": CHRF().corpus_score(hypotheses, [references]).score,
    }
    for order in (1, 2, 3, 4):
        bleu = BLEU(max_ngram_order=order).corpus_score(hypotheses, [references])
        expected[f"bleu_{order}"] = bleu.score / 100
    assert found == pytest.approx(expected, abs=1e-9)


def test_perplexity_is_e_to_the_loss_a_token() -> None:
    columns: Columns = {"nll": [4.0, 6.0, None, 5.0], "tokens": [2, 3, 4, 0]}
    found = values("text-generation", columns)
    assert found == pytest.approx({"loss": 2.0, "perplexity": np.exp(2.0)})
    assert values("text-generation", {"nll": [1e6], "tokens": [1]})["perplexity"] < np.inf
    assert values("text-generation", {"nll": [None], "tokens": [1]}) == {}


def test_generated_text_is_measured_where_there_is_any() -> None:
    from sacrebleu.metrics import BLEU

    references, hypotheses = written()
    some: list[str | None] = [h if i % 2 else None for i, h in enumerate(hypotheses)]
    some[1] = f" {references[1]}\n"
    found = values("text-generation", {"text": references, "prediction": some})
    known = [i for i, h in enumerate(some) if h is not None]
    bleu = BLEU().corpus_score([some[i] or "" for i in known], [[references[i] for i in known]])
    assert found["bleu_4"] == pytest.approx(bleu.score / 100)
    assert found["exact_match"] >= 1 / len(known)
    rouge = values(
        "summarization",
        {"summary": [references[i] for i in known], "prediction": [some[i] for i in known]},
    )
    assert (found["rouge1"], found["rougeL"]) == pytest.approx((rouge["rouge1"], rouge["rougeL"]))


def test_missing_columns_leave_out_what_needs_them() -> None:
    assert values("translation", {"loss": [1.0, None, 3.0]}) == {"loss": 2.0}
    assert values("summarization", {"document": ["x"]}) == {}
    columns = {"label": ["a", "b"], "prediction": ["a", "a"], "scores": [[0.9, 0.1], None]}
    assert "auc" not in values("text-classification", columns, ["a", "b"])
    for broken in ({}, {"label": []}, {"label": ["a"], "prediction": []}):
        with pytest.raises(BadInputError):
            measure("text-classification", broken)
    with pytest.raises(BadInputError):
        measure("painting", {"label": ["a"]})


@pytest.mark.parametrize(
    ("task", "columns"),
    [
        ("text-classification", classified(rows=12)),
        ("text-classification", many_labeled(rows=9)),
        ("token-classification", tagged(rows=3)),
        ("question-answering", answered(rows=7)),
        ("summarization", dict(zip(("summary", "prediction"), written(3), strict=True))),
        ("translation", dict(zip(("target", "prediction"), written(3), strict=True))),
        ("text-generation", {"nll": [1.0, 2.0], "tokens": [1, 2]}),
    ],
)
def test_a_report_is_json_without_a_warning(task: str, columns: Columns) -> None:
    import json

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = measure(task, columns, LABELS if "scores" in columns else ()).as_report()
    text = json.dumps(report, allow_nan=False)
    assert json.loads(text)["rows"] == len(next(iter(columns.values())))
