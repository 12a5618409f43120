"""`python measuring_ways.py WAY JOB`: predict a label for each text, in turns with other ways.

JOB is a JSON file: the folder to work in, rows to train and to measure on. The way `model` makes
the model that the others measure.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tools import write
from tools.runs import finetune_run
from tools.turns import Turn

TASK = "text-classification"


def model(job: dict[str, Any], turn: Turn) -> list[str]:
    """Finetune for a moment, so that predictions are no matter of chance."""
    from fmtui.runs.folder import RunFolder
    from fmtui.workers.finetune import run
    from fmtui.workers.harness import Worker

    folder = Path(job["folder"])
    data = write(folder / "train.csv", job["train"])
    turn.begin()
    run(Worker(RunFolder(finetune_run(folder, data, num_train_epochs=2.0, save_strategy="no"))))
    return []


def ours(job: dict[str, Any], turn: Turn) -> list[str]:
    """What an evaluate run predicts with."""
    from fmtui.workers.tasks import get_procedure

    procedure = get_procedure(TASK)
    loaded = procedure.load(_made(job), {"task": TASK, "kind": "evaluate", "settings": {}})
    loaded.model.eval()
    records = [{"text": text, "label": label} for text, label in job["test"]]
    turn.begin()
    found = procedure.predict(loaded, records, lambda done, total: turn(done / total))
    return list(found["prediction"])


def pipeline_1(job: dict[str, Any], turn: Turn) -> list[str]:
    return _piped(job, turn, 1)


def pipeline_32(job: dict[str, Any], turn: Turn) -> list[str]:
    return _piped(job, turn, 32)


def _piped(job: dict[str, Any], turn: Turn, size: int) -> list[str]:
    from transformers import pipeline

    made = pipeline(TASK, str(_made(job)), device=-1)
    texts = [text for text, _ in job["test"]]
    found = []
    turn.begin()
    for answer in made((text for text in texts), batch_size=size, truncation=True):
        found.append(answer["label"])
        turn(len(found) / len(texts))
    return found


def _made(job: dict[str, Any]) -> Path:
    return Path(job["folder"]) / "runs" / "r1" / "output" / "model"


def main() -> None:
    turn = Turn()
    job = json.loads(Path(sys.argv[2]).read_text())
    ways = {"model": model, "ours": ours, "pipeline_1": pipeline_1, "pipeline_32": pipeline_32}
    found = ways[sys.argv[1]](job, turn)
    turn.end(cpu_s=turn.used(), found=found)


if __name__ == "__main__":
    main()
