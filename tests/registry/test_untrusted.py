"""Configurations, cards, headers and names that are made to trip who reads them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fmtui.services import models
from fmtui.services.context import Context
from registry.errors import BadInputError
from registry.folder import read_card
from registry.untrusted import parse_json, parse_yaml
from tests.registry.test_weights import tensor, write

DEEP = "[" * 100_000


@pytest.fixture
def folder(bert: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bert, tmp_path / "odd"))


def text(name: str, content: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(content)


def config(**changes: object) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        stated = json.loads((folder / "config.json").read_text()) | changes
        (folder / "config.json").write_text(json.dumps(stated))

    return change


def header(value: object, data: bytes = b"1234") -> Callable[[Path], object]:
    return lambda folder: write(folder / "model.safetensors", value, data)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (text("config.json", DEEP), "nested too deep"),
        (text("tokenizer_config.json", DEEP), "nested too deep"),
        (text("tokenizer_config.json", "{"), "is no JSON"),
        (config(architectures=["\ud800Model"]), "half a character"),
        (config(model_type="unheard-of"), "does not know"),
        (config(_attn_implementation="org/kernel"), "code of another repository"),
        (config(text_config={"attn_implementation": "a/b@c:d"}), "code of another repository"),
        (header(DEEP.encode()), "header is broken"),
        (header({}, b""), "holds no tensors"),
        (header({"__metadata__": {"a": "b"}}, b""), "holds no tensors"),
        (
            header(b'{"a":{"dtype":"F32","shape":[Infinity],"data_offsets":[0,4]}}'),
            "the tensor `a` wrongly",
        ),
        (header({"a": tensor("F128", [10**30], 0, 4)}), "the tensor `a` wrongly"),
        (header({"a": tensor("F32", [1] * 1000, 0, 4)}), "the tensor `a` wrongly"),
        (header({"a": {**tensor("F32", [1], 0, 4), "dtype": ["F32"]}}), "the tensor `a` wrongly"),
    ],
)
def test_what_trips_a_reader_is_a_sentence(
    ctx: Context, folder: Path, spoil: Callable[[Path], object], message: str
) -> None:
    spoil(folder)
    with pytest.raises(BadInputError, match=message):
        models.import_model(ctx, str(folder))
    assert models.list_models(ctx) == []


@pytest.mark.parametrize("key", ["²", "9" * 5000, "-1", ""])
def test_labels_under_numbers_that_are_none_are_left_out(
    ctx: Context, folder: Path, key: str
) -> None:
    config(id2label={key: "a"}, architectures=["BertForSequenceClassification"])(folder)
    assert models.import_model(ctx, str(folder)).labels == ()


def test_names_that_are_no_text_or_speak_to_the_terminal_are_left_out(
    ctx: Context, folder: Path
) -> None:
    for name in (b"LICENSE\xff", b"LICENSE\n", b"NOTICE\x1b[2J", b"LICENSE-1"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_text("x")
    folder = folder.rename(os.fsdecode(os.fsencode(folder) + b"\xff"))
    info = models.import_model(ctx, str(folder), name="odd")
    names = {path.name for path in Path(info.path).iterdir()}
    assert len(names) == 5
    assert "LICENSE-1" in names
    assert info.origin == "folder:odd\ufffd"


def test_lists_that_hold_each_other_make_no_endless_license(folder: Path) -> None:
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60))]
    card = "---\n" + "\n".join([*lines, "license: [*a59]", "pipeline_tag: x", "---\n"])
    (folder / "README.md").write_text(card)
    from registry.folder import card_license, describe

    assert describe(folder).license is None
    assert card_license({"license": ["MIT"]}) == "mit"
    assert card_license({"license": "m\ud800"}) == "m?"


@pytest.mark.parametrize("front", [DEEP, 'a: !!int ""', "a: !!timestamp x", "a: !!bool x", "\x00"])
def test_a_card_whose_front_matter_is_broken_has_none(folder: Path, front: str) -> None:
    (folder / "README.md").write_text(f"---\n{front}\n---\n")
    assert read_card(folder / "README.md") == {}


@pytest.mark.parametrize("value", [b"\xff", b"{", DEEP, '"\\ud800"', '{"\\uDFFF": 1}'])
def test_json_that_can_not_be_taken_is_a_value_error(value: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_json(value)


def test_whole_characters_and_anchors_are_read() -> None:
    assert parse_json('"\\ud83d\\ude00"') == "😀"
    assert parse_yaml("a: &a [1]\nb: *a") == {"a": [1], "b": [1]}
