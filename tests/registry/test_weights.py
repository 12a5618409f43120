"""Weights are read by their headers: counted, held against the file's size, never run."""

from __future__ import annotations

import json
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from registry import folder, weights
from registry.errors import BadInputError


def write(path: Path, header: object, data: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def tensor(dtype: str, shape: list[int], begin: int, end: int) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def test_parameters_are_the_numbers_of_the_floating_tensors(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    tensors = {
        "a": np.zeros((3, 4), np.float32),
        "b": np.zeros((5,), np.float16),
        "scalar": np.array(1.0, np.float32),
        "positions": np.arange(7),
        "empty": np.zeros((0, 4), np.float32),
    }
    save_file(tensors, path)
    read = weights.read(path)
    assert read.parameters == 12 + 5 + 1
    assert set(read.names) == set(tensors)


def test_a_file_cut_anywhere_is_found(tmp_path: Path, bert: Path) -> None:
    whole = (bert / "model.safetensors").read_bytes()
    path = tmp_path / "model.safetensors"
    for length in (0, 7, 8, 9, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(BadInputError) as caught:
            weights.read(path)
        assert caught.value.file == str(path)
    path.write_bytes(whole + b"x")
    with pytest.raises(BadInputError, match="is longer"):
        weights.read(path)


@pytest.mark.parametrize(
    ("header", "data"),
    [
        (b"{not json", b""),
        ([1, 2], b""),
        ({"a": {"dtype": "F32"}}, b""),
        ({"a": tensor("F32", [2], 0, 4)}, b"1234"),
        ({"a": tensor("F32", [-1, -1], 0, 4)}, b"1234"),
        ({"a": tensor("F32", [1], 4, 8)}, b"12345678"),
        ({"a": tensor("F32", [1], 0, 4), "b": tensor("F32", [1], 2, 6)}, b"123456"),
        ({"a": tensor("F32", [1], -4, 0)}, b""),
        ({"a": "text"}, b""),
    ],
)
def test_a_header_that_lies_is_found(tmp_path: Path, header: object, data: bytes) -> None:
    with pytest.raises(BadInputError):
        weights.read(write(tmp_path / "model.safetensors", header, data))


def test_a_pickle_under_a_safe_name_is_found(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    for start in (pickle.dumps({"a": 1}), b"PK\x03\x04" + b"\0" * 100):
        path.write_bytes(start)
        with pytest.raises(BadInputError, match="is a pickle, whatever its name says"):
            weights.read(path)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["model.safetensors", "pytorch_model.bin"], "model.safetensors"),
        (["model.safetensors.index.json"], "model.safetensors.index.json"),
        (["pytorch_model.bin"], "pickled"),
        (["model.ckpt.index", "x.PT"], "pickled"),
        (["adapter_config.json", "adapter_model.safetensors"], "an adapter"),
        (["consolidated.safetensors"], "only consolidated.safetensors"),
        (["model.gguf"], "only model.gguf"),
        (["training_args.bin"], "no weights"),
        ([], "no weights"),
    ],
)
def test_weights_are_chosen_or_refused_by_name(names: list[str], expected: str) -> None:
    try:
        assert weights.choose(names, "here") == expected
    except BadInputError as error:
        assert expected in str(error)


@pytest.mark.parametrize("shard", ["../outside.safetensors", "/etc/passwd", "a/b.safetensors", "x"])
def test_an_index_can_not_lead_out_of_its_folder(tmp_path: Path, shard: str) -> None:
    index = tmp_path / weights.INDEX
    index.write_text(json.dumps({"weight_map": {"a": shard}}))
    with pytest.raises(BadInputError, match="no file beside it"):
        weights.shards(index)


def test_an_index_that_is_none_is_told(tmp_path: Path) -> None:
    index = tmp_path / weights.INDEX
    for text in ("", "[]", "{}", '{"weight_map": {}}', '{"weight_map": 3}'):
        index.write_text(text)
        with pytest.raises(BadInputError):
            weights.shards(index)


@pytest.mark.parametrize(
    ("architecture", "model_type", "tag", "task"),
    [
        ("BertForSequenceClassification", "bert", None, "text-classification"),
        ("BertForTokenClassification", "bert", None, "token-classification"),
        ("BertForQuestionAnswering", "bert", None, "question-answering"),
        ("RobertaForMaskedLM", "roberta", None, "fill-mask"),
        ("LlamaForCausalLM", "llama", None, "text-generation"),
        ("GPT2LMHeadModel", "gpt2", None, "text-generation"),
        ("MarianMTModel", "marian", None, "translation"),
        ("BartForConditionalGeneration", "bart", "summarization", "summarization"),
        ("T5ForConditionalGeneration", "t5", None, "text2text-generation"),
        ("BertModel", "bert", "sentence-similarity", "feature-extraction"),
        ("SomethingElse", "x", "summarization", None),
        (None, "x", None, None),
    ],
)
def test_a_task_is_told_from_the_architecture(
    architecture: str | None, model_type: str, tag: str | None, task: str | None
) -> None:
    assert folder.guess_task(architecture, model_type, tag) == task


def test_a_classifier_tells_its_labels_in_their_order(tmp_path: Path) -> None:
    config = {
        "model_type": "bert",
        "architectures": ["BertForSequenceClassification"],
        "id2label": {"10": "k", "2": "c", "0": "a"},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file({"a": np.zeros(2, np.float32)}, tmp_path / "model.safetensors")
    described = folder.describe(tmp_path)
    assert described.labels == ("a", "c", "k")
    assert described.task == "text-classification"


def test_quantized_weights_hide_how_many_they_are(tmp_path: Path, bert: Path) -> None:
    config = json.loads((bert / "config.json").read_text()) | {"quantization_config": {"bits": 4}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes((bert / "model.safetensors").read_bytes())
    assert folder.describe(tmp_path).parameters is None


@pytest.mark.parametrize(
    ("card", "license"),
    [
        ("---\nlicense: Apache-2.0\n---\ntext", "apache-2.0"),
        ("---\nlicense: [mit, other]\n---\n", "mit"),
        ("---\ntags: x\n---\n", None),
        ("---\nlicense: [broken\n---\n", None),
        ("no front matter", None),
        ("---", None),
        (None, None),
    ],
)
def test_a_licence_is_read_from_the_card(
    tmp_path: Path, card: str | None, license: str | None
) -> None:
    if card is not None:
        (tmp_path / "README.md").write_text(card)
    assert folder.card_license(folder.read_card(tmp_path / "README.md")) == license


@pytest.mark.shared
def test_a_real_model_is_described(shared: Path) -> None:
    described = folder.describe(shared / "models" / "marian-tiny-en-pt")
    assert described.architecture == "MarianMTModel"
    assert described.task == "translation"
    assert described.parameters == 17_170_945
