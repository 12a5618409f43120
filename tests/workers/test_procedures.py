"""How each task's records become tensors and answers; what is measured is what is served."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch

from fmtui.errors import BadInputError
from fmtui.serving import score
from fmtui.workers.tasks import get_procedure
from fmtui.workers.tasks.base import Loaded, learnt
from tests.models import write_causal, write_seq2seq
from tests.tiny import POSITIONS, WORDS, messages


def load(task: str, path: Path, **spec: Any) -> Loaded:
    torch.manual_seed(0)
    loaded = get_procedure(task).load(path, {"kind": "finetune", "task": task, **spec})
    loaded.model.eval()
    return loaded


def served(loaded: Loaded, folder: Path, data: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What an endpoint answers with the model, saved as a run saves it."""
    loaded.model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(folder))
    monkeypatch.setattr(score, "_model", None)
    score.init()
    answers: list[Any] = score.run(json.dumps({"input_data": data}))
    return answers


def train(loaded: Loaded, task: str, records: Sequence[Mapping[str, Any]], steps: int) -> None:
    """A few steps on one batch, so that answers are not all alike."""
    procedure = get_procedure(task)
    columns = procedure.features(loaded, records)
    rows = list(range(len(columns["input_ids"])))
    batch = loaded.collate(procedure.collator(loaded), columns, rows)
    optimizer = torch.optim.AdamW(loaded.model.parameters(), lr=1e-2)
    for _ in range(steps):
        loaded.model(**batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def test_a_label_a_text(bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [{"text": text, "label": label} for text, label in messages(24)]
    loaded = load("text-classification", bert, labels=["card", "loan", "rate"])
    train(loaded, "text-classification", records, 60)
    found = get_procedure("text-classification").predict(loaded, records)
    assert sum(found["right"]) > 20
    for record, scores, loss, best, label in zip(
        records, found["scores"], found["loss"], found["score"], found["prediction"], strict=True
    ):
        truth = scores[loaded.labels.index(record["label"])]
        assert loss == pytest.approx(-math.log(truth))
        assert best == max(scores)
        assert label == loaded.labels[scores.index(best)]
    answers = served(loaded, tmp_path / "m", [r["text"] for r in records], monkeypatch)
    assert [answer["label"] for answer in answers] == found["prediction"]


def test_any_number_of_labels_a_text(bert: Path) -> None:
    records = [
        {"text": f"{a} {b}", "label": sorted({x, y})}
        for (a, x), (b, y) in zip(messages(24, 1), messages(24, 2)[::-1], strict=True)
    ] + [{"text": "hello please", "label": []}]
    loaded = load("text-classification", bert, labels=["card", "loan", "rate"], multi_label=True)
    assert loaded.model.config.problem_type == "multi_label_classification"
    train(loaded, "text-classification", records, 80)
    found = get_procedure("text-classification").predict(loaded, records)
    assert sum(found["right"]) > 18
    assert all(isinstance(labels, list) for labels in found["prediction"])
    for right, record, made in zip(found["right"], records, found["prediction"], strict=True):
        assert right == (set(made) == set(record["label"]))


def _tagged(words: int, seed: int) -> dict[str, Any]:
    tokens = [WORDS[(seed + 7 * i) % len(WORDS)] for i in range(words)]
    return {"tokens": tokens, "tags": ["B-CARD" if t == "card" else "O" for t in tokens]}


def test_every_word_of_a_long_sentence_is_tagged(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [_tagged(n, n) for n in (1, 5, 3 * POSITIONS, 12)]
    loaded = load("token-classification", bert, labels=["B-CARD", "O"])
    procedure = get_procedure("token-classification")
    features = procedure.features(loaded, records)
    assert max(procedure.lengths(features)) == POSITIONS
    counted = sum(label != -100 for row in features["labels"] for label in row)
    assert counted == sum(len(record["tokens"]) for record in records)
    train(loaded, "token-classification", records, 60)
    found = procedure.predict(loaded, records)
    assert found["right"] == [True] * 4
    assert found["prediction"] == [record["tags"] for record in records]
    texts = {"input_string": [" ".join(record["tokens"]) for record in records]}
    answers = served(loaded, tmp_path / "m", texts, monkeypatch)
    assert [ast.literal_eval(answer["0"]) for answer in answers] == found["prediction"]


def _asked(question: str, context: str, answer: str) -> dict[str, Any]:
    answers, starts = ([answer], [context.index(answer)]) if answer else ([], [])
    return {"question": question, "context": context, "answers": answers, "starts": starts}


LONG = "the rate is too high today " * 30


@pytest.mark.parametrize("refuses", [False, True])
def test_an_answer_is_found_in_whichever_window_it_is(
    refuses: bool, bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [
        _asked("what is lost", "my card is lost now", "card"),
        _asked("what is lost", f"{LONG} my card is lost now", "card"),
        _asked("what is lost", f"hello my card is lost now {LONG}", "card"),
        _asked("what is lost", LONG, "" if refuses else "high"),
    ]
    task, settings = "question-answering", {"version_2_with_negative": refuses, "doc_stride": 16}
    loaded = load(task, bert, settings=settings)
    procedure = get_procedure(task)
    features = procedure.features(loaded, records)
    assert len(features["input_ids"]) > 6
    spans = [
        loaded.tokenizer.decode(ids[start : end + 1])
        for ids, start, end in zip(
            features["input_ids"], features["start_positions"], features["end_positions"],
            strict=True,
        )
        if start
    ]  # fmt: skip
    assert spans.count("card") >= 3  # windows overlap: one answer may stand in two
    train(loaded, task, records, 120)
    found = procedure.predict(loaded, records)
    assert found["prediction"] == ["card"] * 3 + (["" if refuses else "high"])
    assert found["right"] == [True] * 4
    assert all(loss is not None and loss < 3.0 for loss in found["loss"])
    data = {name: [r[name] for r in records] for name in ("question", "context")}
    assert served(loaded, tmp_path / "m", data, monkeypatch) == found["prediction"]
    assert learnt(loaded.model, task)["doc_stride"] == 16


def test_how_sure_an_answer_is_does_not_hang_on_the_batch(bert: Path) -> None:
    short = _asked("what is lost", "my card is lost now", "card")
    others = [_asked("what is lost", "the card was stolen today please " * 7, "card")] * 3
    loaded, procedure = load("question-answering", bert), get_procedure("question-answering")
    alone, among = (procedure.predict(loaded, [short, *more]) for more in ([], others))
    for column in ("score", "loss"):
        assert among[column][0] == pytest.approx(alone[column][0], rel=1e-5)


def test_a_question_without_room_for_its_context_is_a_sentence(bert: Path) -> None:
    loaded = load("question-answering", bert)
    with pytest.raises(BadInputError, match="leaves no room for its context in 64 tokens"):
        get_procedure("question-answering").features(
            loaded, [_asked("what is lost " * 40, "my card is lost", "card")]
        )


TEXTS = [text for text, _ in messages(40)]


@pytest.mark.parametrize(
    ("task", "source", "target", "settings", "prefix"),
    [
        ("summarization", "document", "summary", {}, "summarize: "),
        ("translation", "source", "target", {"source_lang": "en", "target_lang": "pt"},
         "translate English to Portuguese: "),
        ("translation", "source", "target", {}, None),
    ],
)  # fmt: skip
def test_what_is_written_is_what_was_taught(
    task: str,
    source: str,
    target: str,
    settings: dict[str, Any],
    prefix: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    base = write_seq2seq(tmp_path / "t5", [*TEXTS, "summarize: translate English to Portuguese:"])
    records = [{source: text, target: " ".join(text.split()[:3])} for text in TEXTS[:6]]
    if task == "summarization":
        records = [r | {target: [r[target], "another reference"]} for r in records]
    loaded = load(task, base, settings=settings | {"max_target_length": 8})
    assert learnt(loaded.model, task).get("prefix") == prefix
    assert list(loaded.model.config.task_specific_params) == [task]
    train(loaded, task, records, 150)
    found = get_procedure(task).predict(loaded, records)
    firsts = [r[target] if isinstance(r[target], str) else r[target][0] for r in records]
    assert found["prediction"] == firsts
    assert max(found["loss"]) < 0.5
    answers = served(loaded, tmp_path / "m", [r[source] for r in records], monkeypatch)
    assert answers == found["prediction"]


CHATS = ["user assistant system", "what is lost", "the card is"]


def test_a_prompt_counts_for_nothing_and_an_answer_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = write_causal(tmp_path / "llama", [*TEXTS, *CHATS])
    records = [
        {"prompt": f"what is lost {w}", "text": f"the {w}"} for w in ("card", "loan", "rate")
    ]
    loaded = load("text-generation", base, settings={"max_new_tokens": 6})
    procedure = get_procedure("text-generation")
    features = procedure.features(loaded, records)
    for ids, targets, record in zip(
        features["input_ids"], features["labels"], records, strict=True
    ):
        assert (
            loaded.tokenizer.decode([t for t in targets if t != -100]) == f"{record['text']} </s>"
        )
        assert ids.count(loaded.tokenizer.eos_token_id) == 1
    train(loaded, "text-generation", records, 60)
    found = procedure.predict(loaded, records)
    assert found["prediction"] == [record["text"] for record in records]
    assert found["tokens"] == [3, 3, 3]
    assert found["loss"] == pytest.approx([n / 3 for n in found["nll"]])
    answers = served(loaded, tmp_path / "m", [r["prompt"] for r in records], monkeypatch)
    assert [a.removeprefix(r["prompt"]).strip() for a, r in zip(answers, records, strict=True)] == [
        record["text"] for record in records
    ]


def test_of_a_chat_only_what_the_assistant_said_is_learnt(tmp_path: Path) -> None:
    base = write_causal(tmp_path / "llama", [*TEXTS, *CHATS])
    loaded = load("text-generation", base)
    loaded.tokenizer.chat_template = (
        "{% for m in messages %}<|im_start|> {{ m['role'] }} {{ m['content'] }} <|im_end|> "
        "{% endfor %}{% if add_generation_prompt %}<|im_start|> assistant {% endif %}"
    )
    chat = [
        {"role": "user", "content": "what is lost"},
        {"role": "assistant", "content": "the card"},
        {"role": "user", "content": "what is the rate"},
        {"role": "assistant", "content": "too high"},
    ]
    features = get_procedure("text-generation").features(loaded, [{"messages": chat}])
    learnt_words = loaded.tokenizer.decode([t for t in features["labels"][0] if t != -100])
    assert learnt_words == "the card <|im_end|> too high <|im_end|>"


def test_packing_puts_texts_one_after_the_other(tmp_path: Path) -> None:
    base = write_causal(tmp_path / "llama", TEXTS)
    records = [{"prompt": "", "text": text} for text in TEXTS]
    settings = {"max_seq_length": 32, "packing": True}
    loaded = load("text-generation", base, settings=settings)
    procedure = get_procedure("text-generation")
    packed = procedure.features(loaded, records)
    apart = procedure.features(load("text-generation", base, settings={}), records)
    assert [*chain(*packed["input_ids"])] == [*chain(*apart["input_ids"])]
    assert max(procedure.lengths(packed)) <= 32
    assert len(packed["input_ids"]) < len(records) / 2


def test_what_is_too_long_loses_its_prompt_s_beginning_first(tmp_path: Path) -> None:
    base = write_causal(tmp_path / "llama", TEXTS)
    record = {"prompt": "card " * 50 + "loan", "text": "the rate"}
    loaded = load("text-generation", base, settings={"max_seq_length": 16})
    features = get_procedure("text-generation").features(loaded, [record])
    (ids,), (targets,) = features["input_ids"], features["labels"]
    assert len(ids) == 16
    assert loaded.tokenizer.decode(ids[-4:]) == "loan the rate </s>"
    assert targets[:13] == [-100] * 13
    assert learnt(loaded.model, "text-generation")["max_seq_length"] == 16
