"""The scoring script alone, as Azure ML would load it: requests in, answers out."""

from __future__ import annotations

import ast
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from fmtui.serving import score
from tests.models import write_causal, write_seq2seq
from tests.serving_tools import write_classifier, write_labeller
from tests.tiny import HIDDEN, TOPICS, WORDS, write_bert


def load(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(folder))
    monkeypatch.setattr(score, "_model", None)
    score.init()


def ask(data: Any, **params: Any) -> Any:
    return score.run(json.dumps({"input_data": data, "params": params}))


def with_head(folder: Path, architecture: str, tensors: dict[str, Any], **config: Any) -> Path:
    """The tiny encoder with a head of random weights."""
    write_bert(folder)
    values = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps(values | {"architectures": [architecture]} | config)
    )
    encoder = load_file(folder / "model.safetensors")
    rng = np.random.default_rng(1)
    made = {name: rng.normal(0, 1, shape).astype(np.float32) for name, shape in tensors.items()}
    save_file(
        {f"bert.{n}": v for n, v in encoder.items()} | made,
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    return folder


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_classifier(tmp_path_factory.mktemp("models") / "classifier")


def test_it_stands_alone() -> None:
    tree = ast.parse(Path(score.__file__).read_text())
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [a.name for a in node.names]
        )
    }
    assert imported - set(sys.stdlib_module_names) == {"torch", "transformers"}


def test_every_shape_of_a_request_gets_the_same_answer(
    classifier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(classifier, monkeypatch)
    text = "my card is lost"
    (answer,) = ask([text])
    assert set(answer) == {"label", "score"}
    assert answer["label"] in TOPICS
    frame = {"columns": ["text"], "index": [0], "data": [[text]]}
    for data in (text, [[text]], frame, {"input_string": [text]}, {"text": [text]}):
        (same,) = ask(data)
        assert same["label"] == answer["label"]
        assert same["score"] == pytest.approx(answer["score"], abs=1e-6)
    assert ask([]) == []


def test_all_scores_come_best_first_and_sum_to_one(
    classifier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(classifier, monkeypatch)
    (scores,) = ask(["what is the rate"], return_all_scores=True)
    assert {s["label"] for s in scores} == set(TOPICS)
    values = [s["score"] for s in scores]
    assert values == sorted(values, reverse=True)
    assert sum(values) == pytest.approx(1, abs=1e-5)
    assert ask(["what is the rate"]) == [scores[0]]
    assert ask(["what is the rate"], top_k=2) == [scores[:2]]


def test_a_batch_answers_as_each_alone(classifier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sorting by length and padding must change nothing and mix nothing up."""
    load(classifier, monkeypatch)
    monkeypatch.setattr(score, "TOKENS_A_BATCH", 40)
    texts = [" ".join(WORDS[i : i + 1 + i % 7]) for i in range(len(WORDS) - 8)]
    together = ask(texts, return_all_scores=True)
    for text, scores in zip(texts, together, strict=True):
        (alone,) = ask([text], return_all_scores=True)
        assert [s["label"] for s in scores] == [s["label"] for s in alone]
        assert [s["score"] for s in scores] == pytest.approx([s["score"] for s in alone], abs=1e-5)


def test_many_requests_in_one_go_with_bad_ones_between(
    classifier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(classifier, monkeypatch)
    bodies: list[Any] = [
        {"input_data": ["a loan"]},
        {"input_data": [7]},
        {"input_data": ["a card", "the rate"], "params": {"return_all_scores": True}},
        {"input_data": ["x"], "params": {"temperature": 1}},
        {},
        {"input_data": ["a loan"]},
    ]
    answers = score.predict(bodies)
    (alone,) = ask(["a loan"])
    for (answer,) in (answers[0], answers[5]):
        assert answer["label"] == alone["label"]
        assert answer["score"] == pytest.approx(alone["score"], abs=1e-6)
    assert [len(scores) for scores in answers[2]] == [3, 3]
    assert str(answers[1]) == "row 1 is no text"
    assert "unknown parameter `temperature`" in str(answers[3])
    assert "`input_data`" in str(answers[4])


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("{", "the body is no JSON"),
        ("[]", "an object with `input_data`"),
        ('{"input_data": 3}', "must be a list of texts"),
        ('{"input_data": [null]}', "row 1 is no text"),
        ('{"input_data": [["a", "b", "c"]]}', "row 1 has 3 values"),
        ('{"input_data": {"columns": ["a"], "data": [["x", "y"]]}}', "does not have 1 values"),
        ('{"input_data": {"columns": 1, "data": 2}}', "must be lists"),
        ('{"input_data": {"a": ["x"], "b": []}}', "the columns a, b differ in length"),
        ('{"input_data": {}}', "must hold `columns` and `data`"),
        ('{"input_data": ["x"], "params": [1]}', "`params` must be an object"),
        ('{"input_data": ["x"], "params": {"top_k": 0}}', "must be a whole number"),
    ],
)
def test_what_is_wrong_is_said(
    body: str, sentence: str, classifier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(classifier, monkeypatch)
    with pytest.raises(score.BadRequest, match=sentence.replace("`", ".")) as error:
        score.run(body)
    assert error.value.status_code == 400


def test_a_pair_and_a_text_longer_than_the_model(
    classifier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(classifier, monkeypatch)
    one, pair, long = ask([["a card"], ["a card", "the loan"], ["card " * 5000]])
    assert one != pair
    assert long["label"] in TOPICS


def test_several_labels_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["my card", "what is the rate", "a loan"]
    load(write_labeller(tmp_path / "many", texts), monkeypatch)
    every = ask(texts, return_all_scores=True)
    assert sum(s["score"] for s in every[0]) != pytest.approx(1, abs=1e-3)
    expected = [[s for s in scores if s["score"] >= 0.5] for scores in every]
    assert len({len(has) for has in expected}) > 1, "the texts differ in how many they have"
    assert ask(texts) == expected
    assert ask(["my card"], top_k=1) == [every[0][:1]]


def test_an_encoder_gives_the_mean_of_its_vectors(
    bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(bert, monkeypatch)
    assert score.loaded_task() == "feature-extraction"
    first, second, again = ask(["my card", "what does the loan cost please", "my card"])
    assert len(first) == HIDDEN
    assert first == pytest.approx(again, abs=1e-6)
    assert first != pytest.approx(second, abs=1e-3)
    assert ask(["my card"])[0] == pytest.approx(first, abs=1e-5)


def test_a_model_in_a_folder_below(bert: Path, tmp_path: Path, monkeypatch: Any) -> None:
    shutil.copytree(bert, tmp_path / "outer" / "model")
    load(tmp_path / "outer", monkeypatch)
    assert len(ask(["my card"])[0]) == HIDDEN


def test_tags_are_one_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = {"classifier.weight": (2, HIDDEN), "classifier.bias": (2,)}
    labels = {"id2label": {"0": "O", "1": "B-PER"}, "label2id": {"O": 0, "B-PER": 1}}
    load(with_head(tmp_path / "m", "BertForTokenClassification", shapes, **labels), monkeypatch)
    answers = ask({"input_string": ["my card is lost", "loan"]})
    tags = [ast.literal_eval(answer["0"]) for answer in answers]
    assert [len(t) for t in tags] == [4, 1]
    assert {tag for t in tags for tag in t} <= {"O", "B-PER"}


def test_an_answer_is_a_span_of_its_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = {"qa_outputs.weight": (2, HIDDEN), "qa_outputs.bias": (2,)}
    load(with_head(tmp_path / "m", "BertForQuestionAnswering", shapes), monkeypatch)
    contexts = ["my card is lost today", "the rate is too high " * 60]
    answers = ask({"question": ["what is lost", "what is high"], "context": contexts})
    for answer, context in zip(answers, contexts, strict=True):
        assert answer
        assert answer in context
    with pytest.raises(score.BadRequest, match="a question and its context"):
        ask(["what is lost"])
    with pytest.raises(score.BadRequest, match="too long"):
        ask([["what is lost " * 60, "my card"]])


def test_a_sentence_longer_than_the_model_is_tagged_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = {"classifier.weight": (2, HIDDEN), "classifier.bias": (2,)}
    labels = {"id2label": {"0": "A", "1": "B"}, "label2id": {"A": 0, "B": 1}}
    load(with_head(tmp_path / "m", "BertForTokenClassification", shapes, **labels), monkeypatch)
    (answer,) = ask({"input_string": ["my card is lost " * 60]})
    tags = ast.literal_eval(answer["0"])
    assert len(tags) == 240
    assert set(tags) <= {"A", "B"}  # "O" would be a word that was never read


@pytest.mark.parametrize("refuses", [False, True])
def test_only_a_model_that_was_taught_so_finds_no_answer(
    refuses: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = {"qa_outputs.weight": (2, HIDDEN), "qa_outputs.bias": (2,)}
    learnt = {"question-answering": {"version_2_with_negative": refuses, "max_answer_length": 2}}
    folder = with_head(
        tmp_path / "m", "BertForQuestionAnswering", shapes, task_specific_params=learnt
    )
    load(folder, monkeypatch)
    data = {"question": ["what is it"] * len(WORDS), "context": [f"{w} loan" for w in WORDS]}
    answers = ask(data)
    assert ("" in answers) == refuses
    assert all(len(answer.split()) <= 2 for answer in answers)


def test_a_chat_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_causal(tmp_path / "m", [*WORDS, "user assistant"])
    load(folder, monkeypatch)
    chat = {"input_string": [{"role": "user", "content": "my card is lost"}]}
    with pytest.raises(score.BadRequest, match="holds no conversations"):
        ask(chat)
    template = "{% for m in messages %}{{ m['role'] + ' ' + m['content'] + ' ' }}{% endfor %}"
    (folder / "chat_template.jinja").write_text(template)
    load(folder, monkeypatch)
    (answer,) = ask(chat | {"parameters": {"max_new_tokens": 4}})
    assert (
        answer
        == ask(["user my card is lost "], max_new_tokens=4, return_full_text=False)[0].strip()
    )
    with pytest.raises(score.BadRequest, match="message 1 has no `role`"):
        ask({"input_string": [{"content": "x"}]})


def test_a_finetuned_writer_gets_its_prefix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_seq2seq(tmp_path / "m", [*WORDS, "summarize:"])
    config = json.loads((folder / "config.json").read_text())
    load(folder, monkeypatch)
    plain, prefixed = ask(["my card is lost", "summarize: my card is lost"])
    assert plain != prefixed
    config["task_specific_params"] = {"summarization": {"prefix": "summarize: "}}
    (folder / "config.json").write_text(json.dumps(config))
    load(folder, monkeypatch)
    assert ask(["my card is lost"]) == [prefixed]


def test_what_no_head_fits_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text('{"architectures": ["WhisperThing"]}')
    with pytest.raises(score.BadRequest, match="WhisperThing has no task"):
        load(tmp_path, monkeypatch)


def test_translation(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load(shared / "models" / "marian-tiny-en-pt", monkeypatch)
    short, long = ask(
        [
            "The house is big.",
            "I lost my card yesterday, and I need a new one as soon as it can be sent to the "
            "address where I have lived with my family since the spring of last year.",
        ]
    )
    assert short == "A casa é grande."
    assert "primavera" in long  # not cut at transformers' default of twenty tokens
    assert len(ask(["The house is big."], max_new_tokens=2)[0]) < len(short)
    with pytest.raises(score.BadRequest, match="unknown parameter `beams`"):
        ask(["x"], beams=2)
    with pytest.raises(score.BadRequest, match="generation refuses"):
        ask(["x"], max_new_tokens="many")
