"""What a person allows an import beyond the safe, and who does what only a child process may."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Permissions:
    """`convert_pickle`: pickled weights are scanned and converted. `trust_remote_code`: the
    model's own Python files are taken, pinned to their revision, and run when it is loaded."""

    convert_pickle: bool = False
    trust_remote_code: bool = False


SAFE = Permissions()


class Convert(Protocol):
    """Writes `model.safetensors` (of a GGUF file also its configuration and tokenizer) to a
    folder, in a process of its own without network. Raises BadInputError."""

    def __call__(self, kind: Literal["pickle", "gguf"], source: Path, folder: Path) -> None: ...
