"""Metrics as `evaluate.Metric` subclasses that are at home offline.

`evaluate.load("accuracy")` asks the hub; these need nothing but the library's machinery, and
compute through `fmtui.metrics`, as everything here that judges a model does. Those that take the
same inputs can be put together by `evaluate.combine`; `of_task` does that for a task.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Rows
from typing import Any, ClassVar

import evaluate
import numpy as np
from datasets import Features, Sequence, Value

from fmtui.metrics import classification as by_class
from fmtui.metrics import generation, measure, overlap, translation
from fmtui.metrics.parts import means

_TEXT = Value("string")


def _inputs(predictions: Any, references: Any) -> Features:
    return Features({"predictions": predictions, "references": references})


class OfflineMetric(evaluate.Metric):  # type: ignore[misc]
    """A metric of ours: which inputs it takes, and which figures it gives."""

    INPUTS: ClassVar[Any]
    GIVES: ClassVar[tuple[str, ...]]
    SOURCE: ClassVar[str] = ""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"keep_in_memory": True} | kwargs)

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=type(self).__doc__ or "",
            citation=self.SOURCE,
            inputs_description=str(self.INPUTS),
            features=self.INPUTS,
        )

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        found = self.measure(predictions, references)
        return {name: found[name] for name in self.GIVES if name in found}

    def measure(self, predictions: Any, references: Any) -> dict[str, float]:
        """Figures by name, these and perhaps more."""
        raise NotImplementedError


class LabelMetric(OfflineMetric):
    """A metric over predicted and true label ids, one a row."""

    INPUTS = _inputs(Value("int64"), Value("int64"))

    def measure(self, predictions: Any, references: Any) -> dict[str, float]:
        columns = {"label": references, "prediction": predictions}
        return measure("text-classification", columns, resamples=0).metrics


class Accuracy(LabelMetric):
    """Share of rows whose label is right."""

    GIVES = ("accuracy",)


class F1(LabelMetric):
    """F1 of each label averaged: plain (macro), by its number of rows (weighted), and pooled."""

    GIVES = ("f1_macro", "f1_micro", "f1_weighted")


class PrecisionRecall(LabelMetric):
    """Precision and recall of each label, averaged plainly."""

    GIVES = ("precision_macro", "recall_macro")


class MatthewsCorrelation(LabelMetric):
    """The correlation of predicted and true labels."""

    GIVES = ("mcc",)
    SOURCE = "Gorodkin 2004"


class ConfusionMatrix(LabelMetric):
    """Counts: row is the true label, column the predicted one."""

    def _compute(
        self, predictions: Any, references: Any, num_labels: int | None = None
    ) -> dict[str, Any]:
        true, predicted = np.asarray(references), np.asarray(predictions)
        labels = num_labels or int(max(true.max(), predicted.max())) + 1
        return {"confusion_matrix": by_class.confusion(true, predicted, labels)}


class MultiLabel(OfflineMetric):
    """Rows with any number of labels, each a vector of 0 and 1: F1, same set, single mistakes."""

    INPUTS = _inputs(Sequence(Value("int64")), Sequence(Value("int64")))
    GIVES = ("f1_macro", "f1_micro", "f1_weighted", "accuracy", "hamming_loss")

    def measure(self, predictions: Any, references: Any) -> dict[str, float]:
        columns = {
            name: [[str(i) for i in np.flatnonzero(row)] for row in rows]
            for name, rows in (("label", references), ("prediction", predictions))
        }
        labels = [str(i) for i in range(len(references[0]))]
        return measure("text-classification", columns, labels, resamples=0).metrics


class Entities(OfflineMetric):
    """Entities in tags, as seqeval counts them by default."""

    INPUTS = _inputs(Sequence(_TEXT), Sequence(_TEXT))
    GIVES = ("precision", "recall", "f1", "accuracy")
    SOURCE = "seqeval, Nakayama 2018"

    def measure(self, predictions: Any, references: Any) -> dict[str, float]:
        columns = {"tags": references, "prediction": predictions}
        return measure("token-classification", columns, resamples=0).metrics


class Answers(OfflineMetric):
    """Exact match and F1 of extracted answers, by the rule of SQuAD; references: a row's answers,
    none where there is none."""

    INPUTS = _inputs(_TEXT, Sequence(_TEXT))
    GIVES = ("exact", "f1", "has_answer_exact", "has_answer_f1", "no_answer_exact")
    SOURCE = "Rajpurkar, Jia and Liang 2018"

    def measure(self, predictions: Any, references: Any) -> dict[str, float]:
        columns = {"answers": references, "prediction": predictions}
        return measure("question-answering", columns, resamples=0).metrics


class Rouge(OfflineMetric):
    """ROUGE-1, -2, -L and -Lsum with stemming; references: a text, or several a row."""

    INPUTS: ClassVar[Any] = [_inputs(_TEXT, Sequence(_TEXT)), _inputs(_TEXT, _TEXT)]
    GIVES = overlap.KINDS
    SOURCE = "Lin 2004"

    def measure(self, predictions: Any, references: Any) -> dict[str, float]:
        return means(self.GIVES, overlap.rouge(predictions, references, self.GIVES)).values()


class Bleu(OfflineMetric):
    """sacreBLEU, and BLEU up to one, two, three and four words."""

    INPUTS = _inputs(_TEXT, _TEXT)
    GIVES = ("sacrebleu", "bleu_1", "bleu_2", "bleu_3", "bleu_4")
    SOURCE = "Papineni et al. 2002; Post 2018"

    def measure(self, predictions: Any, references: Any) -> dict[str, float]:
        return translation.bleu(predictions, references, names=self.GIVES).values()


class Chrf(OfflineMetric):
    """chrF2 over up to six characters."""

    INPUTS = _inputs(_TEXT, _TEXT)
    GIVES = ("chrf",)
    SOURCE = "Popović 2015"

    def measure(self, predictions: Any, references: Any) -> dict[str, float]:
        return translation.chrf(predictions, references).values()


class Perplexity(OfflineMetric):
    """e to the loss a token; predictions: a row's summed negative log likelihood, references: how
    many tokens it is over."""

    INPUTS = _inputs(Value("float64"), Value("int64"))
    GIVES = ("perplexity", "loss")

    def measure(self, predictions: Any, references: Any) -> dict[str, float]:
        parts = generation.perplexity(predictions, references)
        return parts[0].values() if parts else {}


OF_TASK: dict[str, tuple[type[OfflineMetric], ...]] = {
    "text-classification": (Accuracy, F1, PrecisionRecall, MatthewsCorrelation),
    "token-classification": (Entities,),
    "question-answering": (Answers,),
    "summarization": (Rouge,),
    "translation": (Bleu, Chrf),
    "text-generation": (Perplexity,),
}


def of_task(task: str) -> Any:
    """The metrics of a task, put together: `.compute(predictions=..., references=...)`."""
    return evaluate.combine([metric() for metric in OF_TASK[task]])


def of(task: str, columns: Mapping[str, Rows[Any]], labels: Rows[str]) -> dict[str, float]:
    """A task's metrics, from the columns of its records and of what was predicted."""
    return measure(task, columns, labels, resamples=0).metrics


def details(task: str, columns: Mapping[str, Rows[Any]], labels: Rows[str]) -> dict[str, Any]:
    """What a report holds, intervals and all: see `fmtui.metrics.Measured`."""
    return measure(task, columns, labels).as_report()
