"""Azure ML's catalogue as it is published: a folder of specifications, one folder a model.

Read are `spec.yaml` (the asset: https://azuremlschemas.azureedge.net/latest/model.schema.json),
`MLmodel` where there is one, and `description.md`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.catalog.entries import Entry
from registry.catalog.values import (
    JOBS,
    TEXT_TASKS,
    architecture_of,
    defaults_of,
    hub_id_of,
    license_of,
    minimum_of,
    positive,
    words,
)
from registry.errors import BadInputError, NotFoundError

_PLACES = (".", "models", "assets/models/system", "models/system")


@dataclass(frozen=True, slots=True)
class Specifications:
    """The source `azureml`, read from a checkout. `folder` holds one folder a model.

    With `descriptions` false no sentence of the publishers is read.
    """

    folder: Path
    descriptions: bool = True

    @property
    def name(self) -> str:
        return "azureml"

    def entries(self) -> Iterator[Entry]:
        """Every model, those first that can be fetched and finetuned on text.

        Raises:
            NotFoundError: there is no such folder.
            BadInputError: it holds no specification, or one that can't be read (its `file`).
        """
        read = [_read(path, self.descriptions) for path in _specs(self.folder)]
        for _, entry in sorted(read, key=lambda pair: pair[0]):
            yield entry


def _specs(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise NotFoundError(
            f"no folder {folder}", hint="Give a checkout of Azure ML's model specifications."
        )
    for place in _PLACES:
        found = sorted((folder / place).glob("*/spec.yaml"))
        if found:
            return found
    raise BadInputError(
        f"{folder} holds no specification (looked for */spec.yaml and models/*/spec.yaml)",
        hint="Give the folder that holds one folder a model, or its parent.",
    )


_Order = tuple[bool, bool, bool, bool, str]


def _read(path: Path, descriptions: bool) -> tuple[_Order, Entry]:
    spec = _load(path)
    system = _section(spec, "system_metadata", path)
    tasks = _section(system, "tasks", path)
    tags = _section(spec, "tags", path)
    name = spec.get("name")
    if not isinstance(name, str) or not name.strip():
        raise BadInputError("the specification has no name", file=str(path))
    if spec.get("version") is None:
        raise BadInputError("the specification has no version", file=str(path))

    mlmodel = _mlmodel(path.parent)
    finetune_tasks = words(tasks.get("fineTuningTasks"))
    hub_id = hub_id_of(name, system.get("huggingFaceModelId"), mlmodel)
    entry = Entry(
        name=name,
        version=str(spec["version"]),
        hub_id=hub_id,
        license=license_of(system.get("license")),
        tasks=words(tasks.get("inferenceTasks")),
        finetune_tasks=finetune_tasks,
        size_bytes=positive(mlmodel.get("model_size_bytes")),
        architecture=architecture_of(mlmodel),
        languages=words(system.get("languages")),
        skus=_skus(_section(system, "SKU", path), path),
        defaults=defaults_of(tags.get("model_specific_defaults")),
        description=_description(path.parent) if descriptions else None,
    )
    order = (
        spec.get("isArchived") is True,
        not TEXT_TASKS.intersection(finetune_tasks),
        hub_id is None,
        system.get("featured") is not True,
        name.casefold(),
    )
    return order, entry


def _load(path: Path) -> dict[str, Any]:
    import yaml

    try:
        # The loader in C is six times as fast; a build of PyYAML may come without it.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        value = yaml.load(path.read_bytes(), loader)  # a safe loader either way
    except OSError as error:
        raise BadInputError(f"can't be read: {error.strerror}", file=str(path)) from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        raise BadInputError(
            f"is no YAML: {getattr(error, 'problem', None) or error}",
            file=str(path),
            row=mark.line + 1 if mark else None,
            hint="Nothing was changed. Repair the file, or take a fresh checkout.",
        ) from error
    if not isinstance(value, dict):
        raise BadInputError("is no specification: not a mapping", file=str(path))
    return value


def _section(spec: dict[str, Any], key: str, path: Path) -> dict[str, Any]:
    value = spec.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadInputError(f"`{key}` is no mapping", file=str(path))
    return value


def _mlmodel(folder: Path) -> dict[str, Any]:
    for name in ("MLmodel", "MLModel"):
        if (folder / name).is_file():
            return _load(folder / name)
    return {}


def _skus(section: dict[str, Any], path: Path) -> dict[str, Any]:
    skus: dict[str, Any] = {}
    for job in JOBS:
        minimum = section.get(f"{job}MinSkuSpec")
        recommended = words(section.get(f"{job}RecommendedSkus"))
        if minimum or recommended:
            skus[job] = {
                "minimum": _minimum(str(minimum), path) if minimum else None,
                "recommended": list(recommended),
            }
    return skus


def _minimum(text: str, path: Path) -> dict[str, int]:
    try:
        return minimum_of(text)
    except ValueError as error:
        raise BadInputError(str(error), file=str(path)) from None


def _description(folder: Path) -> str | None:
    path = folder / "description.md"
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None
