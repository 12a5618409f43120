"""What an MLflow model's files say, in the form that Azure ML's catalogue has them.

Two flavours are there: `transformers`, MLflow's own, for which Azure ML needs no code; and
`hftransformersv2` of azureml-evaluate-mlflow, whose tags of words and sets of labels MLflow's own
pipelines don't answer. Each keeps weights and tokenizer apart, under other names.
Source: the MLmodel files of https://github.com/Azure/azureml-assets (assets/models/system).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fmtui.services.text import one_line

TRANSFORMERS, HFTRANSFORMERS = "transformers", "hftransformersv2"
FLAVORS = (TRANSFORMERS, HFTRANSFORMERS)

_MLFLOW = "2.13.2"
"""Whose format this is."""

_IMAGES = {
    TRANSFORMERS: "mcr.microsoft.com/azureml/curated/mlflow-model-inference:1",
    HFTRANSFORMERS: "mcr.microsoft.com/azureml/curated/foundation-model-inference:93",
}
_PIPELINES = {
    "text-classification": "TextClassificationPipeline",
    "token-classification": "TokenClassificationPipeline",
    "question-answering": "QuestionAnsweringPipeline",
    "summarization": "SummarizationPipeline",
    "translation": "TranslationPipeline",
    "text-generation": "TextGenerationPipeline",
    "fill-mask": "FillMaskPipeline",
}
_AUTO = {
    "text-classification": "AutoModelForSequenceClassification",
    "token-classification": "AutoModelForTokenClassification",
    "question-answering": "AutoModelForQuestionAnswering",
    "summarization": "AutoModelForSeq2SeqLM",
    "translation": "AutoModelForSeq2SeqLM",
    "text-generation": "AutoModelForCausalLM",
    "fill-mask": "AutoModelForMaskedLM",
}
TASKS = tuple(_PIPELINES)

_GONE_IN_5 = frozenset({"summarization", "translation", "question-answering"})
"""Tasks whose pipelines transformers 5 has no more: their environment takes the 4 before it."""

_MANY = "multi_label_classification"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the files tell of a model.

    Args:
        task: One of `TASKS`.
        architecture: Its class in transformers.
        base: What it was made of, as others call it.
        finetuned: Whether a run made it.
        config: Its config.json.
        writes: How it writes text: max_new_tokens, num_beams, do_sample, as far as it says.
        sentencepiece: Whether its tokenizer needs that.
        versions: Of the packages that computed it.
        python: Python's.
        size_bytes: Of its files.
        uuid: 32 hexadecimal digits.
        created: UTC, as MLflow writes it.
    """

    task: str
    architecture: str
    base: str
    finetuned: bool
    config: Mapping[str, Any]
    writes: Mapping[str, Any]
    sentencepiece: bool
    versions: Mapping[str, str]
    python: str
    size_bytes: int
    uuid: str
    created: str


def flavor_of(task: str, config: Mapping[str, Any]) -> str:
    """The flavour whose answers are those of the task."""
    many = config.get("problem_type") == _MANY
    return HFTRANSFORMERS if many or task == "token-classification" else TRANSFORMERS


def folders(flavor: str) -> dict[str, str]:
    """Where a flavour keeps weights, tokenizer and configuration."""
    if flavor == TRANSFORMERS:
        return {"model": "model", "tokenizer": "components/tokenizer"}
    return {"model": "data/model", "tokenizer": "data/tokenizer", "config": "data/config"}


def mlmodel(facts: Facts, flavor: str) -> dict[str, Any]:
    """The file `MLmodel`."""
    pyfunc: dict[str, Any] = {
        "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
        "python_version": facts.python,
    }
    if flavor == TRANSFORMERS:
        pyfunc |= {"loader_module": "mlflow.transformers", "model_binary": "model"}
        if facts.writes:
            pyfunc["config"] = dict(facts.writes)
        own: dict[str, Any] = {
            "code": None,
            "components": ["tokenizer"],
            "framework": "pt",
            "instance_type": _PIPELINES[facts.task],
            "model_binary": "model",
            "pipeline_model_type": facts.architecture,
            "task": _pipeline_task(facts),
            "tokenizer_type": "AutoTokenizer",
            "transformers_version": facts.versions["transformers"],
        }
    else:
        pyfunc |= {"loader_module": "azureml.evaluate.mlflow.hftransformers", "data": "data"}
        own = {
            "code": None,
            "hf_config_class": "AutoConfig",
            "hf_pretrained_class": _AUTO[facts.task],
            "hf_tokenizer_class": "AutoTokenizer",
            "model_data": "data",
            "pytorch_version": facts.versions["torch"].partition("+")[0],
            "task_type": _pipeline_task(facts),
            "transformers_version": facts.versions["transformers"],
        }
    return {
        "flavors": {"python_function": pyfunc, flavor: own},
        "metadata": {
            "base_model_name": facts.base,
            "base_model_task": facts.task,
            "is_acft_model": True,
            "is_finetuned_model": facts.finetuned,
            "azureml.base_image": _IMAGES[flavor],
        },
        "mlflow_version": _MLFLOW,
        "model_size_bytes": facts.size_bytes,
        "model_uuid": facts.uuid,
        "signature": _signature(facts.task, flavor),
        "utc_time_created": facts.created,
    }


def _pipeline_task(facts: Facts) -> str:
    """The task as pipelines call it: a translation names its languages, where they are known."""
    if facts.task != "translation":
        return facts.task
    known = facts.config.get("task_specific_params")
    pairs = [n for n in known if n.startswith("translation_")] if isinstance(known, dict) else []
    return one_line(pairs[0]) if len(pairs) == 1 else "translation_xx_to_yy"


def _signature(task: str, flavor: str) -> dict[str, Any]:
    inputs = '[{"type": "string"}]'
    if task == "question-answering":
        inputs = '[{"type": "string", "name": "question"}, {"type": "string", "name": "context"}]'
    elif flavor == HFTRANSFORMERS:
        inputs = '[{"type": "string", "name": "input_string"}]'
    return {"inputs": inputs, "outputs": '[{"type": "string"}]', "params": None}


def requirements(facts: Facts, flavor: str) -> list[str]:
    """The packages that it is loaded with."""
    exact = facts.versions["transformers"]
    transformers = ">=4.57,<5" if facts.task in _GONE_IN_5 else f"=={exact}"
    if flavor == HFTRANSFORMERS:
        transformers = ">=4.57"
    found = [
        "mlflow>=2.13.2",
        f"transformers{transformers}",
        f"torch=={facts.versions['torch'].partition('+')[0]}",
        "accelerate",
        "safetensors",
    ]
    if flavor == HFTRANSFORMERS:
        found.append("azureml-evaluate-mlflow")
    if facts.sentencepiece:
        found += ["sentencepiece", "sacremoses"]
    return found


def conda(facts: Facts, flavor: str) -> dict[str, Any]:
    """The file `conda.yaml`."""
    return {
        "channels": ["conda-forge"],
        "dependencies": [f"python={facts.python}", "pip", {"pip": requirements(facts, flavor)}],
        "name": "mlflow-env",
    }


def python_env(facts: Facts) -> dict[str, Any]:
    """The file `python_env.yaml`."""
    return {
        "python": facts.python,
        "build_dependencies": ["pip", "setuptools", "wheel"],
        "dependencies": ["-r requirements.txt"],
    }
