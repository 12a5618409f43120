"""A finetuning as a file: written by hand or saved, diffed, and done again.

```
model: minilm:1
task: text-classification
train: banking-train:1          # a dataset, or a file beside this one
validation: banking-test.csv
name: minilm-banking
columns: {text: message, label: intent}
preset: careful
settings:
  num_train_epochs: 5
where:
  backend: slurm
  gpus: 2
sweep:
  learning_rate: [1e-4, 2e-4]
```
A run's own `spec.json` is taken too: the same references, every parameter, and data whose
fingerprint must agree.
"""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from fmtui.errors import BadInputError, NotFoundError, UsageError
from fmtui.paths import expanded
from fmtui.services.where import Where
from fmtui.tasks.settings import BY_NAME
from registry.references import unknown

if typing.TYPE_CHECKING:
    import yaml

_TEXTS = ("model", "task", "train", "validation", "name", "preset")
_TABLES = ("columns", "settings", "fingerprints")
KEYS = (*_TEXTS, *_TABLES, "where", "sweep", "drop_invalid", "priority", "report_to", "tags")

WHERE_NAMES = {
    "processes": "num_processes", "machines": "num_machines", "address": "main_address",
}  # fmt: skip
"""Fields of `Where` that the command line and a file call otherwise."""

_LARGEST = 1_000_000
_TRUE, _FALSE = ("true", "yes", "on"), ("false", "no", "off")


@dataclass(frozen=True)
class SpecFile:
    """What a file says: fields of a FinetuneRequest by name, and what is swept."""

    values: dict[str, Any]
    sweep: dict[str, list[str]] = field(default_factory=dict)


def read(path: Path) -> SpecFile:
    """Read a spec. Paths of data in it are looked for beside the file first.

    Raises:
        NotFoundError: There is no such file.
        BadInputError: It can't be read, or a key or value of it can't be; tells the line.
    """
    root = _root(path)
    where = str(path)
    table = _mapping(root, where, "the file")
    if "kind" in table:
        from fmtui.services.run_spec import request_values

        return SpecFile(request_values(_json(path), where))
    for key in table:
        if key not in KEYS:
            raise _unknown("key", key, list(KEYS), where, table[key])
    values: dict[str, Any] = {key: _text(table[key], where, key) for key in _TEXTS if key in table}
    for key in ("train", "validation"):
        if key in values:
            values[key] = _beside(path, values[key])
    for key in _TABLES:
        if key in table:
            values[key] = {
                name: _text(node, where, name)
                for name, node in _mapping(table[key], where, key).items()
            }
    _check_settings(table.get("settings"), where)
    if "where" in table:
        values["where"] = _where(table["where"], where)
    if "drop_invalid" in table:
        values["drop_invalid"] = _bool(table["drop_invalid"], where, "drop_invalid")
    if "priority" in table:
        values["priority"] = _int(table["priority"], where, "priority")
    if "report_to" in table:
        values["report_to"] = tuple(_list(table["report_to"], where, "report_to"))
    if "tags" in table:
        values["tags"] = tuple(_list(table["tags"], where, "tags"))
    return SpecFile(values, _sweep(table.get("sweep"), where))


def _root(path: Path) -> yaml.Node:
    import yaml

    try:
        if path.stat().st_size > _LARGEST:
            raise BadInputError("is too large for a spec", file=str(path))
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {path}") from None
    except (OSError, UnicodeError) as error:
        raise BadInputError(f"can't be read: {error}", file=str(path)) from error
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise BadInputError(
            f"is no YAML: {getattr(error, 'problem', None) or error}",
            file=str(path),
            row=mark.line + 1 if mark else None,
        ) from error
    if root is None:
        raise BadInputError("the file is empty", file=str(path))
    return root


def _json(path: Path) -> Any:
    import json

    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"is no run's spec: {error}", file=str(path)) from error


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _wrong(where: str, node: yaml.Node, what: str) -> BadInputError:
    return BadInputError(what, file=where, row=_line(node))


def _unknown(what: str, name: str, known: list[str], where: str, node: yaml.Node) -> BadInputError:
    error = unknown(what, name, known)
    hint = error.hint or f"One of {', '.join(known)}."
    return BadInputError(error.message, file=where, row=_line(node), hint=hint)


def _mapping(node: yaml.Node, where: str, what: str) -> dict[str, yaml.Node]:
    import yaml

    if not isinstance(node, yaml.MappingNode):
        raise _wrong(where, node, f"{what} is to be a table of `name: value`")
    found: dict[str, yaml.Node] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _wrong(where, key, f"a name in {what} is no text")
        if key.value in found:
            raise _wrong(where, key, f"`{key.value}` is there twice")
        found[key.value] = value
    return found


def _text(node: yaml.Node, where: str, what: str) -> str:
    """A value as it was typed: YAML's own ideas of numbers, dates and `no` don't count."""
    import yaml

    if not isinstance(node, yaml.ScalarNode):
        raise _wrong(where, node, f"{what} is to be one value")
    if node.tag == "tag:yaml.org,2002:null" and not node.style:
        return ""
    return str(node.value)


def _list(node: yaml.Node, where: str, what: str) -> list[str]:
    import yaml

    if isinstance(node, yaml.SequenceNode):
        return [_text(item, where, what) for item in node.value]
    return [part.strip() for part in _text(node, where, what).split(",") if part.strip()]


def _bool(node: yaml.Node, where: str, what: str) -> bool:
    word = _text(node, where, what).lower()
    if word not in _TRUE + _FALSE:
        raise _wrong(where, node, f"{what}={word}: expected true or false")
    return word in _TRUE


def _int(node: yaml.Node, where: str, what: str) -> int:
    word = _text(node, where, what)
    try:
        return int(word)
    except ValueError:
        raise _wrong(where, node, f"{what}={word}: expected a whole number") from None


def _check_settings(node: yaml.Node | None, where: str) -> None:
    """Tell the line of a setting that can't be; what fits together is looked at later."""
    for name, value in _mapping(node, where, "settings").items() if node is not None else ():
        if name not in BY_NAME:
            raise _unknown("setting", name, list(BY_NAME), where, value)
        try:
            BY_NAME[name].parse(_text(value, where, name))
        except UsageError as error:
            raise BadInputError(error.message, file=where, row=_line(value)) from None


def _sweep(node: yaml.Node | None, where: str) -> dict[str, list[str]]:
    if node is None:
        return {}
    found = {}
    for name, value in _mapping(node, where, "sweep").items():
        if name not in BY_NAME:
            raise _unknown("setting", name, list(BY_NAME), where, value)
        found[name] = list(dict.fromkeys(_list(value, where, name)))
        if not found[name]:
            raise _wrong(where, value, f"sweep: {name} has no values")
    return found


def _where(node: yaml.Node, where: str) -> Where:
    kinds = typing.get_type_hints(Where)
    by_key = {WHERE_NAMES.get(f.name, f.name): f.name for f in fields(Where)}
    values: dict[str, Any] = {}
    for key, value in _mapping(node, where, "where").items():
        if key not in by_key:
            raise _unknown("key of where", key, list(by_key), where, value)
        name = by_key[key]
        kind = _kind(kinds[name])
        if kind is int:
            values[name] = _int(value, where, key)
        elif kind is bool:
            values[name] = _bool(value, where, key)
        elif kind is str:
            values[name] = _text(value, where, key)
        else:
            table = _mapping(value, where, key)
            values[name] = {k: _text(v, where, k) for k, v in table.items()}
    return Where(**values)


def _kind(hint: Any) -> Any:
    """`int` of `int | None`; `dict` of a table."""
    if isinstance(hint, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    return typing.get_origin(hint) or hint


def _beside(spec: Path, value: str) -> str:
    """A path of data as it lies beside the spec, where it does; a dataset's name as it is."""
    path = expanded(value)
    near = spec.parent / path
    looks = "/" in value or bool(path.suffix)
    return str(near) if looks and not path.is_absolute() and near.exists() else value
