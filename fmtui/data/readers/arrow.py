"""Arrow's columns as rows of plain values.

Labels that are stored as numbers with names (`ClassLabel`) become their names; times and decimals
become text; missing numbers (NaN) become None.
"""

from __future__ import annotations

import json
from typing import Any

from fmtui.data.table import Table
from fmtui.errors import BadInputError


def of_arrow(table: Any, features: dict[str, Any], name: str) -> Table:
    """A `pyarrow.Table` as rows; `features` are those of `datasets`, for the names of labels."""
    twice = [c for c in table.column_names if table.column_names.count(c) > 1]
    if twice:
        raise BadInputError(f"names the column `{twice[0]}` twice", file=name)
    columns = []
    for field in table.schema:
        values = _values(table.column(field.name), field.type, field.name, name)
        columns.append(_named(values, features.get(field.name), field.name, name))
    rows = list(zip(*columns, strict=True))
    return Table(name, tuple(table.column_names), rows, list(range(1, len(rows) + 1)))


def _values(column: Any, kind: Any, title: str, name: str) -> list[Any]:
    """A column as plain values of Python that JSON has too."""
    import pyarrow as pa

    try:
        values = column.to_pylist()
    except (pa.ArrowException, UnicodeDecodeError, OverflowError, ValueError) as error:
        raise BadInputError(
            f"can't be read: {first_line(error)}", file=name, column=title
        ) from error
    if _is_simple(kind):
        return values  # type: ignore[no-any-return]
    plain = []
    for row, value in enumerate(values, 1):
        try:
            plain.append(_plain(value))
        except TypeError:
            raise BadInputError(
                "holds bytes, not text",
                file=name,
                row=row,
                column=title,
                hint="Leave the column out, or save its text.",
            ) from None
    return plain


def _is_simple(kind: Any) -> bool:
    """Whether values of a type come out of Arrow as JSON has them."""
    from pyarrow import types

    if types.is_list(kind) or types.is_large_list(kind):
        return _is_simple(kind.value_type)
    if types.is_struct(kind):
        return all(_is_simple(kind.field(i).type) for i in range(kind.num_fields))
    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_integer(kind)
        or types.is_boolean(kind)
        or types.is_null(kind)
    )


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return None if value != value else value
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, bytes):
        raise TypeError
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        if value and isinstance(value[0], tuple):  # Arrow's maps
            return {str(key): _plain(part) for key, part in value}
        return [_plain(part) for part in value]
    return str(value)


def _named(values: list[Any], feature: Any, title: str, name: str) -> list[Any]:
    """Numbers by their names where the features of `datasets` have some."""
    if not _has_names(feature):
        return values
    named = []
    for row, value in enumerate(values, 1):
        try:
            named.append(_name(value, feature))
        except IndexError:
            raise BadInputError(
                f"{json.dumps(value)[:60]} holds a number that has no name",
                file=name,
                row=row,
                column=title,
            ) from None
    return named


def _has_names(feature: Any) -> bool:
    if isinstance(feature, list):
        return any(map(_has_names, feature))
    if not isinstance(feature, dict):
        return False
    return feature.get("_type") == "ClassLabel" or any(map(_has_names, feature.values()))


def _name(value: Any, feature: Any) -> Any:
    if value is None or not isinstance(feature, dict | list):
        return value
    if isinstance(feature, list):
        return [_name(part, feature[0]) for part in value]
    if feature.get("_type") == "ClassLabel":
        names = feature.get("names")
        if not isinstance(value, int) or not isinstance(names, list):
            return value
        return names[value] if value >= 0 else None
    if "feature" in feature and isinstance(value, list):
        return [_name(part, feature["feature"]) for part in value]
    if "feature" in feature and isinstance(value, dict):  # a list of objects, stored as lists
        inner = feature["feature"]
        return {k: [_name(part, inner.get(k)) for part in v or ()] for k, v in value.items()}
    if isinstance(value, dict):
        return {key: _name(part, feature.get(key)) for key, part in value.items()}
    return value


def first_line(error: BaseException) -> str:
    """What an error of Arrow says first."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
