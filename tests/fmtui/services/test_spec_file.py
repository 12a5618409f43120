"""A finetuning as a file: by hand, saved, diffed and run again means the same run."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import pytest
import yaml

from fmtui.errors import BadInputError, ConflictError, NotFoundError
from fmtui.services import data, finetune, models, queue, run_spec, runs, spec_file
from fmtui.services.context import Context
from fmtui.services.finetune import FinetuneRequest
from fmtui.services.where import Where
from tests.command import fmtui
from tests.tiny import write_messages

SPEC = """\
# by hand
model: tiny
task: text-classification
train: rows.csv
columns: {text: text, label: label}
preset: careful
settings:
  num_train_epochs: 5
  learning_rate: 1e-4   # YAML alone would take it for a text
  apply_lora: yes
tags: [night]
"""


@pytest.fixture
def here(ctx: Context, bert: Path, tmp_path: Path) -> Path:
    """A model, a file of rows beside which specs lie, and a queue that starts nothing."""
    ctx.db.prepare()
    models.import_model(ctx, str(bert), name="tiny")
    folder = tmp_path / "specs"
    folder.mkdir()
    write_messages(folder / "rows.csv", 60)
    queue.set_paused(ctx, None, True)
    return folder


def written(folder: Path, text: str = SPEC) -> Path:
    path = folder / "spec.yaml"
    path.write_text(text)
    return path


def test_a_file_by_hand_is_the_run_that_its_words_say(ctx: Context, here: Path) -> None:
    done = fmtui("finetune", "-f", str(written(here)), "--set", "seed=7", "--json")
    spec = runs.spec(ctx, done.json["run"])
    settings = spec["settings"]
    assert (settings["num_train_epochs"], settings["learning_rate"]) == (5.0, 1e-4)
    assert (settings["apply_lora"], settings["seed"]) == (True, 7)
    assert settings["early_stopping_patience"] == 2, "of the preset"
    assert runs.show(ctx, spec["run"]).tags == ("night",)


def test_what_is_saved_from_words_says_the_same_as_the_words(ctx: Context, here: Path) -> None:
    words = [
        "finetune", "tiny", "--task", "text-classification", "--train", str(here / "rows.csv"),
        "--set", "num_train_epochs=2", "--set", "lora_target_modules=query,value",
        "--set", "apply_lora=true", "--preset", "fast", "--tag", "a",
    ]  # fmt: skip
    saved = here / "saved.yaml"
    fmtui(*words, "--save-spec", str(saved))
    assert runs.list_runs(ctx) == [], "nothing is started"
    assert yaml.safe_load(saved.read_text())["train"] == "rows.csv", "found beside the file"
    first = runs.spec(ctx, fmtui(*words, "--json").json["run"])
    again = runs.spec(ctx, fmtui("finetune", "-f", str(saved), "--json").json["run"])
    assert again["settings"] == first["settings"]
    assert again["train"] == first["train"] and again["name"] == first["name"]
    with pytest.raises(ConflictError, match="exists"):
        run_spec.save(FinetuneRequest("tiny", "text-classification", "rows"), saved, {})


def test_a_runs_spec_as_a_file_holds_what_was_chosen_and_runs_again(
    ctx: Context, here: Path
) -> None:
    data.add(ctx, here / "rows.csv")
    request = FinetuneRequest(
        "tiny", "text-classification", "rows:1", settings={"weight_decay": "0.2", "seed": "3"}
    )
    info = finetune.start(ctx, request)
    text = run_spec.of_run(ctx, info.run)
    assert yaml.safe_load(text)["settings"].keys() >= {"weight_decay", "seed", "learning_rate"}
    assert "adam_beta1" not in text, "what is as it would be anyway is left out"
    values = spec_file.read(written(here, text)).values
    again = finetune.start(ctx, FinetuneRequest(**values))
    assert runs.spec(ctx, again.run)["settings"] == runs.spec(ctx, info.run)["settings"]
    other = finetune.start(ctx, FinetuneRequest(**{**values, "settings": {"seed": "4"}}))
    lines = difflib.unified_diff(
        run_spec.of_run(ctx, again.run).splitlines(), run_spec.of_run(ctx, other.run).splitlines(),
        lineterm="", n=0,
    )  # fmt: skip
    assert {"-  seed: 3", "+  seed: 4", "-  weight_decay: 0.2"} <= set(lines)


def test_a_runs_own_spec_json_is_taken_and_its_data_must_be_the_same(
    ctx: Context, here: Path
) -> None:
    info = finetune.start(
        ctx, FinetuneRequest("tiny", "text-classification", str(here / "rows.csv"))
    )
    spec = ctx.home.runs / info.run / "spec.json"
    again = finetune.start(ctx, FinetuneRequest(**spec_file.read(spec).values))
    assert runs.spec(ctx, again.run)["settings"] == runs.spec(ctx, info.run)["settings"]
    values = spec_file.read(spec).values
    write_messages(here / "other.csv", 60, seed=5)
    with pytest.raises(BadInputError, match="is not that of the spec"):
        finetune.check(ctx, FinetuneRequest(**{**values, "train": str(here / "other.csv")}))


@pytest.mark.parametrize(
    ("text", "row", "words"),
    [
        ("model: tiny\ntsak: x\n", 2, "no key `tsak`"),
        ("settings:\n  learning_rat: 1\n", 2, "no setting `learning_rat`"),
        ("settings:\n  seed: many\n", 2, "seed=many: expected a whole number"),
        ("settings:\n  seed: [1, 2]\n", 2, "is to be one value"),
        ("settings: 3\n", 1, "is to be a table"),
        ("model: a\nmodel: b\n", 2, "`model` is there twice"),
        ("where:\n  gpus: two\n", 2, "expected a whole number"),
        ("where:\n  backed: slurm\n", 2, "no key of where `backed`"),
        ("sweep:\n  seed: []\n", 2, "has no values"),
        ("drop_invalid: maybe\n", 1, "expected true or false"),
        ("a: [1\nb: 2\n", 2, "is no YAML"),
        ("", None, "the file is empty"),
        ("- a\n", 1, "is to be a table"),
        ('{"kind": "evaluate"}', None, "no finetuning"),
        ('{"kind": "finetune"}', None, "is no run's spec"),
    ],
)
def test_a_fault_names_file_and_line(
    tmp_path: Path, text: str, row: int | None, words: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(BadInputError) as caught:
        spec_file.read(path)
    assert words in str(caught.value)
    assert caught.value.file == str(path) and caught.value.row == row
    assert len(str(caught.value).splitlines()) == 1


def test_what_is_no_file_of_words_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        spec_file.read(tmp_path / "none.yaml")
    for name, content in (("bytes", b"\xff\xfe\x00"), ("long", b"# " + b"x" * 1_000_001)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadInputError):
            spec_file.read(tmp_path / name)
    with pytest.raises(BadInputError):
        spec_file.read(tmp_path)


@pytest.mark.parametrize(
    "request_",
    [
        FinetuneRequest("m", "translation", "d@train", "d@test", "n", {"source": "en"},
                        {"source_lang": "no", "learning_rate": "0.001", "seed": "0"}),
        FinetuneRequest("m", "summarization", "d:2", settings={"source_prefix": "a: b # c"},
                        where=Where("slurm", gpus=2, processes=4, slurm={"mem": "64G"}),
                        tags=("a", "b"), report_to=("none",), priority=-2, drop_invalid=True),
        FinetuneRequest("azureml:gpt2@19", "text-generation", "azureml:rows:1", preset="azureml",
                        where=Where("azureml", compute="gpu", azure_tags={"team": "x"})),
    ],
)  # fmt: skip
def test_every_request_survives_the_file(tmp_path: Path, request_: FinetuneRequest) -> None:
    path = written(tmp_path, run_spec.as_yaml(request_))
    values: dict[str, Any] = spec_file.read(path).values
    back = FinetuneRequest(**values)
    assert back.command() == request_.command()


def test_rows_of_any_number_of_labels_are_not_smoothed(ctx: Context, here: Path) -> None:
    rows = here / "many.jsonl"
    rows.write_text(
        "".join(
            f'{{"text": "row {n}", "label": {labels}}}\n'
            for n, labels in enumerate(['["a"]', '["b", "a"]', "[]", '["b"]'] * 10)
        )
    )
    words = ["finetune", "tiny", "--task", "text-classification", "--train", str(rows)]
    assert fmtui(*words, "--dry-run").code == 0
    refused = fmtui(*words, "--set", "label_smoothing_factor=0.1", "--dry-run")
    assert refused.code == 4 and "have no other labels" in refused.err + refused.out
