"""From the start of a finetune run's process to its first step: at most 1.2 times what importing
torch and transformers and loading the model cost by themselves.

MiniLM and 2,000 texts, CPU seconds of whole processes, one after the other, medians. The worker
is the real one; it says in its log when its first step is made.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
import tempfile
from pathlib import Path

from tools import cpu_seconds, minilm, rows, write
from tools.runs import finetune_run

LIMIT = 1.2
ROUNDS = 5

BARE = """
import sys, torch, transformers
transformers.AutoTokenizer.from_pretrained(sys.argv[1])
transformers.AutoModelForSequenceClassification.from_pretrained(sys.argv[1], num_labels=77)
"""


def first_step(data: Path) -> float:
    """CPU seconds of a worker until it has made its first step."""
    with tempfile.TemporaryDirectory() as home:
        folder = finetune_run(Path(home), data, max_steps=1)
        cpu_seconds([sys.executable, "-m", "fmtui.workers", str(folder)])
        found = re.search(r"first step is made, ([\d.]+) CPU", (folder / "log.txt").read_text())
        assert found is not None
        return float(found[1])


def main() -> int:
    bare: list[float] = []
    ours: list[float] = []
    with tempfile.TemporaryDirectory() as temp:
        train, _, _ = rows(2000, 0)
        data = write(Path(temp) / "train.csv", train)
        words = [sys.executable, "-c", BARE, str(minilm())]
        cpu_seconds(words)  # the first one reads the files from the disk
        for _ in range(ROUNDS):
            bare.append(cpu_seconds(words)[0])
            ours.append(first_step(data))
    medians = statistics.median(bare), statistics.median(ours)
    ratio = statistics.median(b / a for a, b in zip(bare, ours, strict=True))
    claim = f"a run's first step is made within {LIMIT} times the bare imports and model load"
    measured = {
        "bare_cpu_s": round(medians[0], 2),
        "first_step_cpu_s": round(medians[1], 2),
        "ratio": round(ratio, 3),
        "rounds": ROUNDS,
    }
    holds = ratio <= LIMIT
    print(json.dumps({"claim": claim, "measured": measured, "holds": holds}))
    return 0 if holds else 1


if __name__ == "__main__":
    raise SystemExit(main())
