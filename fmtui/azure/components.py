"""Azure ML's names for our tasks: pipeline components, their inputs, how a row is written for them.

The components are published in the registry `azureml`; their inputs are asked for when they are
used (https://github.com/Azure/azureml-assets).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fmtui.errors import BadInputError, UsageError
from registry.references import unknown

REGISTRY = "azureml"
EVALUATION = "model_evaluation_pipeline"
IMPORT = "import_model"
PARTS = ("model_import", "preprocess", "finetune", "model_evaluation")
"""The steps of a finetune component; each can have its own compute and instance type."""

Row = Callable[[Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Component:
    """A task on Azure ML.

    `keys` maps the component's inputs that name a column to the columns of the file that is
    uploaded; `roles` maps our column roles to these inputs, for data that lies in Azure already.
    `inputs` and `label` are the columns that an evaluation reads.
    """

    finetune: str
    evaluation: str
    scoring: str
    keys: dict[str, str]
    roles: dict[str, str]
    inputs: tuple[str, ...]
    label: str
    row: Row = dict
    optional: frozenset[str] = frozenset()
    fixed: dict[str, str] = field(default_factory=dict)


def _classified(record: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(record.get("label"), list):
        raise BadInputError(
            "rows with several labels can't be finetuned on Azure ML",
            hint="Its component knows one label a row; leave --backend out.",
        )
    return dict(record)


def _answered(record: Mapping[str, Any]) -> dict[str, Any]:
    """As SQuAD writes it."""
    answers = {"text": list(record["answers"]), "answer_start": list(record["starts"])}
    return {key: record[key] for key in ("question", "context")} | {"answers": answers}


def _first(record: Mapping[str, Any]) -> dict[str, Any]:
    """Of several references the first: the components read one text a row."""
    return {
        key: (value[0] if value else "") if isinstance(value, list) else value
        for key, value in record.items()
    }


def _prompted(record: Mapping[str, Any]) -> dict[str, Any]:
    if "messages" in record:
        raise BadInputError(
            "conversations can't be finetuned on Azure ML by its component for text generation",
            hint="Give columns `prompt` and `text`, or leave --backend out.",
        )
    if record.get("prompt"):
        return {"text": record["prompt"], "ground_truth": record["text"]}
    return {"text": record["text"]}


COMPONENTS: dict[str, Component] = {
    "text-classification": Component(
        "text_classification_pipeline", "text-classification", "text-classification",
        {"sentence1_key": "text", "sentence2_key": "text_pair", "label_key": "label"},
        {"text": "sentence1_key", "text_pair": "sentence2_key", "label": "label_key"},
        ("text",), "label", _classified, frozenset({"sentence2_key"}),
    ),
    "token-classification": Component(
        "token_classification_pipeline", "text-named-entity-recognition", "token-classification",
        {"token_key": "tokens", "tag_key": "tags"},
        {"tokens": "token_key", "tags": "tag_key"},
        ("tokens",), "tags",
    ),
    "question-answering": Component(
        "question_answering_pipeline", "question-answering", "question-answering",
        {"question_key": "question", "context_key": "context", "answers_key": "answers",
         "answer_start_key": "answer_start", "answer_text_key": "text"},
        {"question": "question_key", "context": "context_key", "answers": "answers_key",
         "starts": "answer_start_key", "texts": "answer_text_key"},
        ("context", "question"), "answers", _answered, frozenset(),
        {"answer_start_key": "answer_start", "answer_text_key": "text"},
    ),
    "summarization": Component(
        "summarization_pipeline", "text-summarization", "summarization",
        {"document_key": "document", "summary_key": "summary"},
        {"document": "document_key", "summary": "summary_key"},
        ("document",), "summary", _first,
    ),
    "translation": Component(
        "translation_pipeline", "text-translation", "translation",
        {"source_lang": "source", "target_lang": "target"},
        {"source": "source_lang", "target": "target_lang"},
        ("source",), "target", _first,
    ),
    "text-generation": Component(
        "text_generation_pipeline", "text-generation", "text-generation",
        {"text_key": "text", "ground_truth_key": "ground_truth"},
        {"text": "text_key", "ground_truth": "ground_truth_key"},
        ("text",), "ground_truth", _prompted, frozenset({"ground_truth_key"}),
    ),
}  # fmt: skip


def component_of(task: str) -> Component:
    """What Azure ML calls a task. Raises UsageError where it has no component for it."""
    if task not in COMPONENTS:
        raise UsageError(
            f"no component of Azure ML finetunes for {task}",
            hint=f"One of {', '.join(COMPONENTS)}.",
        )
    return COMPONENTS[task]


@dataclass(frozen=True)
class Parameters:
    """The inputs of a component as its registry publishes them: name to declaration."""

    component: str
    declared: Mapping[str, Any]

    def check(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Values of the right type. Raises UsageError for an unknown name or a wrong value."""
        return {name: self._value(name, text) for name, text in given.items()}

    def known(self, given: Mapping[str, str]) -> dict[str, str]:
        """Those of these that the component has."""
        return {name: text for name, text in given.items() if name in self.declared}

    def choices(self, name: str) -> list[str]:
        """The values that a parameter can have, none where any will do."""
        return [str(choice) for choice in _fact(self.declared[name], "enum") or ()]

    def _value(self, name: str, text: str) -> Any:
        if name not in self.declared:
            error = unknown("parameter", name, list(self.declared))
            raise UsageError(f"{self.component}: {error.message}", hint=error.hint)
        declared = self.declared[name]
        choices = self.choices(name)
        text = text.strip()
        if choices:
            match = next((c for c in choices if c.lower() == text.lower()), None)
            if match is None:
                raise UsageError(f"{name}={text}: expected one of {', '.join(choices)}")
            return match
        kind = str(_fact(declared, "type"))
        try:
            value: Any = _TYPES.get(kind, str)(text)
        except ValueError:
            raise UsageError(f"{name}={text}: expected a {kind}") from None
        least = _fact(declared, "min")
        if least is not None and kind in ("integer", "number") and value < float(least):
            raise UsageError(f"{name}={text}: expected at least {least}")
        return value


def _whole(text: str) -> int:
    value = float(text)
    if value != int(value):
        raise ValueError
    return int(value)


_TYPES: dict[str, Callable[[str], Any]] = {"integer": _whole, "number": float}


def _fact(declared: Any, name: str) -> Any:
    return declared.get(name) if isinstance(declared, dict) else getattr(declared, name, None)
