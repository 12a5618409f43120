"""Inputs of a pipeline's nodes against the specifications of the components that they name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

from tests.azure.standin.http import Request
from tests.azure.standin.published import evaluation
from tests.conftest import SHARED

FOLDER = SHARED / "azureml-assets" / "components"
_NAME = re.compile(r"azureml://registries/[^/]+/components/([^/]+)/")


@cache
def specification(name: str) -> dict[str, Any] | None:
    """A component's specification as it is published, None where it is not at hand."""
    if name == "model_evaluation_pipeline":
        steps = [specification(step) for step in ("model_prediction", "compute_metrics")]
        return evaluation(*(step for step in steps if step)) if all(steps) else None
    for path in FOLDER.glob("**/spec.yaml"):
        spec = yaml.safe_load(path.read_text(encoding="utf-8"))
        if isinstance(spec, dict) and spec.get("name") == name:
            return spec
    return None


def faults(request: Request) -> Iterator[tuple[str, str]]:
    """Place and fault of each input or output of a pipeline that its component refuses."""
    if request.method != "PUT" or not re.search(r"/jobs/[^/]+$", request.path):
        return
    properties = request.json["properties"]
    for name, node in (properties.get("jobs") or {}).items():
        match = _NAME.match(str(node.get("componentId", "")))
        spec = specification(match[1]) if match else None
        if spec is None:
            continue
        known, given = spec.get("inputs") or {}, node.get("inputs") or {}
        for key, value in given.items():
            place = f"$.properties.jobs.{name}.inputs.{key}"
            if key not in known:
                yield place, f"the component has no input {key}"
            elif fault := _value_fault(known[key], value, properties):
                yield place, fault
        for key, declared in known.items():
            needed = not declared.get("optional") and "default" not in declared
            if needed and key not in given:
                yield f"$.properties.jobs.{name}.inputs", f"the input {key} is missing"
        for key in node.get("outputs") or {}:
            if key not in (spec.get("outputs") or {}):
                yield f"$.properties.jobs.{name}.outputs.{key}", "the component has no such output"


def _value_fault(declared: dict[str, Any], value: Any, properties: dict[str, Any]) -> str | None:
    kind = declared["type"]
    text = _literal(value, properties)
    if text is None:
        if kind in ("string", "integer", "number", "boolean"):
            return f"a {kind} is wanted, an asset is given"
        return None
    if kind not in ("string", "integer", "number", "boolean"):
        return f"an asset of type {kind} is wanted, a value is given"
    if "enum" in declared and text not in [str(choice) for choice in declared["enum"]]:
        return f"{text} is none of {', '.join(map(str, declared['enum']))}"
    if kind in ("integer", "number"):
        try:
            number = int(text) if kind == "integer" else float(text)
        except ValueError:
            return f"{text} is no {kind}"
        if "min" in declared and number < declared["min"]:
            return f"{text} is below {declared['min']}"
    return None


def _literal(value: Any, properties: dict[str, Any]) -> str | None:
    """The text of a literal, also where it is bound to an input of the pipeline."""
    literal = value.get("job_input_type") == "literal" or value.get("jobInputType") == "literal"
    if not literal:
        return None
    text = str(value.get("value", ""))
    bound = re.fullmatch(r"\$\{\{parent\.inputs\.(\w+)\}\}", text)
    if bound is None:
        return text
    return _literal(properties["inputs"][bound[1]], properties)
