"""Azure ML's catalogue as it is published: a folder of specifications, one folder a model.

Read are `spec.yaml` (the asset: https://azuremlschemas.azureedge.net/latest/model.schema.json),
`MLmodel` where there is one, and `description.md`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.catalog.entries import Entry
from registry.errors import BadInputError, NotFoundError

TEXT_TASKS = frozenset(
    (
        "text-classification",
        "token-classification",
        "question-answering",
        "summarization",
        "translation",
        "text-generation",
        "chat-completion",
    )
)
_JOBS = ("inference", "finetune", "evaluation")
_PLACES = (".", "models", "assets/models/system", "models/system")
_LICENSES = {"gnu agpl v3.0": "agpl-3.0"}
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")


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
    finetune_tasks = _words(tasks.get("fineTuningTasks"))
    hub_id = _hub_id(name, system.get("huggingFaceModelId"), mlmodel)
    entry = Entry(
        name=name,
        version=str(spec["version"]),
        hub_id=hub_id,
        license=_license(system.get("license")),
        tasks=_words(tasks.get("inferenceTasks")),
        finetune_tasks=finetune_tasks,
        size_bytes=_positive(mlmodel.get("model_size_bytes")),
        architecture=_architecture(mlmodel),
        languages=_words(system.get("languages")),
        skus=_skus(_section(system, "SKU", path), path),
        defaults=_defaults(tags.get("model_specific_defaults")),
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


def _words(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list):
        return ()
    return tuple(dict.fromkeys(word for v in value if (word := str(v).strip())))


def _positive(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _license(value: Any) -> str | None:
    text = str(value or "").strip().lower()
    return _LICENSES.get(text, text) or None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _architecture(mlmodel: dict[str, Any]) -> str | None:
    """The model's class. `AutoModelFor...` is a way to load one, so it says nothing."""
    flavors = _dict(mlmodel.get("flavors"))
    for flavor, key in (
        ("transformers", "pipeline_model_type"),
        ("hftransformersv2", "hf_pretrained_class"),
        ("hftransformers", "hf_pretrained_class"),
    ):
        value = _dict(flavors.get(flavor)).get(key)
        if isinstance(value, str) and value and not value.startswith("Auto"):
            return value
    return None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _hub_id(name: str, stated: Any, mlmodel: dict[str, Any]) -> str | None:
    """The model's id on the hub, or None where the files leave it in doubt.

    The specifications hold slips (some name another model's weights), and the wrong weights are
    worse than none. So an id must be named like the asset, or be said by both files.
    """
    flavors = _dict(mlmodel.get("flavors"))
    claims = [stated]
    for flavor in ("hftransformersv2", "hftransformers"):
        claims.append(_dict(flavors.get(flavor)).get("huggingface_id"))
    claims.append(_dict(flavors.get("transformers")).get("source_model_name"))
    base = _dict(mlmodel.get("metadata")).get("base_model_name")
    # A bare base name is a hub id only where the specification says that there is one.
    if stated or "/" in str(base or ""):
        claims.append(base)
    ids = [c for c in claims if isinstance(c, str) and _HUB_ID.fullmatch(c)]
    asset = _plain(name)
    with_owner = [i for i in ids if "/" in i]
    # `Org-model` is how an asset writes `org/model`: beside such an id it is none of its own.
    for candidate in with_owner or ids:
        if asset in (_plain(candidate), _plain(candidate.split("/")[-1])):
            return candidate
    if stated in ids and ids.count(stated) > 1:
        return str(stated)
    return None


def _skus(section: dict[str, Any], path: Path) -> dict[str, Any]:
    skus: dict[str, Any] = {}
    for job in _JOBS:
        minimum = section.get(f"{job}MinSkuSpec")
        recommended = _words(section.get(f"{job}RecommendedSkus"))
        if minimum or recommended:
            skus[job] = {
                "minimum": _minimum(str(minimum), path) if minimum else None,
                "recommended": list(recommended),
            }
    return skus


def _minimum(text: str, path: Path) -> dict[str, int]:
    """`cpus|gpus|memory|disk`, the last two in GiB."""
    parts = text.split("|")
    if len(parts) != 4 or not all(part.strip().isdigit() for part in parts):
        raise BadInputError(
            f"`{text}` is no instance size (expected cpus|gpus|memory|disk)", file=str(path)
        )
    return dict(
        zip(("cpus", "gpus", "memory_gib", "disk_gib"), (int(p) for p in parts), strict=True)
    )


def _defaults(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {
        str(k): str(v).lower() if isinstance(v, bool) else str(v)
        for k, v in value.items()
        if v is not None
    }


def _description(folder: Path) -> str | None:
    path = folder / "description.md"
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None
