"""Specifications as Azure ML publishes them, written by the tests themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def write_spec(
    folder: Path,
    name: str,
    *,
    version: int = 1,
    hub_id: str | None = None,
    tasks: tuple[str, ...] = ("fill-mask",),
    finetune_tasks: tuple[str, ...] = (),
    license: str = "MIT",
    mlmodel: dict[str, Any] | None = None,
    description: str | None = None,
    **system: Any,
) -> Path:
    """One folder of the catalogue: spec.yaml, and MLmodel and description.md where given."""
    place = folder / name
    place.mkdir(parents=True)
    metadata: dict[str, Any] = {
        "license": license,
        "languages": ["en"],
        "tasks": {"inferenceTasks": list(tasks), "fineTuningTasks": list(finetune_tasks)},
        "SKU": {
            "inferenceMinSkuSpec": "2|0|8|28",
            "inferenceRecommendedSkus": ["Standard_DS3_v2", "Standard_DS4_v2"],
        },
        **system,
    }
    if hub_id:
        metadata["huggingFaceModelId"] = hub_id
    spec = {
        "name": name,
        "version": version,
        "tags": {"model_specific_defaults": {"apply_lora": True, "precision": 16}},
        "system_metadata": metadata,
    }
    (place / "spec.yaml").write_text(yaml.safe_dump(spec))
    if mlmodel is not None:
        (place / "MLmodel").write_text(yaml.safe_dump(mlmodel))
    if description is not None:
        (place / "description.md").write_text(description)
    return place


def based_on(name: str, architecture: str = "BertForMaskedLM") -> dict[str, Any]:
    """What an MLmodel file says of a model that was converted from the hub's `name`."""
    return {
        "flavors": {"transformers": {"pipeline_model_type": architecture}},
        "metadata": {"base_model_name": name},
        "model_size_bytes": 1234,
    }
