"""A model that a run made says, in the hub's own words, where it comes from and how good it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard
from huggingface_hub.utils import validate_repo_id

from fmtui.services import card
from fmtui.tasks.settings import resolve
from registry.folder import card_license, read_card

SPEC: dict[str, Any] = {
    "name": "minilm-bank",
    "run": "r7",
    "task": "text-classification",
    "created": "2026-11-01T00:00:00Z",
    "model": {
        "ref": "minilm:1", "origin": "hf:sentence-transformers/all-MiniLM-L6-v2@c9745ed",
        "revision": "c9745ed", "license": "apache-2.0",
    },
    "train": {
        "ref": "my bank:1", "columns": {"text": "text", "label": "in|tent"},
        "fingerprint": "ab" * 32,
    },
    "labels": ["card", "lo`an\x1b[2J"],
    "settings": resolve({"learning_rate": "2e-4"}, parameters=1, metric="accuracy"),
    "packages": {"torch": "2.13.0"},
}  # fmt: skip


def test_the_hub_reads_the_card(tmp_path: Path) -> None:
    card.write(SPEC, {"accuracy": 0.9123, "loss": 0.4}, tmp_path)
    read = ModelCard.load(tmp_path / "README.md")
    assert read.data.base_model == "sentence-transformers/all-MiniLM-L6-v2"
    assert read.data.to_dict()["base_model_relation"] == "finetune"
    assert (read.data.pipeline_tag, read.data.library_name) == (SPEC["task"], "transformers")
    results = {r.metric_type: r for r in read.data.eval_results}
    assert results["accuracy"].metric_value == 0.9123
    assert results["accuracy"].dataset_revision == SPEC["train"]["fingerprint"]
    assert results["accuracy"].dataset_split == "validation"
    assert read.data.datasets == ["my-bank"], "in the letters that the hub allows"
    ours = read_card(tmp_path / "README.md")
    assert card_license(ours) == "apache-2.0"


@pytest.mark.parametrize("origin", ["run:r7", "file:/tmp/my model", None])
def test_a_base_that_is_not_of_the_hub_is_named_as_the_hub_takes_it(origin: str | None) -> None:
    base = {"ref": "my -- model:3", "origin": origin, "license": None}
    words = card.text({**SPEC, "model": base}, {"accuracy": 0.9})
    validate_repo_id(ModelCard(words).data.base_model)
    assert ModelCard(words).data.base_model == "my-model"
    assert "`my -- model:3`, finetuned" in words


def test_the_card_tells_data_parameters_and_how_to_do_it_again() -> None:
    words = card.text(SPEC, {"accuracy": 0.9123})
    assert "| learning_rate | 0.0002 |" in words
    assert f"`{SPEC['train']['fingerprint']}`" in words
    assert "10% of the training data, split off with seed 42" in words
    assert "--set learning_rate=0.0002" in words
    assert "label = in\\|tent" in words, "a bar ends no cell"
    assert "\x1b" not in words and "`lo'an" in words, "text from outside is cleaned"


def test_an_adapter_and_a_run_without_held_out_rows_say_so() -> None:
    settings = {**SPEC["settings"], "apply_lora": True, "merge_lora_weights": False}
    data = ModelCard(card.text({**SPEC, "settings": settings}, {})).data
    assert (data.library_name, data.to_dict()["base_model_relation"]) == ("peft", "adapter")
    assert data.eval_results is None and "lora" in data.tags
