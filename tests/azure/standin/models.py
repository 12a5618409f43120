"""What the registry `azureml` of the stand-in publishes: some models as the catalogue has them."""

from __future__ import annotations

from typing import Any

from tests.azure.standin import published
from tests.azure.standin.registry import put, put_model
from tests.azure.standin.world import Offer, World

_GPUS = "Standard_NC24rs_v3,Standard_NC6s_v3,Standard_NC4as_T4_v3"
_CPUS = "Standard_DS4_v2,Standard_DS3_v2,Standard_D16as_v4"

MODELS: dict[str, dict[str, Any]] = {
    "roberta-base": {
        "task": "fill-mask", "hub": "FacebookAI/roberta-base",
        "tunes": "text-classification, token-classification, question-answering",
    },
    "bert-base-cased": {
        "task": "fill-mask", "hub": "google-bert/bert-base-cased",
        "tunes": "text-classification, token-classification, question-answering",
    },
    "t5-small": {
        "task": "text-translation", "hub": "google-t5/t5-small",
        "tunes": "summarization, translation",
    },
    "gpt2": {
        "task": "text-generation", "hub": "openai-community/gpt2",
        "tunes": "text-generation, text-classification",
    },
    "distilbert-base-uncased-finetuned-sst-2-english": {
        "task": "text-classification", "tunes": "", "hub": "distilbert/distilbert-sst-2",
    },
    "Llama-serverless": {"task": "chat-completion", "tunes": "", "hub": None},
}  # fmt: skip


SOLD = "azureml://registries/azureml-mistral/models/Mistral-large"
"""A model that its publisher sells through the marketplace."""

FREE = "azureml://registries/azureml-deepseek/models/DeepSeek-R1"
"""One of another registry than `azureml` that is not sold there."""


def publish(world: World) -> None:
    """Publish all of it."""
    for address, author in ((SOLD, "Mistral AI"), (FREE, "DeepSeek")):
        _, _, _, registry, _, name = address.split("/")
        tags = {"task": "chat-completion", "license": "custom", "author": author}
        put_model(world, name, "1", registry=registry, tags=tags | {"maas-inference": ""})
    world.offers[SOLD.lower()] = Offer("000-000", "mistral-ai-large-offer", "mistral-large-plan")
    for name, facts in MODELS.items():
        put_model(world, name, "18", description="an older one", tags={"task": facts["task"]})
        tags = {"task": facts["task"], "license": "mit", "author": "somebody"}
        if facts["hub"]:
            tags["huggingface_model_id"] = facts["hub"]
        if facts["tunes"]:
            tags["model_specific_defaults"] = (
                '{"apply_deepspeed": "true", "apply_lora": "true", "apply_ort": "true"}'
            )
        if name == "Llama-serverless":
            tags["maas-inference"] = "true"
        put_model(
            world,
            name,
            "19",
            description=f"{name} is a model.",
            tags=tags,
            properties={
                "SHA": "716877d372b884cad6d419d828bac6c85b3b18d9",
                "languages": "en",
                "inference-min-sku-spec": "4|0|14|28",
                "inference-recommended-sku": _CPUS,
                **_tuning(facts["tunes"]),
            },
        )
    for name, facts in published.read().items():
        spec = published.component_spec(name, facts)
        put(world, "azureml", "components", name, facts["version"], {"componentSpec": spec})


def _tuning(tasks: str) -> dict[str, str]:
    if not tasks:
        return {}
    return {
        "finetuning-tasks": tasks,
        "finetune-min-sku-spec": "4|1|28|176",
        "finetune-recommended-sku": _GPUS,
        "evaluation-min-sku-spec": "4|0|14|28",
        "evaluation-recommended-sku": _CPUS,
    }
