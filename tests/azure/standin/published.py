"""Facts of the components that the registry publishes, without a sentence of their authors.

`python -m tests.azure.standin.published DIR` reads them anew from a checkout of the specifications.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).with_name("components.json")
_FACTS = ("type", "optional", "default", "enum", "min", "max", "mode")
_NAMES = (
    "text_classification_pipeline", "token_classification_pipeline",
    "question_answering_pipeline", "summarization_pipeline", "translation_pipeline",
    "text_generation_pipeline", "import_model", "model_prediction", "compute_metrics",
)  # fmt: skip
_PLACES = {key: {"type": "string", "optional": True} for key in ("compute_name", "instance_type")}
_INNER = ("ground_truth", "prediction", "prediction_probabilities")


def read() -> dict[str, dict[str, Any]]:
    """Each component's version, inputs and outputs by its name."""
    found: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
    found["model_evaluation_pipeline"] = evaluation(
        found.pop("model_prediction"), found.pop("compute_metrics")
    )
    return found


def evaluation(*steps: dict[str, Any]) -> dict[str, Any]:
    """`model_evaluation_pipeline`, whose specification is not at hand: the inputs of the steps that
    it is made of, and the two that say where these run."""
    inputs = {
        key: value
        for step in steps
        for key, value in step["inputs"].items()
        if not key.startswith(_INNER)
    }
    outputs = {"evaluation_result": {"type": "uri_folder"}}
    return {"version": "0.0.40", "inputs": inputs | _PLACES, "outputs": outputs}


def component_spec(name: str, facts: dict[str, Any]) -> dict[str, Any]:
    """What the registry answers as `componentSpec`: defaults and bounds are texts there."""
    inputs = {
        key: {fact: _text(fact, value) for fact, value in declared.items()}
        for key, declared in facts["inputs"].items()
    }
    return {
        "$schema": "https://azuremlschemas.azureedge.net/latest/pipelineComponent.schema.json",
        "name": name,
        "version": facts["version"],
        "display_name": name,
        "type": "pipeline",
        "is_deterministic": "False",
        "inputs": inputs,
        "outputs": facts["outputs"],
        "jobs": {},
    }


def _text(fact: str, value: Any) -> Any:
    if fact == "enum":
        return [str(choice) for choice in value]
    return value if fact in ("type", "optional", "mode") else str(value)


def _facts(spec: dict[str, Any]) -> dict[str, Any]:
    def only(declared: dict[str, Any]) -> dict[str, Any]:
        return {fact: declared[fact] for fact in _FACTS if fact in declared}

    return {
        "version": str(spec["version"]),
        "inputs": {key: only(value) for key, value in spec["inputs"].items()},
        "outputs": {key: only(value) for key, value in spec["outputs"].items()},
    }


def main() -> None:
    found = {}
    for path in sorted(Path(sys.argv[1]).glob("**/spec.yaml")):
        spec = yaml.safe_load(path.read_text(encoding="utf-8"))
        if spec.get("name") in _NAMES:
            found[spec["name"]] = _facts(spec)
    lines = [f"{json.dumps(name)}: {json.dumps(facts)}" for name, facts in found.items()]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
