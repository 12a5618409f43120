"""Rows as they stand in a file, whatever form the file has."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring

Value = str | int | float | bool | None | list[object] | dict[str, object]


@dataclass(frozen=True)
class Table:
    """Rows as they stand in a file. `numbers[i]` is the row's number in the file.

    `places[i]`, where there are any, says where a row stands in a file that is no list of rows
    (`article 2, paragraph 1, question 3`). `splits` are those that the file itself has, by name
    to indices of rows.
    """

    file: str
    columns: tuple[str, ...]
    rows: list[tuple[Value, ...]]
    numbers: list[int]
    places: list[str] | None = None
    splits: dict[str, list[int]] | None = None

    def column(self, name: str) -> list[Value]:
        """The values of a column. `translation.en` is what stands under `en` in the objects of
        the column `translation`, None where there is nothing. Raises KeyError."""
        index, keys = self._find(name)
        values = [row[index] for row in self.rows]
        for key in keys:
            values = [v.get(key) if isinstance(v, dict) else None for v in values]  # type: ignore[misc]
        return values

    def has(self, name: str) -> bool:
        """Whether there is such a column; a nested one must hold something in some row."""
        try:
            _, keys = self._find(name)
        except KeyError:
            return False
        return not keys or any(value is not None for value in self.column(name))

    def _find(self, name: str) -> tuple[int, list[str]]:
        """The index of a column, and the keys that lead to what is nested in it."""
        parts = name.split(".")
        for end in range(len(parts), 0, -1):
            column = ".".join(parts[:end])
            if column in self.columns:
                return self.columns.index(column), parts[end:]
        raise KeyError(name)

    def take(self, indices: Sequence[int]) -> Table:
        """The rows at `indices`, in that order."""
        return Table(
            self.file,
            self.columns,
            [self.rows[i] for i in indices],
            [self.numbers[i] for i in indices],
            [self.places[i] for i in indices] if self.places else None,
        )

    def fingerprint(self) -> str:
        """sha256 over columns and rows: the same data has the same one in every form."""
        digest = hashlib.sha256(json.dumps(self.columns, ensure_ascii=False).encode())
        for row in self.rows:
            try:  # rows of texts, the most there are, in a fifth of the time
                line = "[" + ", ".join(map(encode_basestring, row)) + "]"  # type: ignore[arg-type]
            except TypeError:
                line = json.dumps(row, ensure_ascii=False, sort_keys=True)
            digest.update(b"\n" + line.encode())
        return digest.hexdigest()
