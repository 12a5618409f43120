"""A model in MLflow's form has what the catalogue's own MLmodel files have, and loads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from fmtui.errors import BadInputError, ConflictError, UsageError
from fmtui.services import mlflow_model, models
from fmtui.services.context import Context
from registry.store import Facts, register_folder
from tests.tiny import write_bert

HEADS = {
    "text-classification": ("BertForSequenceClassification", "transformers"),
    "token-classification": ("BertForTokenClassification", "hftransformersv2"),
    "question-answering": ("BertForQuestionAnswering", "transformers"),
}


def registered(ctx: Context, tmp_path: Path, task: str, **config: Any) -> str:
    """A model with a head for a task, as a run leaves it."""
    folder = write_bert(tmp_path / "made")
    path = folder / "config.json"
    words = json.loads(path.read_text()) | {"architectures": [HEADS[task][0]], **config}
    path.write_text(json.dumps(words))
    (folder / "README.md").write_text("# made\n")
    ctx.db.prepare()
    facts = Facts(origin="hf:org/tiny@abc", task=task, labels=(), license=None, parent_id=None)
    register_folder(ctx.db, ctx.home.models, folder, "made", facts)
    return "made:1"


def catalogue_keys(shared: Path, flavor: str, task: str) -> tuple[set[str], set[str]]:
    """The keys that the catalogue's models of a task have in common: the flavour's, and at the
    top."""
    own: list[set[str]] = []
    top: list[set[str]] = []
    for file in sorted((shared / "azureml-assets" / "models").glob("*/MLmodel")):
        words = yaml.safe_load(file.read_text())
        found = words["flavors"].get(flavor, {})
        if str(found.get("task") or found.get("task_type")).startswith(task):
            own.append(set(found))
            top.append(set(words))
    assert own, f"no {flavor} model for {task} in the catalogue"
    return set.intersection(*own), set.intersection(*top)


@pytest.mark.parametrize("task", HEADS)
def test_it_is_described_as_the_catalogues_models_are(
    ctx: Context, tmp_path: Path, shared: Path, task: str
) -> None:
    ref = registered(ctx, tmp_path, task)
    folder = mlflow_model.export_mlflow(ctx, ref, tmp_path / "out")
    words = yaml.safe_load((folder / "MLmodel").read_text())
    flavor = HEADS[task][1]
    own, top = catalogue_keys(shared, flavor, task)
    assert own - {"huggingface_id"} <= set(words["flavors"][flavor])
    assert top <= set(words)
    assert words["metadata"]["base_model_name"] == "org/tiny"
    assert words["metadata"]["azureml.base_image"].startswith("mcr.microsoft.com/azureml/curated/")
    assert json.loads(words["signature"]["inputs"])[0]["type"] == "string"
    env = words["flavors"]["python_function"]["env"]
    conda = yaml.safe_load((folder / env["conda"]).read_text())
    pip = next(d["pip"] for d in conda["dependencies"] if isinstance(d, dict))
    assert pip == (folder / "requirements.txt").read_text().split("\n")[:-1]
    assert (folder / "README.md").is_file()


@pytest.mark.parametrize("flavor", mlflow_model.FLAVORS)
def test_weights_and_tokenizer_lie_where_the_flavor_looks(
    ctx: Context, tmp_path: Path, flavor: str
) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    ref = registered(ctx, tmp_path, "text-classification")
    folder = mlflow_model.export_mlflow(ctx, ref, tmp_path / "out", flavor=flavor)
    own = yaml.safe_load((folder / "MLmodel").read_text())["flavors"][flavor]
    if flavor == "transformers":
        model, tokenizer = folder / own["model_binary"], folder / "components" / "tokenizer"
        assert own["components"] == ["tokenizer"]
    else:
        model, tokenizer = (folder / own["model_data"] / part for part in ("model", "tokenizer"))
        assert (folder / own["model_data"] / "config" / "config.json").is_file()
    loaded = AutoModelForSequenceClassification.from_pretrained(model)
    assert loaded.config.num_labels == 2
    assert AutoTokenizer.from_pretrained(tokenizer)("my card is lost")["input_ids"]


def test_sets_of_labels_and_tags_have_the_flavor_that_answers_them(
    ctx: Context, tmp_path: Path
) -> None:
    many = "multi_label_classification"
    ref = registered(ctx, tmp_path, "text-classification", problem_type=many)
    folder = mlflow_model.export_mlflow(ctx, ref, tmp_path / "out")
    assert "hftransformersv2" in yaml.safe_load((folder / "MLmodel").read_text())["flavors"]


def test_pipelines_get_the_prefix_and_no_other_wishes(ctx: Context, tmp_path: Path) -> None:
    taught = {"question-answering": {"prefix": "ask: ", "num_beams": 4, "doc_stride": 32}}
    ref = registered(ctx, tmp_path, "question-answering", task_specific_params=taught)
    folder = mlflow_model.export_mlflow(ctx, ref, tmp_path / "out")
    config = json.loads((folder / "model" / "config.json").read_text())
    assert config["prefix"] == "ask: "
    assert config["task_specific_params"] == {
        "question-answering": {"prefix": "ask: ", "doc_stride": 32}
    }


def test_the_same_model_is_described_alike_twice(ctx: Context, tmp_path: Path) -> None:
    ref = registered(ctx, tmp_path, "text-classification")
    first, second = (
        mlflow_model.export_mlflow(ctx, ref, tmp_path / name, link=link)
        for name, link in (("a", False), ("b", True))
    )
    files = sorted(p.relative_to(first) for p in first.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(second) for p in second.rglob("*") if p.is_file())
    for name in files:
        assert (first / name).read_bytes() == (second / name).read_bytes()
    assert (first / "model" / "model.safetensors").stat().st_nlink == 1, "a copy of one's own"


def test_what_can_not_be_exported_is_refused_and_nothing_is_left(
    ctx: Context, tmp_path: Path
) -> None:
    ref = registered(ctx, tmp_path, "text-classification")
    taken = tmp_path / "taken"
    taken.mkdir()
    with pytest.raises(ConflictError, match="exists"):
        mlflow_model.export_mlflow(ctx, ref, taken)
    with pytest.raises(UsageError, match="no flavor `onnx`"):
        mlflow_model.export_mlflow(ctx, ref, tmp_path / "out", flavor="onnx")
    base = write_bert(tmp_path / "base")
    models.import_model(ctx, str(base), name="base")
    with pytest.raises(BadInputError, match="is made for feature-extraction"):
        mlflow_model.export_mlflow(ctx, "base", tmp_path / "out")
    config = Path(models.show(ctx, ref).path) / "config.json"
    whole = config.read_text()
    config.write_text("{")
    with pytest.raises(BadInputError, match=r"config\.json: is no JSON"):
        mlflow_model.export_mlflow(ctx, ref, tmp_path / "out")
    config.write_text(whole)
    (Path(models.show(ctx, ref).path) / "model.safetensors").unlink()
    with pytest.raises(BadInputError, match=r"model\.safetensors: is missing"):
        mlflow_model.export_mlflow(ctx, ref, tmp_path / "out")
    assert not [p for p in tmp_path.iterdir() if p.name.startswith((".out", "out"))]


def test_mlflow_itself_loads_it(ctx: Context, tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="needs mlflow, in a venv of its own")
    pyfunc = pytest.importorskip("mlflow.pyfunc")
    described_by = pytest.importorskip("mlflow.models")
    ref = registered(ctx, tmp_path, "text-classification")
    folder = mlflow_model.export_mlflow(ctx, ref, tmp_path / "out")
    described = described_by.Model.load(str(folder))
    assert described.signature is not None
    answer = pyfunc.load_model(str(folder)).predict(["my card is lost"])
    assert answer.columns.tolist() == ["label", "score"]


def test_it_writes_as_it_did_when_it_was_measured(ctx: Context, tmp_path: Path) -> None:
    ref = registered(ctx, tmp_path, "question-answering")
    words = {"max_new_tokens": 21, "num_beams": 1, "pad_token_id": 0}
    place = Path(models.show(ctx, ref).path)
    (place / "generation_config.json").write_text(json.dumps(words))
    with ctx.db.write() as connection:
        connection.execute(
            "INSERT INTO model_file (model_version_id, path, size, sha256) "
            "SELECT model_version_id, 'generation_config.json', 1, 'x' FROM model_file LIMIT 1"
        )
    folder = mlflow_model.export_mlflow(ctx, ref, tmp_path / "out")
    pyfunc = yaml.safe_load((folder / "MLmodel").read_text())["flavors"]["python_function"]
    assert pyfunc["config"] == {"max_new_tokens": 21, "num_beams": 1}


def test_an_adapter_is_added_to_its_weights(ctx: Context, bert: Path, tmp_path: Path) -> None:
    import torch
    from peft import LoraConfig, TaskType, get_peft_model
    from transformers import AutoModelForSequenceClassification as Auto

    from fmtui.workers.loading import load_model

    torch.manual_seed(0)
    made = tmp_path / "made"
    base = Auto.from_pretrained(bert, num_labels=3)
    base.save_pretrained(made)
    adapted = get_peft_model(
        base, LoraConfig(task_type=TaskType.SEQ_CLS, r=2, init_lora_weights=False,
                         target_modules="all-linear", exclude_modules=["classifier"])
    )  # fmt: skip
    adapted.save_pretrained(made)
    for file in bert.iterdir():
        if not (made / file.name).exists():
            (made / file.name).write_bytes(file.read_bytes())
    config = json.loads((made / "config.json").read_text())
    labels = {"id2label": {str(i): f"l{i}" for i in range(3)}}
    config |= {"architectures": ["BertForSequenceClassification"], **labels}
    (made / "config.json").write_text(json.dumps(config))
    (made / "README.md").unlink(missing_ok=True)
    ctx.db.prepare()
    facts = Facts(
        origin="run:r1", task="text-classification", labels=(), license=None, parent_id=None
    )
    register_folder(ctx.db, ctx.home.models, made, "made", facts)
    folder = mlflow_model.export_mlflow(ctx, "made:1", tmp_path / "out")
    names = {p.name for p in folder.rglob("*")}
    assert "model.safetensors" in names and not {n for n in names if "adapter" in n}
    assert not any(n.startswith(".") for n in names)
    expected, _ = load_model(Path(models.show(ctx, "made:1").path), "BertForSequenceClassification")
    plain = Auto.from_pretrained(folder / "model")
    ids = torch.tensor([[2, 7, 8, 3]])
    torch.testing.assert_close(plain(ids).logits, expected(ids).logits)
