"""Which model types the installed transformers knows, read from its source: importing it is slow
(it may pull torch), and the answer is a table of names."""

from __future__ import annotations

import ast
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

_TABLE = "CONFIG_MAPPING_NAMES"
_FILES = ("auto_mappings.py", "configuration_auto.py")
_HEADS = "MODEL_FOR_{}_MAPPING_NAMES"


@cache
def known_types(table: str = _TABLE, files: tuple[str, ...] = _FILES) -> frozenset[str]:
    """The model types in a table; empty where they can't be told."""
    spec = find_spec("transformers")
    if spec is None or spec.origin is None:
        return frozenset()
    found: set[str] = set()
    for name in files:
        try:
            tree = ast.parse((Path(spec.origin).parent / "models/auto" / name).read_bytes())
        except (OSError, SyntaxError):
            continue
        for node in tree.body:
            if isinstance(node, ast.Assign) and table in {
                target.id for target in node.targets if isinstance(target, ast.Name)
            }:
                found |= _keys(node.value)
    return frozenset(found)


def _keys(node: ast.AST) -> set[str]:
    """The keys of a table, written as pairs or as a dictionary."""
    found: set[str] = set()
    for part in ast.walk(node):
        first = part.keys if isinstance(part, ast.Dict) else []
        if isinstance(part, ast.Tuple) and len(part.elts) == 2:
            first = [part.elts[0]]
        found |= {
            k.value for k in first if isinstance(k, ast.Constant) and isinstance(k.value, str)
        }
    return found


def is_known(model_type: str) -> bool | None:
    """Whether transformers has this model type; None where that can't be told."""
    known = known_types()
    return model_type in known if known else None


def has_head(model_type: str, head: str) -> bool | None:
    """Whether transformers has a model of this type with a head, `QUESTION_ANSWERING` for
    instance, as its tables call it; None where that can't be told."""
    known = known_types(_HEADS.format(head), ("modeling_auto.py",))
    return model_type in known if known and is_known(model_type) else None


def library() -> str:
    """The library with its version, as a person reads it."""
    try:
        return f"transformers {version('transformers')}"
    except PackageNotFoundError:
        return "transformers"
