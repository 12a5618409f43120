"""What the files of a run say, without what is this machine's or a secret.

A path becomes the name that it ends in; where a model or data lie is left out, and told anew on
the machine that takes the bundle in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path, PurePath
from typing import Any

from registry.redact import redact

SPEC = "spec.json"
PARTS = ("model", "train", "validation", "data")
"""What a spec tells of its model and data, each with its `path`."""

_LINES = "journal.jsonl"
_OF_DATA = ("labels", "columns")
_ROOTS = ("data", "home", "media", "mnt", "private", "scratch", "tmp", "Users", "Volumes", "work")
_ABSOLUTE = re.compile(r"(?<![\w:/.~…-])/(?:[\w.@+~=-]+/)*[\w.@+~=-]+/?")


def machine(home: Path) -> tuple[str, ...]:
    """The folders that are this machine's, the longest first: paths in them may hold spaces."""
    found = {str(home), str(home.resolve()), str(Path.home()), str(Path.cwd())}
    return tuple(sorted(found - {"/"}, key=len, reverse=True))


def portable(value: Any, here: Sequence[str]) -> Any:
    """A value of JSON without absolute paths and secrets; `here` are the machine's folders."""
    if isinstance(value, str):
        return _words(value, here)
    if isinstance(value, dict):
        return {key: one if key in _OF_DATA else portable(one, here) for key, one in value.items()}
    if isinstance(value, list):
        return [portable(one, here) for one in value]
    return value


def _words(text: str, here: Sequence[str]) -> str:
    text = redact(text)
    if _is_root(text) and not re.search(r"[\n:,;]", text):  # a path alone: it may hold spaces
        return PurePath(text).name
    for folder in here:
        text = text.replace(folder + "/", "").replace(folder, "")
    return _ABSOLUTE.sub(lambda m: PurePath(m[0]).name if _is_root(m[0]) else m[0], text)


def _is_root(text: str) -> bool:
    """Whether a text begins as a path of a machine does: `/r/news` is the name of something."""
    return text.startswith("/") and text.split("/")[1] in _roots()


@cache
def _roots() -> frozenset[str]:
    return frozenset([*_ROOTS, *(entry.name for entry in Path("/").iterdir())])


def copy_portable(source: Path, target: Path, here: Sequence[str]) -> None:
    """Write a run's file as a bundle holds it. Raises OSError."""
    if source.name != _LINES:
        target.write_bytes(_portable_file(source, here))
        return
    with source.open("rb") as lines, target.open("wb") as out:
        for line in lines:
            try:
                out.write(_dump(portable(json.loads(line), here), None))
            except ValueError:
                continue  # a line that a kill cut


def _portable_file(source: Path, here: Sequence[str]) -> bytes:
    try:
        value = json.loads(source.read_bytes())
    except ValueError:
        return b"null\n"  # nobody can read it here either
    if source.name == SPEC and isinstance(value, dict):
        value = _without_places(value)
    return _dump(portable(value, here), 1)


def _without_places(spec: dict[str, Any]) -> dict[str, Any]:
    spec = {key: one for key, one in spec.items() if key != "run"}
    for name in PARTS:
        if isinstance(part := spec.get(name), dict):
            spec[name] = {key: one for key, one in part.items() if key not in ("path", "id")}
    return spec


def fingerprints(content: bytes) -> Iterator[tuple[str, str]]:
    """Of a spec those of `PARTS` that are data, with the fingerprint of each."""
    with suppress(ValueError, AttributeError):
        spec = json.loads(content)
        for name in PARTS[1:]:
            if isinstance(part := spec.get(name), dict) and part.get("fingerprint"):
                yield name, str(part["fingerprint"])


def settled(content: bytes, run: str, places: Mapping[str, Mapping[str, Any]]) -> bytes:
    """A spec as it stands on this machine.

    Args:
        run: Its number here.
        places: For each of `PARTS` that is here what is to be told of it: `ref`, `id`, `path`.
    """
    try:
        spec = json.loads(content)
    except ValueError:
        return content
    if not isinstance(spec, dict):
        return content
    spec = portable(_without_places(spec), ()) | {"run": run}
    for name, place in places.items():
        if isinstance(spec.get(name), dict):
            spec[name] |= place
    return _dump(spec, 1)


def _dump(value: Any, indent: int | None) -> bytes:
    return (json.dumps(value, indent=indent, ensure_ascii=False) + "\n").encode()
