"""Measuring a model is at least twice as fast as transformers' pipeline at batch size 1, at least
1.5 times as fast as at 32, and gives the same predictions.

MiniLM, finetuned for a moment, on banking77's test rows, or on the demo's messages: CPU seconds
from texts to predictions, tokenizing and all. Each way is a process of its own, and they take
turns. The pipeline gets a list of texts, as its documentation advises.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from tools import rows, worker_environment
from tools.turns import take

LIMITS = {"pipeline_1": 2.0, "pipeline_32": 1.5}
TRAIN, TEST = 1500, 3080
PROGRAM = Path(__file__).parent / "tools" / "measuring_ways.py"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=TEST)
    arguments = parser.parse_args()
    train, test, source = rows(TRAIN, arguments.rows)
    with tempfile.TemporaryDirectory() as temp:
        job = Path(temp) / "job.json"
        job.write_text(json.dumps({"folder": temp, "train": train, "test": test}))
        take({"model": ([sys.executable, str(PROGRAM), "model", str(job)], worker_environment())})
        found = take(
            {
                way: ([sys.executable, str(PROGRAM), way, str(job)], worker_environment())
                for way in ("ours", *LIMITS)
            }
        )
    ours = found["ours"]
    measured: dict[str, Any] = {"data": source, "rows": len(test)}
    holds = True
    for way, values in found.items():
        faster = values["cpu_s"] / ours["cpu_s"]
        differ = sum(a != b for a, b in zip(values["found"], ours["found"], strict=True))
        holds &= faster >= LIMITS.get(way, 0.0) and not differ
        right = sum(a == b for a, (_, b) in zip(values["found"], test, strict=True))
        measured[way] = {
            "rows_per_cpu_s": round(len(test) / values["cpu_s"], 1),
            "accuracy": round(right / len(test), 4),
            "predictions_that_differ": differ,
            "ours_is_faster": round(faster, 3),
        }
    claim = (
        f"measuring is {LIMITS['pipeline_1']:g} times as fast as the pipeline at batch size 1, "
        f"{LIMITS['pipeline_32']} times as fast as at 32, with identical predictions"
    )
    print(json.dumps({"claim": claim, "measured": measured, "holds": holds}))
    return 0 if holds else 1


if __name__ == "__main__":
    raise SystemExit(main())
