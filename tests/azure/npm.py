"""What the tests have from npm, in a folder that git ignores: `make azure-tools` installs it."""

from __future__ import annotations

import shutil
from pathlib import Path

FOLDER = Path(__file__).parent / "node"


def command(package: str, script: str) -> list[str] | None:
    """The words that start a script of a package, None where node or the package is missing."""
    node = shutil.which("node")
    path = FOLDER / "node_modules" / package / script
    return [node, str(path)] if node and path.exists() else None
