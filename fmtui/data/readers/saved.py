"""Folders that `datasets.save_to_disk` wrote: Arrow streams that state.json names.

Read with pyarrow alone, since `datasets` costs a second to import.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fmtui.data.readers.arrow import first_line, of_arrow
from fmtui.data.table import Table, Value
from fmtui.errors import BadInputError

STATE = "state.json"
DICT = "dataset_dict.json"
_INFO = "dataset_info.json"
_END = b"\xff\xff\xff\xff\0\0\0\0"
"""How a stream ends that was written whole."""


def read_folder(folder: Path, name: str) -> Table:
    """A saved dataset, or a saved `DatasetDict`, whose parts become the table's splits."""
    if (folder / STATE).is_file():
        return _saved(folder, name)
    names = _read_json(folder / DICT, name).get("splits")
    if not isinstance(names, list) or not names or not all(_is_plain(n) for n in names):
        raise _damaged(name, f"{DICT} names no splits")
    parts = {split: _saved(folder / split, name, split) for split in names}
    first = next(iter(parts.values()))
    rows: list[tuple[Value, ...]] = []
    splits: dict[str, list[int]] = {}
    for split, part in parts.items():
        if part.columns != first.columns:
            raise BadInputError(
                f"the split `{split}` has the columns {', '.join(part.columns)}, "
                f"`{names[0]}` has {', '.join(first.columns)}",
                file=name,
                hint="Add the splits one by one.",
            )
        if not part.rows:
            raise BadInputError(
                f"the split `{split}` has no rows", file=name, hint="Add the others one by one."
            )
        splits[split] = list(range(len(rows), len(rows) + len(part.rows)))
        rows += part.rows
    places = [f"row {i} of {split}" for split, at in splits.items() for i in range(1, len(at) + 1)]
    return Table(name, first.columns, rows, list(range(1, len(rows) + 1)), places, splits)


def files_of(folder: Path) -> list[str]:
    """The files that make up a saved folder, relative to it."""
    if (folder / STATE).is_file():
        return [STATE, _INFO, *_data_files(folder, folder.name)]
    names = _read_json(folder / DICT, folder.name)["splits"]
    return [DICT, *(f"{split}/{file}" for split in names for file in files_of(folder / split))]


def _saved(folder: Path, name: str, split: str = "") -> Table:
    import pyarrow as pa

    where = f"{split}/" if split else ""
    info = _read_json(folder / _INFO, name, where)
    tables = []
    for file in _data_files(folder, name, where):
        path = folder / file
        try:
            with path.open("rb") as opened:
                opened.seek(-len(_END), 2)
                if opened.read() != _END:
                    raise _damaged(name, f"{where}{file} is cut short")
            with pa.memory_map(str(path)) as mapped, pa.ipc.open_stream(mapped) as stream:
                tables.append(stream.read_all())
        except FileNotFoundError as error:
            raise _damaged(name, f"{where}{file} is not there") from error
        except (pa.ArrowException, OSError) as error:
            raise _damaged(name, f"{where}{file} can't be read: {first_line(error)}") from error
    try:
        whole = pa.concat_tables(tables)
    except pa.ArrowException as error:
        raise _damaged(name, f"its parts don't fit together: {first_line(error)}") from error
    return of_arrow(whole, info.get("features") or {}, name)


def _data_files(folder: Path, name: str, where: str = "") -> list[str]:
    state = _read_json(folder / STATE, name, where)
    listed = state.get("_data_files")
    files = [f.get("filename") for f in listed if isinstance(f, dict)] if listed else []
    if not files or not all(_is_plain(file) for file in files):
        raise _damaged(name, f"{where}{STATE} names no files of this folder")
    return [str(file) for file in files]


def _is_plain(name: object) -> bool:
    """Whether a name stays in its folder."""
    return isinstance(name, str) and name not in ("", ".", "..") and Path(name).name == name


def _read_json(path: Path, name: str, where: str = "") -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise _damaged(name, f"{where}{path.name}: {error.strerror}") from error
    except ValueError as error:
        raise _damaged(name, f"{where}{path.name} is no valid JSON") from error
    if not isinstance(found, dict):
        raise _damaged(name, f"{where}{path.name} is no JSON object")
    return found


def _damaged(name: str, what: str) -> BadInputError:
    return BadInputError(
        f"is no whole folder of `datasets.save_to_disk`: {what}", file=name, hint="Save it anew."
    )
