"""The record that a person let a model run code of its own: `trust.json` in its version's folder.

It is written by an import that was told so, never taken from a source, and names the revision
and the files, which are hashed with the others.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

NAME = "trust.json"


def write(folder: Path, origin: str, files: Sequence[str]) -> None:
    """Record what was trusted."""
    text = json.dumps({"trusted": origin, "files": list(files)}, indent=1)
    (folder / NAME).write_text(text + "\n", encoding="utf-8")
