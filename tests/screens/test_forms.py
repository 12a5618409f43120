"""Forms: what they show is what they run."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from fmtui.errors import UsageError
from fmtui.services import data, evaluate, finetune, models
from fmtui.services.context import Context
from fmtui.services.evaluate import EvaluateRequest
from fmtui.services.finetune import FinetuneRequest
from registry.views import RunInfo
from screens.forms.base import CommandLine, folded, pairs, whole
from screens.forms.deploy import DeployForm
from screens.places import go
from screens.widgets.fields import Choice
from tests.command import fmtui
from tests.screens.tools import SIZES, fill_in, make_run, opened, shows, type_in
from tests.tiny import write_bert


def test_a_folded_command_is_the_same_command() -> None:
    words = ["m", "--train", "a b.csv", "--set", "x=1", "it's a file", "--columns", "text=a  b"] * 3
    lines = folded(shlex.join(words), 40)
    assert all(len(line) <= 40 for line in lines.split("\n"))
    said = subprocess.run(["sh", "-c", f"printf '%s|' {lines}"], capture_output=True, text=True)
    assert said.stdout.split("|")[:-1] == words


@pytest.mark.parametrize("size", SIZES)
async def test_finetune_from_a_model_to_a_started_run(
    size: tuple[int, int], stocked: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[FinetuneRequest] = []

    def start(ctx: Context, request: FinetuneRequest) -> RunInfo:
        from fmtui.services import runs

        asked.append(request)
        return runs.show(ctx, make_run(ctx))

    monkeypatch.setattr(finetune, "start", start)
    async with opened(size) as pilot:
        await pilot.press("2")
        await shows(pilot, "tiny:1")
        await pilot.press("f")
        await shows(pilot, "Finetune › tiny:1", "Training data is needed")
        await pilot.press("enter")
        await shows(pilot, "Training data", "messages:1")
        await type_in(pilot, "mess")
        await pilot.press("enter")
        await shows(pilot, "3 labels", "estimate", "--train messages:1", "text=text, label=label")
        for _ in range(4):  # over validation, columns and preset
            await pilot.press("tab")
        await type_in(pilot, "2")
        seen = await shows(pilot, "num_train_epochs=2")
        assert "--detach" in seen and "^s start" in seen
        await pilot.press("ctrl+s")
        await shows(pilot, "Runs › r1")
        await pilot.press("escape")
        await shows(pilot, "2 Models", "tiny:1")
    assert asked[0].train == "messages:1"
    assert asked[0].settings == {"num_train_epochs": "2"}


async def test_a_setting_that_can_not_be_is_told_before_the_start(stocked: Context) -> None:
    async with opened() as pilot:
        await pilot.press("3")
        await shows(pilot, "messages:1")
        await pilot.press("f")
        await shows(pilot, "Finetune › a model")
        await pilot.press("enter")
        await shows(pilot, "type to narrow")
        await pilot.press("enter")
        await shows(pilot, "Finetune › tiny:1", "estimate")
        pilot.app.screen.query_one("#learning_rate").focus()
        await pilot.pause()
        await type_in(pilot, "fast")
        await shows(pilot, "✗", "learning_rate=fast")


async def test_a_path_can_be_typed_where_data_is_chosen(stocked: Context) -> None:
    async with opened() as pilot:
        await pilot.press("2")
        await shows(pilot, "tiny:1")
        await pilot.press("e")
        await shows(pilot, "Evaluate › tiny:1")
        await pilot.press("enter")
        await shows(pilot, "Test data")
        await type_in(pilot, "gone.csv")
        await shows(pilot, "file gone.csv")
        await pilot.press("enter")
        await shows(pilot, "--data gone.csv")
        await pilot.press("ctrl+s")
        await shows(pilot, "✗", "gone.csv")


async def test_evaluate_starts_what_it_shows(
    stocked: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[EvaluateRequest] = []

    def start(ctx: Context, request: EvaluateRequest) -> RunInfo:
        from fmtui.services import runs

        asked.append(request)
        return runs.show(ctx, make_run(ctx, kind="evaluate"))

    monkeypatch.setattr(evaluate, "start", start)
    async with opened() as pilot:
        await pilot.press("2")
        await shows(pilot, "tiny:1")
        await pilot.press("e")
        await shows(pilot, "Evaluate › tiny:1")
        await pilot.press("right")
        await shows(pilot, "--data")
        shown = pilot.app.screen.command()
        await pilot.press("ctrl+s")
        await shows(pilot, "Runs › r1")
    assert [request.command() for request in asked] == [shown]


async def test_the_command_is_copied_and_the_route_is_told(stocked: Context) -> None:
    async with opened() as pilot:
        await pilot.press("2")
        await shows(pilot, "tiny:1")
        await pilot.press("e")
        await shows(pilot, "Evaluate › tiny:1")
        await pilot.press("right")
        await shows(pilot, "--data", "y copy command")
        await pilot.press("y")
        await shows(pilot, "Copied the command")
        assert pilot.app.clipboard == pilot.app.screen.command()


async def test_a_tmux_is_asked_itself(
    stocked: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    from pathlib import Path

    tools = Path(str(tmp_path)) / "tools"
    tools.mkdir()
    tmux = tools / "tmux"
    tmux.write_text(f'#!/bin/sh\necho "$@" > {tools}/arguments\ncat > {tools}/text\n')
    tmux.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    monkeypatch.setenv("TMUX", "/some/socket,1,0")
    async with opened() as pilot:
        await pilot.press("2")
        await shows(pilot, "tiny:1")
        await pilot.press("enter")
        await shows(pilot, "BertModel")
        await pilot.press("y")
        await shows(pilot, "Copied tiny:1 through tmux")
    assert (tools / "text").read_text() == "tiny:1"
    assert (tools / "arguments").read_text().split() == ["load-buffer", "-w", "-"]


@pytest.mark.parametrize("size", SIZES)
async def test_every_parameter_is_found_explained_and_set_by_the_keyboard(
    stocked: Context, size: tuple[int, int]
) -> None:
    async with opened(size) as pilot:
        await go(pilot.app, "finetune:tiny,messages")
        await shows(pilot, "estimate")
        pilot.app.screen.query_one("#parameters").focus()
        await pilot.press("enter")
        await shows(pilot, "schedule", "num_train_epochs", "passes over the training data")
        await type_in(pilot, "lora")
        await shows(pilot, "lora_dropout", "LoRA")
        await pilot.press("down")
        await shows(pilot, "rank of these matrices", "a whole number from 1 to 4096")
        await pilot.press("enter")
        await type_in(pilot, "many")
        await pilot.press("enter")
        await shows(pilot, "lora_r=many: expected a whole number")
        await pilot.press("enter")
        await type_in(pilot, "4")
        await pilot.press("enter")
        await shows(pilot, "● LoRA", "set here")
        await pilot.press("up", "enter")
        await shows(pilot, "leave it at its default", "true", "false")
        await pilot.press("down", "enter")
        await shows(pilot, "apply_lora", "true")
        await pilot.press("escape")
        await shows(pilot, "lora_r=4, apply_lora=true", "estimate")
        command = pilot.app.screen.query_one(CommandLine).command
        assert "--set lora_r=4 --set apply_lora=true" in command


async def test_a_parameter_is_found_by_any_case_of_its_words(stocked: Context) -> None:
    async with opened() as pilot:
        await go(pilot.app, "finetune:tiny,messages")
        await shows(pilot, "estimate")
        pilot.app.screen.query_one("#parameters").focus()
        await pilot.press("enter")
        await shows(pilot, "num_train_epochs", "passes over the training data")
        await type_in(pilot, "adamw decay")
        await shows(pilot, "weight_decay", "AdamW's decay")


async def test_a_preset_fills_in_what_nobody_typed(stocked: Context) -> None:
    async with opened((120, 40)) as pilot:
        await go(pilot.app, "finetune:tiny,messages")
        await shows(pilot, "estimate", "0.0004")
        pilot.app.screen.query_one("#preset").focus()
        await pilot.press("right")
        await shows(pilot, "azureml", "2e-05", "--preset azureml")
        await fill_in(pilot, "learning_rate", "3e-5")
        await shows(pilot, "--preset azureml --set learning_rate=3e-5")


async def test_the_task_of_an_evaluation_can_be_chosen(stocked: Context) -> None:
    async with opened() as pilot:
        await go(pilot.app, "evaluate:tiny")
        await shows(pilot, "what the model does")
        pilot.app.screen.query_one("#task").focus()
        await pilot.press("enter")
        await type_in(pilot, "question")
        await pilot.press("enter")
        pilot.app.screen.query_one("#data").focus()
        await pilot.press("right")
        await shows(pilot, "--task question-answering", "fmtui evaluate tiny")


def test_a_value_goes_on_until_the_next_name() -> None:
    words = "lora_target_modules=q,v seed=1, source_prefix=say in short:,"
    assert pairs(words, "more") == {
        "lora_target_modules": "q,v", "seed": "1", "source_prefix": "say in short:",
    }  # fmt: skip
    assert pairs(" , ", "more") == {}
    for wrong in ("seed", "=1", "a b=1", "seed="):
        with pytest.raises(UsageError):
            pairs(wrong, "more")


async def test_the_task_is_what_the_model_or_the_data_says_until_a_person_does(
    stocked: Context, tmp_path: Path
) -> None:
    path = tmp_path / "en-pt.csv"
    path.write_text("en,pt\n" + "".join(f"friend {n},amigo {n}\n" for n in range(20)))
    data.add(stocked, path, name="pairs")
    async with opened() as pilot:
        await go(pilot.app, "finetune:tiny,pairs")
        await shows(pilot, "task         translation", "--task translation")
        pilot.app.screen.query_one("#task", Choice).value = "summarization"
        pilot.app.screen.query_one("#train", Choice).value = "messages"
        await shows(pilot, "task         summarization", "--train messages")
        await go(pilot.app, "finetune:tiny,messages")
        await shows(pilot, "task         text-classification")


async def test_the_task_is_the_models_own_until_another_is_chosen(
    stocked: Context, tmp_path: Path
) -> None:
    folder = write_bert(tmp_path / "tagger")
    config = json.loads((folder / "config.json").read_text())
    config["architectures"] = ["BertForTokenClassification"]
    (folder / "config.json").write_text(json.dumps(config))
    models.import_model(stocked, str(folder), name="tagger")
    async with opened() as pilot:
        await go(pilot.app, "finetune:tagger")
        await shows(pilot, "token-classification")
        task = pilot.app.screen.query_one("#task", Choice)
        pilot.app.screen.query_one("#model", Choice).value = "tiny:1"
        await shows(pilot, "tiny:1", "token-classification")
        task.value = "question-answering"
        pilot.app.screen.query_one("#model", Choice).value = "tagger:1"
        await shows(pilot, "tagger:1", "question-answering")


def test_a_number_is_one_that_python_reads() -> None:
    assert (whole("", "port"), whole(" 0 ", "port"), whole("80", "port")) == (None, 0, 80)
    for typed in ("x", "-1", "1.5", "1 2", "\u00b2", "\u0664"):  # digits, but of no number
        with pytest.raises(UsageError, match=f"port: `{re.escape(typed)}` is not a whole number"):
            whole(typed, "port")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("data", "add", "~nobody-here/x.csv"), 3),
        (("catalog", "sync", "azureml", "--from", "~nobody-here"), 3),
        (("finetune", "-f", "~nobody-here/a.yaml"), 3),
        (("evaluate", "tiny", "--data", "~nobody-here/x.csv"), 3),
    ],
)
def test_a_file_in_the_home_of_nobody_is_not_there(
    words: tuple[str, ...], code: int, stocked: Context
) -> None:
    done = fmtui(*words)
    assert done.code == code and "~nobody-here" in done.err and "report" not in done.err


async def test_a_script_in_the_home_of_nobody_is_a_command_still(stocked: Context) -> None:
    async with opened() as pilot:
        pilot.app.push_screen(DeployForm(model="tiny:1", endpoint="bank"))
        await pilot.pause()
        await fill_in(pilot, "script", "~nobody-here/score.py")
        await shows(pilot, "--script '~nobody-here/score.py'")
        await pilot.press("ctrl+s")
        await shows(pilot, "~nobody-here/score.py", "✗")
