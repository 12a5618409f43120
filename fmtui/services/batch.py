"""Score a whole file with a model: in chunks that are kept, so that what ends early goes on."""

from __future__ import annotations

import ast
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from fmtui.data.table import Table
from fmtui.data.write import FORMS, encoded
from fmtui.errors import BadInputError, ConflictError, UsageError
from fmtui.paths import expanded
from fmtui.runs.process import write_bytes
from fmtui.services import data as data_service
from fmtui.services import launch
from fmtui.services.context import Context
from fmtui.services.predict import PredictSession
from fmtui.tasks.asked import Asked, ask

PREDICTION, SCORE = "prediction", "score"

_CHUNK = {"text-generation": 32, "summarization": 64, "translation": 64}
"""Rows between two writes to the disk, for models that take long for each."""

_ROWS = 512


@dataclass(frozen=True)
class Scored:
    """What a scoring wrote. `dropped` rows had a fault; `kept` were there from an earlier try."""

    model: str
    data: str
    to: Path
    rows: int
    dropped: int
    kept: int
    seconds: float

    def as_json(self) -> dict[str, Any]:
        return {
            "model": self.model, "data": self.data, "to": str(self.to), "rows": self.rows,
            "dropped": self.dropped, "kept": self.kept, "seconds": round(self.seconds, 3),
        }  # fmt: skip


def score(
    ctx: Context,
    model: str,
    data: str,
    to: Path,
    *,
    columns: Mapping[str, str] | None = None,
    params: Mapping[str, Any] | None = None,
    drop_invalid: bool = False,
    replace: bool = False,
    told: Callable[[int, int], None] = lambda done, rows: None,
) -> Scored:
    """Write a file with every row of `data` and what the model answers to it.

    Answers come from the same code as an endpoint's. Each chunk of them is on the disk, beside
    `to`, before the next begins; the same call goes on from there. `to` appears when it is whole.

    Args:
        columns: Roles to columns; guessed where left out.
        params: As in a scoring request, `{"return_all_scores": True}`.
        drop_invalid: Leave out rows that have a fault, rather than refuse the file.
        replace: Write over a file that is there.
        told: Called with the rows done and all of them.

    Raises:
        NotFoundError: No such model or data.
        BadInputError: A row can't be asked; tells file, row and column.
        ConflictError: `to` is there, or is being written by another.
        RunFailedError: The model failed.
    """
    to = expanded(to)
    _check_place(to, replace=replace)
    info = launch.registered_model(ctx, model)
    launch.check_files(info)
    source = data_service.resolve(ctx, data)
    table = source.table()
    if taken := {PREDICTION, SCORE} & set(table.columns):
        raise BadInputError(
            "there is a column of the name that the answers get",
            file=table.file,
            column=min(taken),
            hint="Rename it.",
        )
    asked = _asked(info.task, table, source.roles, columns or {}, drop_invalid=drop_invalid)
    key = {
        "model": info.ref, "id": info.id, "data": table.fingerprint(), "columns": asked.columns,
        "params": dict(params or {}), "rows": len(asked.bodies),
    }  # fmt: skip
    began = time.monotonic()
    chunk = _CHUNK.get(info.task or "", _ROWS)
    bodies = [{**body, "params": dict(params or {})} for body in asked.bodies]
    with _part(to, key) as part, PredictSession(ctx, info.ref) as session:
        answers = list(_kept(part))
        kept = len(answers)
        told(kept, len(bodies))
        for start in range(kept, len(bodies), chunk):
            found = [answer[0] for answer in session.answer(bodies[start : start + chunk])]
            part.write(json.dumps(found) + "\n")
            part.flush()
            os.fsync(part.fileno())
            answers += found
            told(len(answers), len(bodies))
        whole = bool((params or {}).get("return_all_scores"))
        _write(to, table.take(asked.indices), answers, whole=whole)
        Path(part.name).unlink()
    return Scored(
        model=info.ref,
        data=source.name,
        to=to,
        rows=len(answers),
        dropped=len(table.rows) - len(answers),
        kept=kept,
        seconds=time.monotonic() - began,
    )


def _check_place(to: Path, *, replace: bool) -> None:
    if to.suffix not in FORMS:
        raise UsageError(
            f"`{to.name}` has no ending that says what to write", hint=f"One of {', '.join(FORMS)}."
        )
    if not to.parent.is_dir():
        raise UsageError(f"there is no folder {to.parent}")
    if to.is_dir() or (to.exists() and not replace):
        raise ConflictError(f"{to} is there", hint="Choose another --to, or add --replace.")


def _asked(
    task: str | None,
    table: Table,
    known: Mapping[str, str],
    given: Mapping[str, str],
    *,
    drop_invalid: bool,
) -> Asked:
    """The requests; a dataset's own columns count where they are inputs of the task."""
    asked = ask(task, table, given, known=known)
    if asked.errors and not drop_invalid:
        raise launch.refusal(asked.errors[0], asked.errors)
    if not asked.bodies:
        raise BadInputError("no row is left without a fault", file=table.file)
    return asked


@contextmanager
def _part(to: Path, key: Mapping[str, Any]) -> Iterator[IO[str]]:
    """The answers so far, ours alone while we hold it; emptied where they answer something else."""
    path = to.with_name(f".{to.name}.part")
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConflictError(f"{to} is being written by another process") from None
        file.seek(0)
        if file.readline() != (head := json.dumps(key) + "\n"):
            file.seek(0)
            file.truncate()
            file.write(head)
            file.flush()
        yield file


def _kept(part: IO[str]) -> Iterator[Any]:
    """The answers of whole lines; a line that was cut short is forgotten."""
    part.seek(0)
    good = len(part.readline().encode())
    for line in part:
        if not line.endswith("\n"):
            break
        good += len(line.encode())
        yield from json.loads(line)
    part.seek(good)
    part.truncate()


def _write(to: Path, table: Table, answers: Sequence[Any], *, whole: bool) -> None:
    """The whole file or none: temp, fsync, rename. `whole`: with labels' scores in one column."""
    labeled = not whole and all(map(_has_labels, answers))
    names = [*table.columns, PREDICTION, *([SCORE] if labeled else [])]
    given = [_plain(answer, labeled=labeled) for answer in answers]
    rows = [[*row, *more] for row, more in zip(table.rows, given, strict=True)]
    write_bytes(to, encoded(to.suffix, names, rows))


def _has_labels(answer: Any) -> bool:
    """Whether it is a label with its score, or those of a text that may have several."""
    values = answer if isinstance(answer, list) else [answer]
    return all(isinstance(v, dict) and v.keys() == {"label", "score"} for v in values)


def _plain(answer: Any, *, labeled: bool) -> list[Any]:
    if labeled:
        if isinstance(answer, list):
            return [[one[key] for one in answer] for key in ("label", "score")]
        return [answer["label"], answer["score"]]
    if isinstance(answer, dict) and answer.keys() == {"0"}:  # tags, as Azure ML writes them
        return [ast.literal_eval(answer["0"])]
    return [answer]
