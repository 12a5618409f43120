"""The root of fmtui's one tree of exceptions.

It lives here because imports run one way: `fmtui.errors` re-exports all of it and adds what
only the layers above can raise. Every error tells what happened, where, and what to do next.
"""

from __future__ import annotations


class FmtuiError(Exception):
    """An error that is meant for a person.

    Args:
        message: What happened, one sentence without a full stop at its end.
        hint: What to do next.
        file: The file that is at fault, as the person named it.
        row: Its row (1 is the first row of data, a header not counted; for text the line).
        column: Its column, by name.
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        file: str | None = None,
        row: int | None = None,
        column: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.file = file
        self.row = row
        self.column = column

    def where(self) -> str:
        """The place as a person reads it: `train.csv, row 812, column label`."""
        parts = [self.file] if self.file else []
        if self.row is not None:
            parts.append(f"row {self.row}")
        if self.column is not None:
            parts.append(f"column {self.column}")
        return ", ".join(parts)

    def __str__(self) -> str:
        where = self.where()
        text = f"{where}: {self.message}" if where else self.message
        text = text if text.endswith((".", "?", "!")) else text + "."
        return f"{text} {self.hint}" if self.hint else text

    def as_json(self) -> dict[str, object]:
        """The `error` object that `--json` prints."""
        return {
            "message": self.message,
            "hint": self.hint,
            "file": self.file,
            "row": self.row,
            "column": self.column,
        }


class UsageError(FmtuiError):
    """The command itself is wrong: an unknown option, two options that exclude each other."""

    exit_code = 2


class NotFoundError(FmtuiError):
    """A reference names nothing; the hint holds the nearest names."""

    exit_code = 3


class BadInputError(FmtuiError):
    """A file, a folder, a value or a state that can't be worked with."""

    exit_code = 4


class ConflictError(BadInputError):
    """A name that exists, a port in use, something that is still needed."""


class StorageError(BadInputError):
    """The disk is full, read-only, or not ours to write to."""


class RemoteError(FmtuiError):
    """The hub, Azure or an endpoint did not answer, or answered no."""

    exit_code = 5


class RunFailedError(FmtuiError):
    """A run that was waited for did not complete."""

    exit_code = 6
