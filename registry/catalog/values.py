"""What the publishers of Azure ML's catalogue write, as values: licences, tasks, sizes, hub ids."""

from __future__ import annotations

import re
from typing import Any

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
JOBS = ("inference", "finetune", "evaluation")
_LICENSES = {"gnu agpl v3.0": "agpl-3.0"}
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")


def words(value: Any) -> tuple[str, ...]:
    """A list of words, or words joined by commas; each once."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list):
        return ()
    return tuple(dict.fromkeys(word for v in value if (word := str(v).strip())))


def positive(value: Any) -> int | None:
    """A whole number above zero, None for anything else."""
    return value if isinstance(value, int) and value > 0 else None


def license_of(value: Any) -> str | None:
    """A licence in small letters, by its usual name."""
    text = str(value or "").strip().lower()
    return _LICENSES.get(text, text) or None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def architecture_of(mlmodel: dict[str, Any]) -> str | None:
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


def hub_id_of(name: str, stated: Any, mlmodel: dict[str, Any]) -> str | None:
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


def minimum_of(text: str) -> dict[str, int]:
    """The size that `cpus|gpus|memory|disk` stands for, the last two in GiB. Raises ValueError."""
    parts = text.split("|")
    if len(parts) != 4 or not all(part.strip().isdigit() for part in parts):
        raise ValueError(f"`{text}` is no instance size (expected cpus|gpus|memory|disk)")
    return dict(
        zip(("cpus", "gpus", "memory_gib", "disk_gib"), (int(p) for p in parts), strict=True)
    )


def defaults_of(value: Any) -> dict[str, str]:
    """Parameters to finetune with, their values as words."""
    if not isinstance(value, dict):
        return {}
    return {
        str(k): str(v).lower() if isinstance(v, bool) else str(v)
        for k, v in value.items()
        if v is not None
    }
