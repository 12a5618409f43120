"""The evaluate run: predict every row, measure, keep predictions and report."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from fmtui.errors import BadInputError
from fmtui.metrics import measure
from fmtui.runs.process import write_json
from fmtui.tasks import get_task
from fmtui.workers.harness import Worker
from fmtui.workers.loading import examples
from fmtui.workers.tasks import get_procedure
from fmtui.workers.tasks.base import Base, Columns, Loaded

_ROWS = 4096
"""In a group of the file: who wants one row reads so many."""


def run(worker: Worker) -> None:
    """Measure `spec.model` on `spec.data`.

    Leaves output/predictions.parquet (the records with what was made of each) and
    output/report.json (metrics, labels, method, and what the task's figures are by label).
    """
    spec = worker.spec
    found = examples(worker, "data", get_task(spec["task"]))
    worker.resume_from()
    worker.journal.state("running")
    worker.say(f"evaluating {len(found.records):,} rows")

    def tick(done: int, total: int) -> None:
        worker.check_canceled()
        if done % 5 == 0 or done == total:
            worker.journal.write("progress", step=done, total=total, epoch=done / total, epochs=1)

    path = Path(spec["model"]["path"])
    if spec["method"] == "zero-shot":
        from fmtui.workers.tasks.text_classification import zero_shot

        loaded = _on_device(Base("AutoModel").load(path, spec))
        loaded.labels = list(spec["labels"])
        predicted = zero_shot(loaded, found.records, loaded.labels, tick)
    else:
        procedure = get_procedure(spec["task"])
        loaded = _on_device(procedure.load(path, spec))
        predicted = procedure.predict(loaded, found.records, tick)
    _refuse_nan(predicted, spec["model"]["ref"])
    columns: Columns = {
        **{key: [record.get(key) for record in found.records] for key in found.records[0]},
        "row": found.numbers,
        **predicted,
    }
    _report(worker, columns, loaded)


def _refuse_nan(predicted: Columns, model: str) -> None:
    """Raise BadInputError where no answer is a number: what is then right is so by chance."""
    known = [loss for loss in predicted.get("loss", ()) if loss is not None]
    if known and all(loss != loss for loss in known):
        raise BadInputError(
            f"{model} answers every row with NaN, which is no number",
            hint="Its weights are broken, as by a training that ran away: take another version.",
        )


def _on_device(loaded: Loaded) -> Loaded:
    import torch

    loaded.model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
    return loaded


def _report(worker: Worker, columns: Columns, loaded: Loaded) -> None:
    task, labels = worker.spec["task"], loaded.labels
    values = measure(task, columns, labels, resamples=0).metrics
    worker.journal.metrics(0, None, "test", values)
    worker.say(" ".join(f"{name} {value:.4f}" for name, value in values.items()))

    worker.journal.state("finalizing")
    output = worker.folder.output
    output.mkdir(exist_ok=True)
    temp = output / ".predictions.part"
    pq.write_table(pa.table(columns), temp, row_group_size=_ROWS)
    temp.replace(output / "predictions.parquet")
    # Of tokens the details have types for labels, which their matrix is about.
    report = {
        "labels": labels,
        **measure(task, columns, labels).as_report(),
        "method": worker.spec["method"],
        "limit": loaded.limit,
    }
    write_json(output / "report.json", report)
