"""A finetune run's folder, as `fmtui finetune` makes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tools import minilm


def finetune_run(home: Path, data: Path, **settings: Any) -> Path:
    """A run of MiniLM on a file of texts with labels; all of its rows are trained on."""
    from fmtui.data.reader import read_table
    from fmtui.runs.folder import RunFolder
    from fmtui.tasks.settings import resolve

    values = resolve({}, parameters=22_700_000, metric="f1_macro")
    table = read_table(data)
    spec = {
        "kind": "finetune",
        "run": "r1",
        "task": "text-classification",
        "name": "made",
        "model": {"ref": "minilm:1", "path": str(minilm())},
        "train": {
            "ref": "data:1",
            "path": str(data),
            "columns": {"text": "text", "label": "label"},
            "fingerprint": table.fingerprint(),
        },
        "labels": sorted(set(map(str, table.column("label")))),
        "settings": {**values, "validation_fraction": 0.0, **settings},
    }
    return RunFolder.create(home / "runs", 1, spec).path
