"""What a person sets is done: no setting is taken and then forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from fmtui.errors import BadInputError
from fmtui.tasks import NAMES
from fmtui.tasks.settings import complete, of_task
from fmtui.workers import finetune
from fmtui.workers.harness import Worker
from fmtui.workers.tasks import base, get_procedure
from fmtui.workers.tasks.base import Loaded, learnt
from tests.models import write_causal, write_seq2seq
from tests.tiny import WORDS, messages
from tests.training import create

TEXTS = [text for text, _ in messages(12)]
ROWS: dict[str, list[dict[str, Any]]] = {
    "text-classification": [{"text": text, "label": label} for text, label in messages(12)],
    "token-classification": [
        {"tokens": text.split(), "tags": ["B-X"] + ["O"] * (len(text.split()) - 1)}
        for text in TEXTS
    ],
    "question-answering": [
        {
            "question": "what is it",
            "context": text,
            "answers": {"text": [text.split()[1]], "answer_start": [text.index(text.split()[1])]},
        }
        for text in TEXTS
    ],
    "summarization": [{"document": text, "summary": text.split()[1]} for text in TEXTS],
    "translation": [{"source": text, "target": text} for text in TEXTS],
    "text-generation": [{"prompt": text, "text": text} for text in TEXTS],
}
BEFORE_THE_WORKER = {
    "apply_deepspeed", "deepspeed_stage",  # how its processes are started
    "apply_early_stopping",  # settled with early_stopping_patience, which says the same
}  # fmt: skip


class Recorder(dict[str, Any]):
    """Settings that remember which of them were asked for."""

    read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return super().get(name, default)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    def recorder(task: str, given: Mapping[str, Any], taught: Any = None) -> Recorder:
        return Recorder(complete(task, given, taught))

    Recorder.read = set()
    for module in (finetune, base):
        monkeypatch.setattr(module, "complete", recorder)
    yield Recorder.read


def a_base(task: str, bert: Path, folder: Path) -> Path:
    if task in ("summarization", "translation"):
        return write_seq2seq(folder / "base", WORDS)
    return write_causal(folder / "base", WORDS) if task == "text-generation" else bert


@pytest.mark.parametrize("task", NAMES)
def test_every_setting_is_asked_for_in_a_run(
    task: str, bert: Path, tmp_path: Path, recorded: set[str]
) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in ROWS[task]))
    settings = {"max_steps": 2, "apply_lora": True, "early_stopping_patience": 1}
    settings |= {"evaluation_strategy": "steps", "eval_steps": 1, "merge_lora_weights": True}
    if task == "text-generation":
        settings |= {"max_new_tokens": 2}
    folder = create(tmp_path / "runs", 1, task, a_base(task, bert, tmp_path), data, settings)
    finetune.run(Worker(folder))
    assert (folder.output / "model" / "config.json").is_file()
    wanted = {setting.name for setting in of_task(task)} - BEFORE_THE_WORKER
    if not torch.cuda.is_available():
        wanted -= {"load_in_4bit"}  # refused where there is no GPU
    wanted -= {"summarization_lang"}  # of models that write many languages, see below
    assert wanted - recorded == set()


def load(task: str, path: Path, **settings: Any) -> Loaded:
    spec = {"kind": "finetune", "task": task, "settings": settings, "labels": ["B-X", "I-X", "O"]}
    return get_procedure(task).load(path, spec)


def test_all_pieces_of_a_word_get_its_tag_where_that_is_asked_for(bert: Path) -> None:
    # The tiny tokenizer knows whole words; one that it joins by a comma is two pieces of one word.
    records = [{"tokens": ["card,loan", "rate"], "tags": ["B-X", "O"]}]
    targets = {}
    for wanted in (False, True):
        loaded = load("token-classification", bert, label_all_tokens=wanted)
        columns = get_procedure("token-classification").features(loaded, records)
        targets[wanted] = [t for t in columns["labels"][0] if t != -100]
    assert targets[False] == [0, 2]
    assert targets[True] == [0, 1, 1, 2], "B-X goes on as I-X"


def test_a_prefix_is_put_before_each_source_and_saved(tmp_path: Path) -> None:
    path = write_seq2seq(tmp_path / "base", [*WORDS, "shorten"])
    plain, told = load("summarization", path), load("summarization", path, source_prefix="shorten")
    assert learnt(told.model, "summarization")["prefix"] == "shorten "
    records = [{"document": "my card is lost", "summary": "card"}]
    procedure = get_procedure("summarization")
    texts = [
        one.tokenizer.decode(procedure.features(one, records)["input_ids"][0])
        for one in (plain, told)
    ]
    assert "shorten" in texts[1] and "shorten" not in texts[0]


@pytest.mark.parametrize(
    ("task", "settings", "codes"),
    [
        ("summarization", {"summarization_lang": "pt_XX"}, ("pt_XX", "pt_XX")),
        ("translation", {"source_lang": "en", "target_lang": "fr_XX"}, ("en_XX", "fr_XX")),
    ],
)
def test_a_model_of_many_languages_writes_the_one_that_was_asked_for(
    tmp_path: Path, task: str, settings: dict[str, str], codes: tuple[str, str]
) -> None:
    from transformers import MBart50Tokenizer

    words = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    tokenizer = MBart50Tokenizer(vocab=[*words, *((f"▁{word}", -1.0) for word in WORDS)])
    path = write_seq2seq(tmp_path / "base", WORDS)
    for file in path.glob("tokenizer*"):
        file.unlink()
    tokenizer.save_pretrained(path)
    loaded = load(task, path, **settings)
    assert (loaded.tokenizer.src_lang, loaded.tokenizer.tgt_lang) == codes
    first = loaded.model.generation_config.forced_bos_token_id
    assert loaded.tokenizer.convert_ids_to_tokens(first) == codes[1]
    with pytest.raises(BadInputError, match="knows no language `xy`"):
        load(task, path, **dict.fromkeys(settings, "xy"))


def test_a_head_for_other_labels_is_kept_or_refused(bert: Path, tmp_path: Path) -> None:
    first = get_procedure("text-classification").load(
        bert,
        {"kind": "finetune", "task": "text-classification", "labels": ["a", "b", "c"]},
    )
    first.model.save_pretrained(tmp_path / "three")
    first.tokenizer.save_pretrained(tmp_path / "three")
    spec = {"kind": "finetune", "task": "text-classification", "labels": ["a", "b"]}
    again = get_procedure("text-classification").load(tmp_path / "three", spec)
    assert again.model.config.num_labels == 2
    strict = spec | {"settings": {"ignore_mismatched_sizes": False}}
    with pytest.raises(BadInputError, match="head is for other labels"):
        get_procedure("text-classification").load(tmp_path / "three", strict)


def test_no_answer_has_to_lead_by_more_than_the_threshold(bert: Path) -> None:
    torch.manual_seed(0)
    record = {"question": "what is it", "context": "my card is lost", "answers": [], "starts": []}
    given = {}
    for lead in (-1e6, 1e6):
        loaded = load(
            "question-answering", bert, version_2_with_negative=True, null_score_diff_threshold=lead
        )
        loaded.model.eval()
        given[lead] = get_procedure("question-answering").predict(loaded, [record])["prediction"]
        assert learnt(loaded.model, "question-answering")["null_score_diff_threshold"] == lead
    assert given[-1e6] == [""] and given[1e6] != [""]


def test_all_texts_are_padded_to_one_length_where_that_is_asked_for(
    bert: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in ROWS["text-classification"]))
    settings = {"pad_to_max_length": True, "max_seq_length": 24}
    folder = create(tmp_path / "runs", 1, "text-classification", bert, data, settings)
    trainer = finetune.prepare(Worker(folder))
    batch = next(iter(trainer.get_train_dataloader()))
    assert batch["input_ids"].shape[1] == 24
