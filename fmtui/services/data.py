"""Data: add what people have, look at it, split it. `data_check` looks for faults."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmtui.data.load import SPLITS_FILE, load_table, splits_of, take_part
from fmtui.data.reader import (
    Table,
    aligned_parts,
    is_data,
    parts,
    read_aligned,
    read_table,
    stem,
)
from fmtui.data.split import deal
from fmtui.errors import BadInputError, ConflictError
from fmtui.paths import expanded
from fmtui.services.context import Context
from fmtui.tasks import get_task
from fmtui.tasks.base import Task, choose_columns
from fmtui.tasks.guess import guess_task
from registry import datasets
from registry.references import NAME, check_name, unknown
from registry.views import DatasetInfo

__all__ = ["DatasetInfo", "Preview", "Source", "add", "resolve", "split"]


@dataclass(frozen=True)
class Preview:
    """The first rows of a dataset, every cell as text."""

    columns: tuple[str, ...]
    rows: list[list[str]]


@dataclass(frozen=True)
class Source:
    """Where rows come from: a registered dataset, perhaps one of its splits, or a file."""

    path: Path
    name: str
    roles: Mapping[str, str]
    info: DatasetInfo | None = None
    split: str | None = None

    def table(self) -> Table:
        """Its rows, those of the split where one is named."""
        if self.info is not None or self.split is None:
            return load_table(self.path, part=self.split, name=self.name)
        whole = read_table(self.path, name=self.name)
        return take_part(whole, whole.splits or {}, self.split)

    def splits(self, table: Table) -> dict[str, list[int]]:
        """The splits of its rows, none where these are a split."""
        if self.split is not None:
            return {}
        return splits_of(self.path, table) if self.info is not None else table.splits or {}


def resolve(ctx: Context, reference: str) -> Source:
    """What `NAME[:VERSION][@SPLIT]` or a path means. Raises NotFoundError with nearest names."""
    name, at, split = reference.partition("@")
    info = datasets.find(ctx.db, name)
    if info is not None:
        return Source(Path(info.path), info.ref, info.roles, info, split if at else None)
    path, whole = expanded(reference), expanded(name)
    if at and whole.is_dir() and not path.exists():
        return Source(whole, whole.name, {}, split=split)
    if path.exists() or is_data(path) or "/" in reference:
        return Source(path, path.name, {})
    raise unknown(
        "dataset or file",
        reference,
        [d.name for d in datasets.all_versions(ctx.db)],
        hint="Add one with `fmtui data add FILE --name NAME`.",
    )


def suggest_name(path: Path) -> str:
    """A name for a dataset, from its file's."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem(path)).strip("-._")
    return name if NAME.fullmatch(name) else "data"


def add(
    ctx: Context,
    path: Path | Sequence[Path],
    *,
    name: str | None = None,
    columns: Mapping[str, str] | None = None,
    new_version: bool = False,
    repair: bool = False,
    task: str | None = None,
) -> DatasetInfo:
    """Register a copy of a file, of several aligned ones, or of a saved folder, whole or not.

    The same rows under the same name and columns are the same version: nothing is added twice.

    Args:
        path: What `fmtui.data.reader` reads; several text files make a column each.
        repair: Mend the faults that `task` (guessed where left out) knows to mend; the copy is
            then a jsonl file.

    Raises:
        BadInputError: The file can't be read; tells file, row and column.
        ConflictError: The name exists with other rows, and `new_version` is not set.
        StorageError: The disk is full.
    """
    paths = [expanded(p) for p in ([path] if isinstance(path, Path) else path)]
    table = read_table(paths[0]) if len(paths) == 1 else read_aligned(paths)
    roles = dict(columns or {})
    _check_roles(table, roles)
    chosen = check_name(name or _name_of(paths, table), "dataset")
    files = _files(paths)
    source = ", ".join(str(p.absolute()) for p in paths)
    if repair:
        kind = get_task(task) if task else guess_task(table, roles)
        table, done = kind.repair(table, choose_columns(kind, table, roles))
        if done:
            files = {f"{suggest_name(paths[0])}.jsonl": _as_jsonl(table)}
            source += f", {len(done):,} rows repaired"
    if table.splits:
        files[SPLITS_FILE] = json.dumps(table.splits).encode()
    sizes = {part: len(rows) for part, rows in (table.splits or {}).items()}
    new = datasets.NewDataset(
        name=chosen,
        fingerprint=table.fingerprint(),
        rows=len(table.rows),
        columns=list(table.columns),
        roles=roles,
        splits=sizes or {"all": len(table.rows)},
        source=source,
    )
    earlier = datasets.versions(ctx.db, chosen)
    for info in earlier:
        if (info.fingerprint, info.roles, info.splits) == (new.fingerprint, roles, new.splits):
            return info
    if earlier and not new_version:
        raise ConflictError(
            f"the dataset `{chosen}` exists with other rows",
            hint=f"Choose another --name, or add {chosen}:{earlier[-1].version + 1} "
            "with --new-version.",
        )
    main = next(iter(files)).partition("/")[0]
    return datasets.store(ctx.db, ctx.home.data, new, files, main=main)


def _check_roles(table: Table, roles: Mapping[str, str]) -> None:
    for role, column in roles.items():
        if not table.has(column):
            listing = ", ".join(f"`{c}`" for c in table.columns)
            raise BadInputError(
                f"there is no column `{column}` for the role {role}",
                file=table.file,
                column=column,
                hint=f"The columns are {listing}.",
            )


def _name_of(paths: Sequence[Path], table: Table) -> str:
    return suggest_name(paths[0] if len(paths) == 1 else Path("-".join(table.columns)))


def _files(paths: Sequence[Path]) -> dict[str, Path | bytes]:
    """What a version of a dataset keeps of these paths, by name; what is read comes first."""
    if len(paths) > 1:
        return dict(aligned_parts(paths))
    files: dict[str, Path | bytes] = dict(parts(paths[0]))
    if SPLITS_FILE in files:  # beside the data there may be a file of ours with this name
        files = {f"data-{SPLITS_FILE}": files[SPLITS_FILE]}
    return files


def _as_jsonl(table: Table) -> bytes:
    rows = (dict(zip(table.columns, row, strict=True)) for row in table.rows)
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def list_datasets(ctx: Context) -> list[DatasetInfo]:
    """Every version, newest first."""
    return datasets.all_versions(ctx.db)


def show(ctx: Context, ref: str) -> DatasetInfo:
    """One version; the latest where none is named. Raises NotFoundError."""
    info = datasets.find(ctx.db, ref)
    if info is None:
        known = [d.name for d in datasets.all_versions(ctx.db)]
        raise unknown("dataset", ref, known, hint="`fmtui data add FILE` adds one.")
    return info


def preview(ctx: Context, ref: str, limit: int = 20) -> Preview:
    """The first rows of a dataset or file."""
    table = resolve(ctx, ref).table()
    rows = [[_cell(value) for value in row] for row in table.rows[:limit]]
    return Preview(table.columns, rows)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def split(
    ctx: Context,
    ref: str,
    *,
    validation: float = 0.1,
    test: float = 0.0,
    seed: int = 42,
    task: str | None = None,
) -> DatasetInfo:
    """A new version of a dataset with seeded splits: `NAME@train`, `NAME@validation`, `NAME@test`.

    Each label is shared out in proportion; the questions of an article stay in one part. The task
    that says so is guessed where it is left out.
    """
    info = show(ctx, ref)
    fractions = {k: v for k, v in {"validation": validation, "test": test}.items() if v > 0}
    if not fractions or any(v >= 1 for v in fractions.values()) or sum(fractions.values()) >= 1:
        raise BadInputError(
            "the shares of validation and test must be above 0 and leave rows to train on",
            file=info.ref,
        )
    path = Path(info.path)
    table = read_table(path, name=info.ref)
    kind, records = _to_deal(table, info.roles, task)
    dealt = deal(kind, records, fractions, seed=seed)
    for part, indices in dealt.items():
        if not indices:
            raise BadInputError(
                f"the part `{part}` would have no row", file=info.ref, hint="Use other shares."
            )
    files: dict[str, Path | bytes] = {**parts(path), SPLITS_FILE: json.dumps(dealt).encode()}
    new = datasets.NewDataset(
        name=info.name,
        fingerprint=info.fingerprint,
        rows=info.rows,
        columns=list(info.columns),
        roles=dict(info.roles),
        splits={part: len(indices) for part, indices in dealt.items()},
        source=f"split of {info.ref}, seed {seed}",
    )
    return datasets.store(ctx.db, ctx.home.data, new, files, main=path.name)


def _to_deal(
    table: Table, roles: Mapping[str, str], task: str | None
) -> tuple[Task, list[dict[str, Any]]]:
    """The task, and a record for each row; one with a fault has the texts of its cells alone."""
    kind = get_task(task) if task else guess_task(table, roles)
    try:
        columns = choose_columns(kind, table, roles)
    except BadInputError:
        if task:
            raise
        return kind, [{} for _ in table.rows]
    found = kind.examples(table, columns)
    good = dict(zip(found.numbers, found.records, strict=True))
    texts = {role: table.column(c) for role, c in columns.items() if role != kind.label_role}
    rows = [dict(zip(texts, cells, strict=True)) for cells in zip(*texts.values(), strict=True)]
    return kind, [good.get(n, row) for n, row in zip(table.numbers, rows, strict=True)]


def remove(ctx: Context, ref: str) -> DatasetInfo:
    """Forget a version and delete its copy; refuses while a run names it."""
    info = show(ctx, ref)
    datasets.remove(ctx.db, info)
    shutil.rmtree(Path(info.path).parent, ignore_errors=True)
    return info
