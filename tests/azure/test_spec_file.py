"""A spec file means the same on Azure ML: its settings go in by the component's names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from fmtui.errors import UsageError
from fmtui.services import finetune, queue, run_spec, runs, spec_file
from fmtui.services.context import Context
from fmtui.services.finetune import FinetuneRequest
from tests.azure.runs import end_followers
from tests.azure.standin import assets
from tests.azure.standin.server import StandIn
from tests.command import fmtui

SPEC = """\
model: azureml:roberta-base@19
task: text-classification
train: azureml:messages:1
columns: {text: message, label: intent}
name: bank
settings:
  apply_ort: true
  num_train_epochs: 2
  per_device_train_batch_size: 8
where:
  backend: azureml
  compute: gpu-cluster
  experiment: cards
"""


@pytest.fixture(autouse=True)
def _no_follower_stays(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("FMTUI_AZURE_POLL_SECONDS", "0.1")
    yield
    end_followers(ctx.home.root)


@pytest.fixture
def spec(azure: StandIn, tmp_path: Path) -> Path:
    uri = "azureml://datastores/workspaceblobstore/paths/messages.jsonl"
    assets.put(azure.world, "data", "messages", "1", {"dataType": "uri_file", "dataUri": uri})
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC)
    return path


def _inputs(azure: StandIn) -> list[dict[str, str]]:
    """What each job's node was given, the newest last."""
    nodes = [node for job in azure.world.jobs.values() for node in job.body["jobs"].values()]
    return [{k: v.get("value", v.get("uri")) for k, v in n["inputs"].items()} for n in nodes]


def test_a_file_by_hand_is_submitted_and_its_run_done_again(
    azure: StandIn, ctx: Context, spec: Path
) -> None:
    done = fmtui("finetune", "-f", str(spec), "--json")
    assert done.code == 0, done.err
    first = _inputs(azure)[0]
    assert first["apply_ort"] == "true" and first["per_device_train_batch_size"] == "8"
    assert first["num_train_epochs"] == "2"
    text = run_spec.of_run(ctx, done.json["run"])
    words = yaml.safe_load(text)
    assert words["where"] == {
        "backend": "azureml", "compute": "gpu-cluster", "experiment": "cards",
    }  # fmt: skip
    assert words["settings"]["apply_ort"] is True
    spec.write_text(text)
    again = fmtui("finetune", "-f", str(spec), "--json")
    assert again.code == 0, again.err
    settings = [runs.spec(ctx, run)["settings"] for run in (done.json["run"], again.json["run"])]
    assert settings[0] == settings[1]
    assert _inputs(azure)[1] == first


def test_the_preset_azureml_sends_what_the_component_does_by_itself(
    azure: StandIn, ctx: Context, spec: Path
) -> None:
    spec.write_text(SPEC.partition("settings:")[0] + "preset: azureml\nwhere:\n" +
                    SPEC.partition("where:\n")[2])  # fmt: skip
    assert fmtui("finetune", "-f", str(spec), "--set", "apply_lora=false").code == 0
    (inputs,) = _inputs(azure)
    assert (inputs["learning_rate"], inputs["per_device_train_batch_size"]) == ("2e-05", "1")


def test_what_is_azures_alone_is_refused_here_in_one_sentence(
    azure: StandIn, ctx: Context, spec: Path
) -> None:
    queue.set_paused(ctx, None, True)
    values = spec_file.read(spec).values
    here = {**values, "model": "tiny", "where": type(values["where"])()}
    words = finetune.plan(ctx, FinetuneRequest(**here)).errors[0]
    assert "tiny" in words, "the model is looked at first"
    with pytest.raises(UsageError, match="apply_ort: only Azure ML offers that") as caught:
        from fmtui.services import settings

        settings.chosen_for(ctx, None, here["task"], here["settings"])
    assert len(str(caught.value).splitlines()) == 1
