"""Reading Azure ML's specifications: facts as they are, slips found, nothing by halves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from registry.catalog import bundled
from registry.catalog.entries import Entry
from registry.catalog.specs import Specifications
from registry.errors import BadInputError, NotFoundError
from tests.registry.specifications import based_on, write_spec


def read(folder: Path) -> dict[str, Entry]:
    return {entry.name: entry for entry in Specifications(folder).entries()}


def test_an_entry_holds_what_its_files_say(tmp_path: Path) -> None:
    write_spec(
        tmp_path,
        "tiny-bert",
        version=7,
        hub_id="org/tiny-bert",
        finetune_tasks=("text-classification",),
        mlmodel=based_on("org/tiny-bert"),
        description="What it is.",
    )
    entry = read(tmp_path)["tiny-bert"]
    assert entry.version == "7"
    assert entry.hub_id == "org/tiny-bert"
    assert entry.license == "mit"
    assert entry.tasks == ("fill-mask",)
    assert entry.finetune_tasks == ("text-classification",)
    assert entry.size_bytes == 1234
    assert entry.architecture == "BertForMaskedLM"
    assert entry.languages == ("en",)
    assert entry.defaults == {"apply_lora": "true", "precision": "16"}
    assert entry.description == "What it is."
    assert entry.skus == {
        "inference": {
            "minimum": {"cpus": 2, "gpus": 0, "memory_gib": 8, "disk_gib": 28},
            "recommended": ["Standard_DS3_v2", "Standard_DS4_v2"],
        }
    }


@pytest.mark.parametrize("place", [".", "models", "assets/models/system"])
def test_the_folder_or_its_parent_can_be_given(tmp_path: Path, place: str) -> None:
    write_spec(tmp_path / place, "tiny")
    assert list(read(tmp_path)) == ["tiny"]


@pytest.mark.parametrize(
    ("name", "stated", "mlmodel", "expected"),
    [
        ("roberta-large", "bert-base-cased", based_on("roberta-large"), "roberta-large"),
        ("org-model", "org/model", based_on("org/model"), "org/model"),
        ("org-model-v0-1", "org/model-v0.1", {}, "org/model-v0.1"),
        ("model", "other/thing", based_on("another/thing"), None),
        ("model", "other/thing", {}, None),
        ("ORG-Pretty-Name", "org/base", based_on("org/base"), "org/base"),
        ("model", None, based_on("model"), None),
        ("model", None, based_on("org/model"), "org/model"),
        ("org-model-v01", None, based_on("org/model-v0.2"), None),
        ("org-model", "a/bb/model", based_on("org/model"), "org/model"),
        ("model", "org/model", based_on("/mnt/somewhere"), "org/model"),
    ],
)
def test_a_hub_id_that_names_other_weights_is_not_believed(
    tmp_path: Path, name: str, stated: str | None, mlmodel: dict, expected: str | None
) -> None:
    write_spec(tmp_path, name, hub_id=stated, mlmodel=mlmodel)
    assert read(tmp_path)[name].hub_id == expected


def test_a_class_that_only_loads_is_no_architecture(tmp_path: Path) -> None:
    flavor = {"flavors": {"hftransformersv2": {"hf_pretrained_class": "AutoModelForCausalLM"}}}
    write_spec(tmp_path, "a", mlmodel=flavor)
    flavor = {"flavors": {"hftransformersv2": {"hf_pretrained_class": "LlamaForCausalLM"}}}
    write_spec(tmp_path, "b", mlmodel=flavor)
    found = read(tmp_path)
    assert (found["a"].architecture, found["b"].architecture) == (None, "LlamaForCausalLM")


def test_the_models_one_can_finetune_on_text_come_first(tmp_path: Path) -> None:
    write_spec(tmp_path, "a-picture-model", finetune_tasks=("image-classification",))
    write_spec(tmp_path, "z-text", hub_id="org/z-text", finetune_tasks=("text-classification",))
    write_spec(tmp_path, "b-text-without-weights", finetune_tasks=("text-classification",))
    assert list(read(tmp_path)) == ["z-text", "b-text-without-weights", "a-picture-model"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name: [unclosed", "is no YAML"),
        ("- a\n- list", "not a mapping"),
        ("version: 1", "has no name"),
        ("name: x", "has no version"),
        ("name: x\nversion: 1\nsystem_metadata: text", "is no mapping"),
        ("name: x\nversion: 1\nsystem_metadata: {SKU: {inferenceMinSkuSpec: 2|x}}", "2|x"),
        ("\x00\x01", "is no YAML"),
    ],
)
def test_a_broken_specification_is_named(tmp_path: Path, content: str, message: str) -> None:
    write_spec(tmp_path, "good")
    place = write_spec(tmp_path, "broken")
    (place / "spec.yaml").write_text(content)
    with pytest.raises(BadInputError) as caught:
        read(tmp_path)
    assert caught.value.file == str(place / "spec.yaml")
    assert message in str(caught.value)


def test_a_folder_without_specifications_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="holds no specification"):
        read(tmp_path)
    with pytest.raises(NotFoundError, match="no folder"):
        read(tmp_path / "absent")


def test_the_bundled_table_reads_back_what_was_written(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_spec(tmp_path, name, mlmodel=based_on(name), description="A sentence of theirs.")
    entries = list(Specifications(tmp_path, descriptions=False).entries())
    text = bundled.dumps(entries)
    assert "sentence" not in text
    facts = tmp_path / "facts.json"
    facts.write_text(text)
    original, bundled.FACTS = bundled.FACTS, facts
    try:
        assert list(bundled.read()) == entries
    finally:
        bundled.FACTS = original


@pytest.mark.shared
def test_the_bundled_table_is_made_from_the_published_specifications(shared: Path) -> None:
    folder = shared / "azureml-assets"
    entries = list(Specifications(folder, descriptions=False).entries())
    assert len(entries) == 156
    assert bundled.FACTS.read_text() == bundled.dumps(entries), "run `python -m registry.catalog`"
    by_name = {entry.name: entry for entry in entries}
    assert by_name["roberta-large"].hub_id == "roberta-large"
    assert by_name["bert-base-uncased"].hub_id == "bert-base-uncased"
    assert by_name["Jean-Baptiste-camembert-ner"].hub_id == "Jean-Baptiste/camembert-ner"
    # Its name says v0.1, its files v0.2: nobody can tell, so nothing is fetched for it.
    assert by_name["mistralai-Mistral-7B-Instruct-v01"].hub_id is None


def test_the_bundled_table_holds_no_sentence() -> None:
    for entry in bundled.read():
        assert entry.description is None
        words = [entry.name, entry.license or "", *entry.defaults.values(), *entry.tasks]
        assert all(len(word.split()) < 4 for word in words)


def test_the_command_that_makes_the_table_says_how_it_is_used(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "registry.catalog", str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 4
    assert "holds no specification" in done.stderr
