"""Data: add a file, look at it, check it, split it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fmtui.data.load import SPLITS_FILE, load_table
from fmtui.data.reader import FORMATS, Table, read_table
from fmtui.data.report import CheckReport, Finding
from fmtui.data.split import stratified
from fmtui.errors import BadInputError, ConflictError, FmtuiError, NotFoundError
from fmtui.services.context import Context
from fmtui.tasks import get_task
from fmtui.tasks.base import choose_columns
from registry import datasets
from registry.references import NAME, check_name, unknown
from registry.views import DatasetInfo

__all__ = ["CheckReport", "DatasetInfo", "Finding", "Preview", "Source", "add", "check"]

_SHOWN_FINDINGS = 1000


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
        return load_table(self.path, part=self.split, name=self.name)


def resolve(ctx: Context, reference: str) -> Source:
    """What `NAME[:VERSION][@SPLIT]` or a path means. Raises NotFoundError with nearest names."""
    name, at, split = reference.partition("@")
    info = datasets.find(ctx.db, name)
    if info is not None:
        return Source(Path(info.path), info.ref, info.roles, info, split if at else None)
    path = Path(reference).expanduser()
    if path.exists() or path.suffix.lower() in FORMATS or "/" in reference:
        return Source(path, path.name, {})
    raise unknown(
        "dataset or file",
        reference,
        [d.name for d in datasets.all_versions(ctx.db)],
        hint="Add one with `fmtui data add FILE --name NAME`.",
    )


def suggest_name(path: Path) -> str:
    """A name for a dataset, from its file's."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._")
    return name if NAME.fullmatch(name) else "data"


def add(
    ctx: Context,
    path: Path,
    *,
    name: str | None = None,
    columns: Mapping[str, str] | None = None,
    new_version: bool = False,
) -> DatasetInfo:
    """Register a copy of a file, whole or not at all.

    The same rows under the same name and columns are the same version: nothing is added twice.

    Raises:
        BadInputError: The file can't be read; tells file, row and column.
        ConflictError: The name exists with other rows, and `new_version` is not set.
        StorageError: The disk is full.
    """
    path = path.expanduser()
    table = read_table(path)
    for role, column in (columns or {}).items():
        if column not in table.columns:
            listing = ", ".join(f"`{c}`" for c in table.columns)
            raise BadInputError(
                f"there is no column `{column}` for the role {role}",
                file=table.file,
                hint=f"The columns are {listing}.",
            )
    chosen = check_name(name or suggest_name(path), "dataset")
    fingerprint = table.fingerprint()
    roles = dict(columns or {})
    earlier = datasets.versions(ctx.db, chosen)
    for info in earlier:
        if info.fingerprint == fingerprint and info.roles == roles and set(info.splits) == {"all"}:
            return info
    if earlier and not new_version:
        raise ConflictError(
            f"the dataset `{chosen}` exists with other rows",
            hint=f"Choose another --name, or add {chosen}:{earlier[-1].version + 1} "
            "with --new-version.",
        )
    return datasets.store(
        ctx.db,
        ctx.home.data,
        path,
        datasets.NewDataset(
            name=chosen,
            fingerprint=fingerprint,
            rows=len(table.rows),
            columns=list(table.columns),
            roles=roles,
            splits={"all": len(table.rows)},
            source=str(path.absolute()),
        ),
    )


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


def check(
    ctx: Context,
    ref: str,
    *,
    task: str = "text-classification",
    columns: Mapping[str, str] | None = None,
) -> CheckReport:
    """Look at every row as the task would. Faults in the file itself are findings too."""
    try:
        source = resolve(ctx, ref)
        table = source.table()
        chosen = choose_columns(get_task(task), table, {**source.roles, **(columns or {})})
    except NotFoundError:
        raise
    except BadInputError as error:
        finding = Finding(_without_place(error), error.file or ref, error.row, error.column)
        return CheckReport(ref, 0, {}, [finding])
    found = get_task(task).examples(table, chosen)
    return CheckReport(
        source.name,
        len(table.rows),
        chosen,
        found.errors[:_SHOWN_FINDINGS],
        found.warnings,
        found.labels,
    )


def _without_place(error: FmtuiError) -> str:
    return f"{error.message}. {error.hint}" if error.hint else error.message


def split(
    ctx: Context,
    ref: str,
    *,
    validation: float = 0.1,
    test: float = 0.0,
    seed: int = 42,
    task: str = "text-classification",
) -> DatasetInfo:
    """A new version of a dataset with seeded, stratified splits: `NAME@train`, `NAME@test`."""
    info = show(ctx, ref)
    fractions = {k: v for k, v in {"validation": validation, "test": test}.items() if v > 0}
    if not fractions or any(v >= 1 for v in fractions.values()) or sum(fractions.values()) >= 1:
        raise BadInputError(
            "the shares of validation and test must be above 0 and leave rows to train on"
        )
    table = read_table(Path(info.path), name=info.ref)
    try:
        label = choose_columns(get_task(task), table, info.roles)["label"]
        strata = [str(value) for value in table.column(label)]
    except (BadInputError, KeyError):
        strata = [""] * len(table.rows)
    parts = stratified(strata, fractions, seed=seed)
    return datasets.store(
        ctx.db,
        ctx.home.data,
        Path(info.path),
        datasets.NewDataset(
            name=info.name,
            fingerprint=info.fingerprint,
            rows=info.rows,
            columns=list(info.columns),
            roles=dict(info.roles),
            splits={part: len(indices) for part, indices in parts.items()},
            source=f"split of {info.ref}, seed {seed}",
        ),
        beside={SPLITS_FILE: json.dumps(parts).encode()},
    )


def remove(ctx: Context, ref: str) -> DatasetInfo:
    """Forget a version and delete its copy; refuses while a run names it."""
    info = show(ctx, ref)
    datasets.remove(ctx.db, info)
    shutil.rmtree(Path(info.path).parent, ignore_errors=True)
    return info
