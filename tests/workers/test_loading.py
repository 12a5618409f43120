"""Models as people have them: without a padding token, with limits of several kinds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from fmtui.workers.loading import load_tokenizer, max_length


def test_a_tokenizer_without_padding_pads_with_its_end_of_text(bert: Path, tmp_path: Path) -> None:
    folder = tmp_path / "gpt-like"
    shutil.copytree(bert, folder)
    file = folder / "tokenizer_config.json"
    config = json.loads(file.read_text())
    del config["pad_token"]
    file.write_text(json.dumps(config | {"eos_token": "[SEP]"}))
    assert load_tokenizer(folder).pad_token == "[SEP]"
    assert load_tokenizer(bert).pad_token == "[PAD]"


@pytest.mark.parametrize(
    ("kind", "positions", "tokenizer_limit", "wanted", "expected"),
    [
        ("bert", 512, 10**30, -1, 512),
        ("bert", 512, 128, -1, 128),
        ("bert", 512, 128, 64, 64),
        ("roberta", 514, 10**30, -1, 512),
        ("t5", None, 10**30, -1, 512),
    ],
)
def test_the_length_is_the_smallest_limit(
    kind: str, positions: int | None, tokenizer_limit: int, wanted: int, expected: int
) -> None:
    model = SimpleNamespace(
        config=SimpleNamespace(max_position_embeddings=positions, model_type=kind)
    )
    tokenizer = SimpleNamespace(model_max_length=tokenizer_limit)
    assert max_length(model, tokenizer, wanted) == expected
