"""Every task from a file to a better model, by the services and the real workers; what an
evaluation says is what the field's own libraries say of the same predictions."""

from __future__ import annotations

import json
import math
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file, save_file

from fmtui.errors import BadInputError, UsageError
from fmtui.services import compare, evaluate, finetune, models, runs, settle
from fmtui.services import data as data_service
from fmtui.services.context import Context
from fmtui.services.evaluate import EvaluateRequest
from fmtui.services.finetune import FinetuneRequest
from fmtui.services.report import report_of
from registry.views import RunInfo
from tests.models import write_causal, write_seq2seq
from tests.official import official
from tests.rows import chats, documents, plain, prompts, questions, sentences, tokens
from tests.tiny import messages
from tests.training import Garage

TEXTS = [text for text, _ in messages(200)]
CHAT_WORDS = ["user assistant system what is lost the card is answer : words ; first last"]


@dataclass
class Studio:
    """A home, and workers that carry out at once what is started in it."""

    ctx: Context
    garage: Garage

    def _end(self, info: RunInfo) -> RunInfo:
        folder = settle.RunFolder(self.ctx.home.runs / info.run)
        assert self.garage.run(folder).state == "completed", folder.log.read_text()
        settle.settle(self.ctx, info.id)
        ended = runs.show(self.ctx, info.run)
        assert ended.state == "completed", ended.error
        return ended

    def finetune(self, model: str, task: str, train: str, **settings: Any) -> str:
        """The version that comes out."""
        quick = {
            "precision": "32",
            "logging_steps": 5,
            "evaluation_strategy": "steps",
            "eval_steps": 16,
        }
        words = {name: str(value) for name, value in (quick | settings).items()}
        request = FinetuneRequest(model, task, train, name="made", settings=words)
        output = self._end(finetune.start(self.ctx, request)).output
        assert output is not None
        return output

    def evaluate(self, model: str, task: str, data: str, **settings: str) -> RunInfo:
        request = EvaluateRequest(model, data, task=task, settings=settings)
        return self._end(evaluate.start(self.ctx, request))

    def predictions(self, run: str) -> dict[str, list[Any]]:
        path = self.ctx.home.runs / run / "output" / "predictions.parquet"
        found: dict[str, list[Any]] = pq.read_table(path).to_pydict()
        return found


@pytest.fixture(scope="module")
def garage() -> Iterator[Garage]:
    garage = Garage(lora=True)
    yield garage
    garage.close()


@pytest.fixture
def studio(ctx: Context, garage: Garage, monkeypatch: pytest.MonkeyPatch) -> Studio:
    monkeypatch.setattr(runs, "dispatch", lambda ctx: None)  # the test starts the workers itself
    return Studio(ctx, garage)


def added(studio: Studio, folder: Path, name: str, rows: list[dict[str, Any]]) -> str:
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return data_service.add(studio.ctx, [path], name=name).ref


ENCODED = [
    ("token-classification", tokens, {"num_train_epochs": 6, "learning_rate": 1e-2}, "f1", 0.9),
    ("question-answering", questions, {"num_train_epochs": 8, "learning_rate": 1e-2,
     "version_2_with_negative": False}, "f1", 60.0),
]  # fmt: skip


@pytest.mark.parametrize(("task", "rows", "settings", "metric", "least"), ENCODED)
def test_an_encoder_learns_what_libraries_confirm(
    task: str, rows: Any, settings: dict[str, Any], metric: str, least: float,
    studio: Studio, bert: Path, tmp_path: Path,
) -> None:  # fmt: skip
    models.import_model(studio.ctx, str(bert), name="tiny")
    train, test = (added(studio, tmp_path, n, rows(k, s)) for n, k, s in
                   (("train", 120, 0), ("test", 40, 1)))  # fmt: skip
    output = studio.finetune("tiny", task, train, **settings)
    run = studio.evaluate(output, task, test)
    assert run.metrics[metric] >= least
    _confirmed(studio, run, task)


WRITTEN = [
    ("summarization", documents, "rouge1", 0.6),
    ("translation", sentences, "sacrebleu", 30.0),
]


@pytest.mark.parametrize(("task", "rows", "metric", "least"), WRITTEN)
def test_a_model_that_writes_gets_better_than_its_base(
    task: str, rows: Any, metric: str, least: float, studio: Studio, tmp_path: Path
) -> None:
    models.import_model(studio.ctx, str(write_seq2seq(tmp_path / "t5", TEXTS)), name="tiny")
    train, test = (added(studio, tmp_path, n, rows(k, s)) for n, k, s in
                   (("train", 96, 0), ("test", 24, 1)))  # fmt: skip
    before = studio.evaluate("tiny", task, test)
    settings = {
        "num_train_epochs": 12, "per_device_train_batch_size": 8, "learning_rate": 1e-2,
        "max_target_length": 8, "eval_steps": 60,
    }  # fmt: skip
    output = studio.finetune("tiny", task, train, **settings)
    after = studio.evaluate(output, task, test)
    assert after.metrics[metric] > max(before.metrics[metric], least)
    for run in (before, after):
        _confirmed(studio, run, task)
    _better(studio, before, after, metric)


@pytest.mark.parametrize(
    ("rows", "settings"),
    [
        (plain, {"packing": True, "num_train_epochs": 20}),
        (prompts, {"num_train_epochs": 4}),
        (chats, {"num_train_epochs": 4}),
        (prompts, {"num_train_epochs": 6, "apply_lora": True}),
        (prompts, {"num_train_epochs": 6, "apply_lora": True, "merge_lora_weights": False}),
    ],
    ids=["plain packed", "prompts", "chats", "lora merged", "lora kept"],
)
def test_a_causal_model_is_less_perplexed(
    rows: Any, settings: dict[str, Any], studio: Studio, tmp_path: Path
) -> None:
    task = "text-generation"
    base = write_causal(tmp_path / "llama", [*TEXTS, *CHAT_WORDS])
    models.import_model(studio.ctx, str(base), name="tiny")
    train, test = (added(studio, tmp_path, n, rows(k, s)) for n, k, s in
                   (("train", 96, 0), ("test", 24, 1)))  # fmt: skip
    before = studio.evaluate("tiny", task, test)
    output = studio.finetune("tiny", task, train, learning_rate=1e-2, **settings)
    after = studio.evaluate(output, task, test)
    assert after.metrics["perplexity"] < 0.7 * before.metrics["perplexity"]
    made = studio.predictions(after.run)
    assert after.metrics["perplexity"] == pytest.approx(
        math.exp(sum(made["nll"]) / sum(made["tokens"])), rel=1e-6
    )
    _better(studio, before, after, "perplexity")


def test_a_measurement_obeys_its_settings(studio: Studio, tmp_path: Path) -> None:
    models.import_model(studio.ctx, str(write_seq2seq(tmp_path / "t5", TEXTS)), name="writes")
    causal = write_causal(tmp_path / "llama", [*TEXTS, *CHAT_WORDS])
    models.import_model(studio.ctx, str(causal), name="goes-on")
    data = added(studio, tmp_path, "documents", documents(8, 0))
    words = []
    for most in ("2", "6"):
        run = studio.evaluate("writes", "summarization", data, max_target_length=most)
        made = studio.predictions(run.run)["prediction"]
        words.append(max(len(text.split()) for text in made))
        assert report_of(studio.ctx, run.run).manner == [f"max_target_length={most}"]
    assert words[0] <= 2 < words[1] <= 6
    data = added(studio, tmp_path, "prompts", prompts(8, 0))
    silent, told = (
        studio.predictions(studio.evaluate("goes-on", "text-generation", data, **more).run)
        for more in ({}, {"max_new_tokens": "5"})
    )
    assert silent["nll"] == told["nll"]
    assert any(told["prediction"]) and not any(silent.get("prediction", ()))


def test_an_encoder_is_no_language_model(studio: Studio, bert: Path, tmp_path: Path) -> None:
    models.import_model(studio.ctx, str(bert), name="tiny")
    data = added(studio, tmp_path, "plain", plain(20, 0))
    info = finetune.start(studio.ctx, FinetuneRequest("tiny", "text-generation", data))
    folder = settle.RunFolder(studio.ctx.home.runs / info.run)
    assert studio.garage.run(folder).state == "failed"
    assert "those that follow it" in folder.log.read_text()
    assert not (folder.output / "model").exists()


def test_a_model_whose_weights_are_no_numbers_is_not_measured(
    studio: Studio, bert: Path, tmp_path: Path
) -> None:
    shutil.copytree(bert, tmp_path / "broken")
    weights = load_file(tmp_path / "broken" / "model.safetensors")
    weights["embeddings.LayerNorm.weight"][0] = float("nan")
    save_file(weights, tmp_path / "broken" / "model.safetensors", metadata={"format": "pt"})
    models.import_model(studio.ctx, str(tmp_path / "broken"), name="broken")
    data = added(studio, tmp_path, "test", [{"text": t, "label": n} for t, n in messages(9)])
    request = EvaluateRequest("broken", data)
    folder = settle.RunFolder(studio.ctx.home.runs / evaluate.start(studio.ctx, request).run)
    end = studio.garage.run(folder)
    assert (end.state, "answers every row with NaN" in str(end.error)) == ("failed", True)
    assert not (folder.output / "report.json").exists()


def test_what_was_cut_is_not_compared_with_what_was_not(studio: Studio, tmp_path: Path) -> None:
    causal = write_causal(tmp_path / "llama", TEXTS)
    models.import_model(studio.ctx, str(causal), name="goes-on")
    data = added(studio, tmp_path, "plain", plain(20, 0))
    whole = studio.evaluate("goes-on", "text-generation", data)
    cut = studio.evaluate("goes-on", "text-generation", data, max_seq_length="3")
    found = compare.compare(studio.ctx, [whole.run, cut.run])
    assert f"20 rows end at the 3 tokens that {cut.run} reads" in found.note
    assert not found.tests and not {"perplexity", "loss"} & set(found.best)
    again = studio.evaluate("goes-on", "text-generation", data, max_seq_length="3")
    assert compare.compare(studio.ctx, [cut.run, again.run]).tests, "cut alike"


def test_a_limit_without_room_for_text_is_no_limit(
    studio: Studio, bert: Path, tmp_path: Path
) -> None:
    models.import_model(studio.ctx, str(bert), name="tiny")
    data = added(studio, tmp_path, "test", [{"text": t, "label": n} for t, n in messages(9)])
    for most, words in ((2, "adds 2 tokens to each"), (3, "accuracy")):
        request = EvaluateRequest("tiny", data, settings={"max_seq_length": str(most)})
        folder = settle.RunFolder(studio.ctx.home.runs / evaluate.start(studio.ctx, request).run)
        studio.garage.run(folder)
        assert words in folder.log.read_text()


@pytest.mark.parametrize("kind", ["encoder", "seq2seq"])
def test_a_base_is_measured_by_the_names_of_labels(
    kind: str, studio: Studio, bert: Path, tmp_path: Path
) -> None:
    folder = bert if kind == "encoder" else write_seq2seq(tmp_path / "t5", TEXTS)
    models.import_model(studio.ctx, str(folder), name="base")
    data = added(studio, tmp_path, "test", [{"text": t, "label": n} for t, n in messages(9)])
    run = studio.evaluate("base", "text-classification", data)
    assert report_of(studio.ctx, run.run).method == "zero-shot"
    listed = [{"text": t, "labels": [n, "all"]} for t, n in messages(9)]
    data = added(studio, tmp_path, "listed", listed)
    with pytest.raises(BadInputError, match="a row has any number of labels, for base:1 it has"):
        evaluate.start(studio.ctx, EvaluateRequest("base", data))


def test_a_base_that_writes_is_measured_on_what_the_data_is_for(
    studio: Studio, tmp_path: Path
) -> None:
    models.import_model(studio.ctx, str(write_seq2seq(tmp_path / "t5", TEXTS)), name="base")
    for task, rows in (
        ("summarization", documents(4, 0)),
        ("translation", [{"en": "my card is lost", "de": "meine Karte ist weg"}] * 4),
        ("text-classification", [{"text": t, "label": n} for t, n in messages(9)]),
    ):
        data = added(studio, tmp_path, f"for-{task}", rows)
        assert evaluate.start(studio.ctx, EvaluateRequest("base", data)).task == task


def test_one_label_and_any_number_of_them_are_told_apart(
    studio: Studio, bert: Path, tmp_path: Path
) -> None:
    models.import_model(studio.ctx, str(bert), name="tiny")
    one, many = (
        added(studio, tmp_path, name, [{"text": t, "label": of(n)} for t, n in messages(30)])
        for name, of in (("one", str), ("many", lambda n: [n]))
    )
    single = studio.finetune("tiny", "text-classification", one, max_steps=1)
    several = studio.finetune("tiny", "text-classification", many, max_steps=1)
    for model, data, words in (
        (single, many, f"any number of labels, for {single} it has one"),
        (several, one, f"a row has one label, for {several} it has any number"),
    ):
        with pytest.raises(BadInputError, match=words):
            evaluate.start(studio.ctx, EvaluateRequest(model, data))
    studio.evaluate(several, "text-classification", many)
    config = Path(models.show(studio.ctx, several).path) / "config.json"
    whole = config.read_text()
    config.write_text(whole[:40])
    with pytest.raises(BadInputError, match=r"config\.json: is no JSON"):
        evaluate.start(studio.ctx, EvaluateRequest(several, many))
    config.write_text(whole)
    for train, validation in ((one, many), (many, one)):
        request = FinetuneRequest("tiny", "text-classification", train, validation=validation)
        with pytest.raises(BadInputError, match="for the training data it has"):
            finetune.start(studio.ctx, request)


def test_a_setting_of_training_is_refused_where_it_is_measured(
    studio: Studio, bert: Path, tmp_path: Path
) -> None:
    models.import_model(studio.ctx, str(bert), name="tiny")
    data = added(studio, tmp_path, "test", [{"text": t, "label": n} for t, n in messages(9)])
    for settings, words in (
        ({"learning_rate": "1"}, "learning_rate means nothing where a model is measured"),
        ({"num_beams": "4"}, "num_beams means nothing where a model is measured in text-class"),
        ({"max_seq_length": "wide"}, "max_seq_length=wide: expected a whole number"),
        ({"max_seq_lenght": "9"}, "max_seq_lenght"),
    ):
        request = EvaluateRequest("tiny", data, task="text-classification", settings=settings)
        with pytest.raises(UsageError, match=words):
            evaluate.start(studio.ctx, request)
    assert runs.list_runs(studio.ctx) == []


def _better(studio: Studio, before: RunInfo, after: RunInfo, metric: str) -> None:
    """A comparison says so, and that it is no chance."""
    found = compare.compare(studio.ctx, [before.run, after.run])
    assert found.runs[found.best[metric]] == after.run
    (test,) = [test.as_json() for test in found.tests]
    assert test["p"] < 0.05, test


def _confirmed(studio: Studio, run: RunInfo, task: str) -> None:
    """The run's figures and its report's are the libraries'."""
    theirs = official(task, studio.predictions(run.run))
    assert theirs
    report = report_of(studio.ctx, run.run)
    for name, value in theirs.items():
        assert run.metrics[name] == pytest.approx(value, abs=1e-9), name
        assert report.metrics[name] == pytest.approx(value, abs=1e-9), name


def test_questions_of_one_context_are_validated_or_trained_on_but_not_both(
    studio: Studio, bert: Path, tmp_path: Path
) -> None:
    """A split that a run makes itself deals out whole contexts."""
    models.import_model(studio.ctx, str(bert), name="tiny")
    rng = random.Random(3)
    rows = [row for row in questions(60, 2) for _ in range(4)]
    for number, row in enumerate(rows):
        row = rows[number] = dict(row)
        row["question"] += f" {rng.choice(TEXTS)}"
    train = added(studio, tmp_path, "train", rows)
    seen: dict[str, list[str]] = {}
    from fmtui.tasks import get_task
    from fmtui.workers.finetune import _records
    from fmtui.workers.harness import Worker

    request = FinetuneRequest("tiny", "question-answering", train, name="made")
    info = finetune.start(studio.ctx, request)
    worker = Worker(settle.RunFolder(studio.ctx.home.runs / info.run))
    parts = _records(worker, get_task("question-answering"))
    for name, records in zip(("train", "validation"), parts, strict=True):
        seen[name] = [record["context"] for record in records]
    assert len(seen["train"]) + len(seen["validation"]) == len(rows)
    assert seen["validation"]
    assert not {*seen["train"]} & {*seen["validation"]}
