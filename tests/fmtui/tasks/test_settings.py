"""Settings are typed and checked before anything starts, and tell where they come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from fmtui.errors import UsageError
from fmtui.tasks import NAMES
from fmtui.tasks.settings import (
    AZURE,
    BY_NAME,
    PRESETS,
    SETTINGS,
    Situation,
    choose,
    complete,
    resolve,
)
from fmtui.tasks.settings.component import component_inputs
from fmtui.tasks.settings.presets import component_defaults

COMPONENTS = {task: task.replace("-", "_") for task in NAMES}
PLUMBING = (
    "instance_type_", "compute_", "num_nodes_", "number_of_gpu_", "shm_size_", "huggingface_id",
    "pytorch_model_path", "mlflow_model_path", "task_name", "batch_size", "train_", "validation_",
    "test_", "deepspeed", "evaluation_config", "system_properties",
)  # fmt: skip
"""Inputs that say where and on what, not how."""


def given(task: str = "text-classification", **values: str) -> dict[str, Any]:
    chosen = choose(values, Situation(task, 22_700_000), metric="loss")
    return {name: choice.value for name, choice in chosen.items()}


def test_the_rate_suits_the_model() -> None:
    small = resolve({}, parameters=22_700_000, metric="f1_macro")
    large = resolve({}, parameters=355_000_000, metric="f1_macro")
    assert small["learning_rate"] > 10 * large["learning_rate"]
    assert small["metric_for_best_model"] == "f1_macro"


def test_little_data_is_read_more_often() -> None:
    def epochs(rows: int, task: str = "text-classification") -> Any:
        values = resolve({}, parameters=22_700_000, metric="loss", task=task, rows=rows)
        return values["num_train_epochs"]

    assert epochs(10_000) == 3.0, "as measured on all of banking77"
    assert epochs(10_000) < epochs(2_000) < epochs(500) == epochs(10)
    assert epochs(500, "text-generation") == 3.0, "a language model would learn it by heart"
    assert epochs(1_700, "translation") == 11.0
    assert epochs(100_000, "translation") == epochs(100_000, "summarization") == 3.0


def test_lora_and_t5_take_a_higher_rate() -> None:
    full, lora = given(), given(apply_lora="true")
    assert lora["learning_rate"] > full["learning_rate"]
    at = {"parameters": 60_000_000, "metric": "loss", "task": "summarization"}
    t5, bart = resolve({}, **at, model_type="t5"), resolve({}, **at, model_type="bart")
    assert t5["learning_rate"] > bart["learning_rate"]


def test_what_is_given_is_typed() -> None:
    values = resolve(
        {"num_train_epochs": "2", "max_steps": "7", "enable_full_determinism": "true"},
        parameters=None,
        metric="loss",
    )
    assert values["num_train_epochs"] == 2.0
    assert values["max_steps"] == 7
    assert values["enable_full_determinism"] is True


def test_each_value_tells_where_it_comes_from() -> None:
    catalogue = {"learning_rate": "5e-6", "apply_ort": "true", "apply_lora": "true", "x": "1"}
    chosen = choose(
        {"seed": "7"}, Situation(rows=500), metric="f1_macro", preset_name="careful",
        catalogue=catalogue | {"max_steps": "many"},
    )  # fmt: skip
    sources = {name: choice.source for name, choice in chosen.items()}
    assert sources["seed"] == "given"
    assert sources["apply_lora"] == "catalogue"
    assert sources["learning_rate"] == "preset careful"
    assert sources["metric_for_best_model"] == "default for this task"
    assert sources["max_steps"] == sources["weight_decay"] == "default", "`many` is no number"
    assert "apply_ort" not in chosen, "the catalogue speaks of Azure ML's machines"
    assert choose({}, Situation(rows=500), metric="loss")["num_train_epochs"].source == (
        "default for so few rows"
    )


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("learning_rat", "1e-4", "Nearest: learning_rate"),
        ("learning_rate", "fast", "expected a number"),
        ("learning_rate", "nan", "expected a number"),
        ("learning_rate", "-1", "from"),
        ("max_steps", "1.5", "expected a whole number"),
        ("max_steps", "0", "-1 or a whole number of at least 1"),
        ("max_steps", "9" * 30, "expected a whole number"),
        ("lr_scheduler_type", "up", "one of linear"),
        ("enable_full_determinism", "maybe", "true or false"),
        ("lora_target_modules", "a\x1b[2Jb", "a line of text"),
        ("doc_stride", "64", "no setting of text-classification. It is of question-answering"),
        ("apply_ort", "true", "only Azure ML offers that"),
    ],
)
def test_a_wrong_setting_is_refused(name: str, value: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        resolve({name: value}, parameters=None, metric="loss")


@pytest.mark.parametrize(
    ("task", "values", "words"),
    [
        ("text-classification", {"lora_r": "4"}, "lora_r=4 means nothing without apply_lora=true"),
        ("text-classification", {"load_in_4bit": "true"}, "means nothing without apply_lora=true"),
        ("text-classification", {"eval_steps": "9"}, "without evaluation_strategy=steps"),
        ("text-classification", {"warmup_ratio": "0.1", "warmup_steps": "5"}, "say the same"),
        (
            "text-classification",
            {"evaluation_strategy": "no", "apply_early_stopping": "true"},
            "makes none",
        ),
        (
            "text-classification",
            {"early_stopping_patience": "3", "apply_early_stopping": "false"},
            "Leave one of them out",
        ),
        ("question-answering", {"doc_stride": "384", "max_seq_length": "384"}, "would not move on"),
    ],
)
def test_values_that_contradict_each_other_are_refused(
    task: str, values: dict[str, str], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        given(task, **values)


def test_early_stopping_and_its_patience_say_the_same() -> None:
    assert given()["early_stopping_patience"] == 0
    assert given(apply_early_stopping="true")["early_stopping_patience"] == 1
    assert given(early_stopping_patience="4")["apply_early_stopping"] is True


def test_short_windows_share_fewer_tokens() -> None:
    assert given("question-answering")["doc_stride"] == 128
    assert given("question-answering", max_seq_length="96")["doc_stride"] == 32
    assert given("question-answering", max_seq_length="96", doc_stride="64")["doc_stride"] == 64


def test_what_is_azures_alone_is_refused_in_one_sentence_and_taken_there() -> None:
    alone = [setting for setting in SETTINGS if not setting.local]
    assert {setting.name for setting in alone} == {
        "apply_ort", "eval_accumulation_steps", "n_best_size",
    }  # fmt: skip
    for setting in alone:
        task = setting.tasks[0] if setting.tasks else "text-classification"
        value = "true" if setting.kind == "bool" else "7"
        with pytest.raises(UsageError, match="only Azure ML offers that") as caught:
            given(task, **{setting.name: value})
        assert len(str(caught.value).splitlines()) == 1
        there = choose({setting.name: value}, Situation(task), metric="loss", backend=AZURE)
        assert there[setting.name].source == "given"


def test_what_a_task_has_not_is_refused_with_those_that_have_it() -> None:
    with pytest.raises(UsageError, match="is no setting of question-answering"):
        given("question-answering", label_smoothing_factor="0.1")
    assert given("translation", label_smoothing_factor="0.1")["label_smoothing_factor"] == 0.1


def test_a_spec_of_an_older_version_is_completed() -> None:
    found = complete("question-answering", {"learning_rate": 1e-4}, {"doc_stride": 32, "x": 1})
    assert found["learning_rate"] == 1e-4
    assert found["doc_stride"] == 32, "as the model was taught"
    assert found["max_answer_length"] == BY_NAME["max_answer_length"].default
    assert "x" not in found and "packing" not in found


def test_a_preset_stands_below_what_is_given() -> None:
    at = Situation(parameters=22_700_000)
    values = {
        n: c.value for n, c in choose({}, at, metric="f1_macro", preset_name="azureml").items()
    }
    assert (values["learning_rate"], values["per_device_train_batch_size"]) == (2e-5, 1)
    assert (values["num_train_epochs"], values["metric_for_best_model"]) == (1, "loss")
    over = choose({"learning_rate": "3e-5"}, at, metric="loss", preset_name="azureml")
    assert over["learning_rate"].value == 3e-5
    published = choose(
        {}, at, metric="loss", preset_name="azureml", catalogue={"learning_rate": "5e-6"}
    )
    assert published["learning_rate"].value == 5e-6, "as the component's own are overridden there"
    for name in PRESETS:
        for task in NAMES:
            assert choose({}, Situation(task), metric="loss", preset_name=name)
    with pytest.raises(UsageError, match="Presets: azureml"):
        choose({}, at, metric="loss", preset_name="best")


def test_every_setting_is_explained_and_takes_its_own_default() -> None:
    assert len(BY_NAME) == len(SETTINGS)
    for setting in SETTINGS:
        assert setting.help and setting.group, setting.name
        assert set(setting.tasks) <= set(NAMES)
        if setting.default != "":
            assert setting.parse(str(setting.default)) == setting.default, setting.name


@pytest.fixture
def declared(shared: Path) -> dict[str, dict[str, Any]]:
    """The inputs of Azure ML's finetune components, by task."""
    root = shared / "azureml-assets" / "components" / "finetune"
    return {
        task: yaml.safe_load((root / name / "spec.yaml").read_text())["inputs"]
        for task, name in COMPONENTS.items()
    }


@pytest.mark.shared
def test_every_parameter_of_the_components_is_a_setting(
    declared: dict[str, dict[str, Any]],
) -> None:
    for task, inputs in declared.items():
        ours = {s.azure_name: s for s in SETTINGS if s.on_azure(task)}
        for name in ours:
            assert name in inputs, f"{task} has no input {name}"
        for name, fact in inputs.items():
            if (name.startswith(PLUMBING) and name not in ours) or name.endswith(("_key", "_lang")):
                continue
            assert name in ours, f"{task}: {name}"
            setting = ours[name]
            own = component_defaults(task)[setting.name]
            if setting.kind == "bool":
                assert fact["enum"] == ["true", "false"]
                assert str(own).lower() == fact["default"], name
            elif setting.name != "metric_for_best_model":
                assert set(fact.get("enum", ())) <= set(setting.choices or ("",)) | set(
                    setting.azure_choices
                )
                assert str(fact.get("default", "")) == str(own) or float(fact["default"]) == own


@pytest.mark.shared
def test_settings_for_azure_are_inputs_that_the_component_takes(
    declared: dict[str, dict[str, Any]],
) -> None:
    for task, inputs in declared.items():
        chosen = choose({}, Situation(task, 125_000_000), metric="loss", backend=AZURE)
        values = {name: choice.value for name, choice in chosen.items()}
        sent = component_inputs(task, values, warmup_steps=12)
        assert sent["warmup_steps"] == 12 and sent["num_train_epochs"] == 3
        for name, value in sent.items():
            fact = inputs[name]
            assert str(value) in fact.get("enum", [str(value)]), name
            assert isinstance(value, {"string": str, "integer": int}.get(fact["type"], int | float))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"num_train_epochs": "1.5"}, "whole epochs"),
        ({"precision": "auto"}, "one of 32, 16"),
        ({"warmup_ratio": "0.1"}, "has no such input"),
        ({"torch_compile": "true"}, "has no such input"),
    ],
)
def test_what_azure_ml_does_not_take_is_refused(values: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        choose(values, Situation(), metric="loss", backend=AZURE)
