"""What a run found out about its machine, kept so that it computes alike when it is resumed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from fmtui.runs.process import write_json

NAME = "chosen.json"


@dataclass
class Chosen:
    """The contents of `chosen.json` in a run's folder.

    `precision` is 32, bf16 or 16; `threads` is None where a GPU does the work; each batch is
    computed in `parts`, more than one where the memory did not suffice. `narrow` is whether only
    those word embeddings are trained that the data uses.
    """

    path: Path
    precision: str
    threads: int | None
    reason: str
    parts: int = 1
    narrow: bool = False

    def save(self) -> None:
        values = asdict(self)
        del values["path"]
        write_json(self.path, values)

    def halve(self) -> None:
        """Passes half as large from here on."""
        self.parts *= 2
        self.save()

    @classmethod
    def load(cls, folder: Path) -> Chosen | None:
        """What an earlier attempt in this run's folder chose."""
        path = folder / NAME
        try:
            return cls(path=path, **json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return None
