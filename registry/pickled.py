"""Pickled weights on their way to safetensors, one file or several."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path

from registry import weights
from registry.errors import BadInputError
from registry.permissions import Convert
from registry.progress import Report
from registry.store import Incoming
from registry.views import ImportProgress


def files_of(main: str, index: Path | None, names: Collection[str], where: str) -> list[str]:
    """The pickles that hold the weights: `main` itself, or what its index at `index` names.

    Raises BadInputError when the index is broken or names what is not there.
    """
    if index is None or main != weights.PICKLED_INDEX:
        return [main]
    found = weights.shards(index, ending=".bin")
    if absent := [name for name in found if name not in names]:
        raise BadInputError(f"its index names {absent[0]}, which is missing", file=where)
    return found


def convert_into(
    held: Incoming, main: str, sources: Mapping[str, Path], convert: Convert, progress: Report
) -> None:
    """Convert pickles, by their names in the repository, into a folder on its way to the store.

    One file becomes `model.safetensors`; of several each becomes a file, with a new index.
    Raises BadInputError for what is no dictionary of tensors, or calls for more.
    """
    made: dict[str, str] = {}
    for number, (name, path) in enumerate(sources.items(), 1):
        progress(ImportProgress("converting", name, 0, 0))
        convert("pickle", path, held.folder)
        made[name] = weights.SINGLE
        if main == weights.PICKLED_INDEX:
            made[name] = f"model-{number:05}-of-{len(sources):05}.safetensors"
            (held.folder / weights.SINGLE).rename(held.folder / made[name])
        held.adopt(made[name])
    if main == weights.PICKLED_INDEX:
        tensors = {tensor: file for file in made.values() for tensor in _names(held.folder / file)}
        index = {"metadata": {}, "weight_map": dict(sorted(tensors.items()))}
        (held.folder / weights.INDEX).write_text(json.dumps(index, indent=2), encoding="utf-8")
        held.adopt(weights.INDEX)


def _names(path: Path) -> tuple[str, ...]:
    return weights.read(path).names
