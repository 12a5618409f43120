"""Evaluations of every task as an evaluate run leaves them, of made-up predictions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fmtui.metrics import measure
from fmtui.services.context import Context
from tests.fmtui.metrics.columns import LABELS, answered, classified, many_labeled, tagged, written
from tests.screens.tools import make_run

Columns = dict[str, Any]


def columns_of(task: str, rows: int = 40, seed: int = 0) -> Columns:
    """Predictions of a task with all its columns."""
    if task == "text-classification":
        return classified(rows=rows, seed=seed)
    if task == "multi-label":
        return {"row": list(range(1, rows + 1))} | many_labeled(rows, seed)
    if task == "token-classification":
        return {"row": list(range(1, rows + 1))} | tagged(rows, seed)
    if task == "question-answering":
        columns = answered(rows, seed)
        right = [p in a for p, a in zip(columns["prediction"], columns["answers"], strict=True)]
        return {"row": list(range(1, rows + 1))} | columns | {"right": right}
    references, hypotheses = written(rows, seed)
    more = {
        "row": list(range(1, rows + 1)),
        "prediction": hypotheses,
        "loss": [float(len(text) % 7) for text in hypotheses],
        "length": [3 * len(text.split()) for text in references],
    }
    if task == "summarization":
        documents = [f"{text} and much more" for text in references]
        return {"document": documents, "summary": [[text] for text in references]} | more
    if task == "translation":
        return {"source": [f"de: {t}" for t in references], "target": references} | more
    nll = [loss * 5 for loss in more["loss"]]
    return {"prompt": ["say"] * rows, "text": references, "nll": nll, "tokens": [5] * rows} | more


def evaluated(
    ctx: Context,
    columns: Columns,
    task: str = "text-classification",
    *,
    labels: Sequence[str] = (),
    fingerprint: str = "f1",
    report: dict[str, Any] | None = None,
    **values: Any,
) -> str:
    """An evaluate run that answered so; its report is measured unless one is given."""
    made = measure(task, columns, labels, resamples=100).as_report() if report is None else report
    run = make_run(
        ctx, kind="evaluate", task=task, data="test:1",
        metrics=json.dumps(made.get("metrics", {})), **values,
    )  # fmt: skip
    folder = ctx.home.runs / run
    spec = json.loads((folder / "spec.json").read_text())
    spec["data"] = {"ref": "test:1", "fingerprint": fingerprint, "split": None}
    (folder / "spec.json").write_text(json.dumps(spec))
    output = folder / "output"
    output.mkdir()
    pq.write_table(pa.table(columns), output / "predictions.parquet", row_group_size=16)
    (output / "report.json").write_text(json.dumps({"method": "model", **made}))
    return run


def of_task(ctx: Context, task: str, rows: int = 40, seed: int = 0) -> str:
    """An evaluation of made-up predictions; `multi-label` is a task here."""
    columns = columns_of(task, rows, seed)
    labels = LABELS if "scores" in columns else ()
    name = "text-classification" if task == "multi-label" else task
    return evaluated(ctx, columns, name, labels=labels)
