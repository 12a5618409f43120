"""What an evaluate run answered, row by row: its parquet file, of which only what is asked is read.

A page reads the row groups that its rows lie in, in batches; no column that nobody asked for is
touched, and no more than a batch is held beside what is returned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmtui.errors import BadInputError, ConflictError, NotFoundError
from fmtui.services import runs
from fmtui.services.context import Context

FILE = "predictions.parquet"
_BATCH = 8192
_FIRST_TASK = "text-classification"
"""That of runs which were made when there was no other."""

TEXT = {
    "text-classification": "text",
    "token-classification": "tokens",
    "question-answering": "question",
    "summarization": "document",
    "translation": "source",
    "text-generation": "prompt",
}
TRUTH = {
    "text-classification": "label",
    "token-classification": "tags",
    "question-answering": "answers",
    "summarization": "summary",
    "translation": "target",
    "text-generation": "text",
}
"""By task: the column of what was asked, and of what is right."""


@dataclass(frozen=True)
class Predictions:
    """The file of one run: how many rows, which columns, and the labels of its model, in order."""

    run: str
    task: str
    path: Path
    rows: int
    columns: tuple[str, ...]
    labels: tuple[str, ...] = ()

    def has(self, *names: str) -> bool:
        return all(name in self.columns for name in names)

    def batches(self, columns: Sequence[str], groups: Sequence[int] | None = None) -> Iterator[Any]:
        """The rows in order, some at a time, as record batches of pyarrow."""
        with self._opened() as file:
            yield from file.iter_batches(
                batch_size=_BATCH, row_groups=groups, columns=list(columns), use_threads=False
            )

    def column(self, name: str) -> Any:
        """A whole column as an array of numpy: for numbers and short words, not for texts."""
        import numpy as np

        parts = [b.column(0).to_numpy(zero_copy_only=False) for b in self.batches([name])]
        return np.concatenate(parts) if parts else np.array([])

    def read(self, columns: Sequence[str]) -> dict[str, Any]:
        """Whole columns as `fmtui.metrics` takes them; those that are not there are left out."""
        import numpy as np

        found: dict[str, Any] = {}
        for name in columns:
            if name == "scores" and self.has(name):
                rows = [_stacked(b.column(0)) for b in self.batches([name])]
                fits = all(r is not None for r in rows) and len({r.shape[1] for r in rows}) == 1
                if fits:
                    found[name] = np.concatenate(rows)
            elif self.has(name):
                found[name] = [v for b in self.batches([name]) for v in b.column(0).to_pylist()]
        return found

    def take(
        self, positions: Sequence[int], columns: Sequence[str] | None = None
    ) -> list[dict[str, Any]]:
        """The rows at these places, counted from 0, in this order; all columns unless some."""
        wanted = [c for c in self.columns if columns is None or c in columns]
        found: dict[int, dict[str, Any]] = {}
        missing = sorted(set(positions))
        with self._opened() as file:
            start = 0
            for group in range(file.metadata.num_row_groups):
                end = start + file.metadata.row_group(group).num_rows
                inside = [p - start for p in missing if start <= p < end]
                if inside:
                    rows = _taken(self.batches(wanted, [group]), inside)
                    found |= {start + at: row for at, row in rows.items()}
                start = end
        return [found[p] for p in positions if p in found]

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(self.path, memory_map=True) as file:
                yield file
        except (OSError, pa.ArrowException) as error:
            raise _broken(self.path, error) from error


def _taken(batches: Iterator[Any], inside: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The rows of a row group that are wanted, by their place in it; `inside` is sorted."""
    found: dict[int, dict[str, Any]] = {}
    start, left = 0, list(inside)
    for batch in batches:
        here = [p - start for p in left if p < start + batch.num_rows]
        if here:
            found |= {
                start + at: row for at, row in zip(here, batch.take(here).to_pylist(), strict=True)
            }
            left = left[len(here) :]
        start += batch.num_rows
        if not left:
            break
    return found


def _stacked(lists: Any) -> Any:
    """Lists of numbers of one length as an array (rows, length); None where they are not that."""
    import numpy as np

    flat = lists.flatten().to_numpy(zero_copy_only=False)
    rows = len(lists)
    if not rows or lists.null_count or len(flat) % rows:
        return None
    lengths = np.diff(lists.offsets.to_numpy())
    return flat.reshape(rows, -1) if (lengths == lengths[0]).all() else None


def open_predictions(ctx: Context, ref: str) -> Predictions:
    """The predictions of an evaluate run.

    Raises:
        NotFoundError: There is no such run, or what it answered is gone.
        ConflictError: It is a run of another kind, or has not ended.
        BadInputError: The file is broken.
    """
    info = runs.show(ctx, ref)
    path = ctx.home.runs / info.run / "output" / FILE
    if info.kind != "evaluate":
        raise ConflictError(
            f"{info.run} is a {info.kind} run: it answered no rows",
            hint=f"`fmtui evaluate {info.output or 'MODEL'} --data DATA` measures a model.",
        )
    if not path.is_file():
        if info.state not in runs.ENDED:
            raise ConflictError(f"{info.run} is {info.state}", hint="Wait for its end.")
        raise NotFoundError(f"{info.run} left no predictions", hint="Evaluate the model again.")
    report = runs.report(ctx, info.run) or {}
    labels = report.get("labels")
    known = isinstance(labels, list) and all(isinstance(label, str) for label in labels)
    return read_file(info.run, info.task or _FIRST_TASK, path, tuple(labels or ()) if known else ())


def read_file(run: str, task: str, path: Path, labels: Sequence[str] = ()) -> Predictions:
    """The file at a path. Raises BadInputError where it is broken."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names, rows = tuple(file.schema_arrow.names), file.metadata.num_rows
    except (OSError, pa.ArrowException) as error:
        raise _broken(path, error) from error
    return Predictions(run, task, path, rows, names, tuple(labels))


def _broken(path: Path, error: Exception) -> BadInputError:
    words = str(error).splitlines()[0] if str(error) else type(error).__name__
    return BadInputError(
        f"can't be read: {words}", file=str(path), hint="Evaluate the model again."
    )
