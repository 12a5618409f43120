"""Lengths are counted in the model's own tokens, and held against its limit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fmtui.data.checks import lengths
from fmtui.errors import BadInputError
from fmtui.tasks import get_task
from fmtui.tasks.base import Examples
from tests.tiny import POSITIONS

TASK = get_task("text-classification")


def examples(*texts: str) -> Examples:
    records = [{"text": text, "label": "a"} for text in texts]
    return Examples(records, list(range(1, len(texts) + 1)), [], [], [])


def test_tokens_are_those_that_transformers_would_make(bert: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(bert)
    texts = ["my card is lost", "unheard of, this", "loan " * 200]
    pairs = [("my card", "is lost"), ("what", "")]
    assert lengths.count_tokens(bert, texts) == [len(ids) for ids in tokenizer(texts)["input_ids"]]
    assert lengths.count_tokens(bert, pairs) == [
        len(ids) for ids in tokenizer([a for a, _ in pairs], [b for _, b in pairs])["input_ids"]
    ]
    words = [["my", "card"], ["is", "un,heard"]]
    assert lengths.count_tokens(bert, words) == [
        len(ids) for ids in tokenizer(words, is_split_into_words=True)["input_ids"]
    ]


def test_what_would_be_cut_is_counted(bert: Path) -> None:
    found = examples("card", "card " * 62, "card " * 98)
    (part,) = lengths.measure(TASK, found, model=bert)
    assert (part.unit, part.limit, part.longest) == ("token", POSITIONS, 100)
    assert (part.over, part.rows) == (1, (3,))
    assert part.cut == pytest.approx(36 / (3 + 64 + 100))
    (warning,) = lengths.find("d.csv", [part], 3)
    assert "1 of 3 rows are longer than 64 tokens (text): 21.6%" in warning.message
    assert warning.rows == (3,)


def test_a_shorter_limit_counts_and_windows_cut_nothing(bert: Path) -> None:
    (part,) = lengths.measure(TASK, examples("card " * 10), model=bert, limit=8)
    assert (part.limit, part.over) == (8, 1)
    task = get_task("question-answering")
    record = {"question": "what", "context": "card " * 100, "answers": []}
    (part,) = lengths.measure(task, Examples([record], [1], [], [], []), model=bert)
    assert part.over == 1
    assert lengths.find("d.csv", [part], 1) == []


def test_without_a_model_words_are_counted() -> None:
    found = examples("three words here", "我爱北京", "")
    (part,) = lengths.measure(TASK, found)
    assert (part.unit, part.limit, part.over) == ("word", 0, 0)
    assert part.longest == 5
    assert sum(rows for _, _, rows in part.bins) == 2  # the empty text is below the first bin


def test_every_row_is_in_a_bin() -> None:
    found = examples(*("w " * n for n in (1, 2, 3, 40, 50, 77, 500)))
    (part,) = lengths.measure(TASK, found)
    assert sum(rows for _, _, rows in part.bins) == 7
    assert part.bins[-1][1] >= 500
    assert all(low <= high for low, high, _ in part.bins)
    edges = [(a[1] + 1, b[0]) for a, b in zip(part.bins, part.bins[1:], strict=False)]
    assert all(end == start for end, start in edges)


def test_very_many_rows_are_sampled(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lengths, "SAMPLE", 50)
    found = examples(*(["card"] * 100 + ["card " * 90] * 100))
    (part,) = lengths.measure(TASK, found, model=bert)
    assert part.counted == 50
    (warning,) = lengths.find("d.csv", [part], 200)
    assert warning.message.startswith("about ")


@pytest.mark.parametrize(
    ("config", "tokenizer", "limit"),
    [
        ({"max_position_embeddings": 512}, {"model_max_length": 256}, 256),
        ({"max_position_embeddings": 514, "model_type": "roberta"}, {}, 512),
        ({"n_positions": 1024}, {"model_max_length": 1e30}, 1024),
        ({}, {}, 512),
    ],
)
def test_the_limit_is_the_lowest_that_counts(
    tmp_path: Path, config: dict[str, object], tokenizer: dict[str, object], limit: int
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    assert lengths.limit_of(tmp_path) == limit


def test_a_model_without_a_tokenizer_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="leave the model out to count words"):
        lengths.measure(TASK, examples("card"), model=tmp_path)
