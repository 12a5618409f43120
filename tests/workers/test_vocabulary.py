"""Training the words that the data has makes the model that training all of them makes."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)

from fmtui.workers.vocabulary import UsedRows, narrow
from tests.models import write_seq2seq
from tests.tiny import messages, write_bert

EMBEDDINGS = "bert.embeddings.word_embeddings.weight"
TEXTS = [text for text, _ in messages(24)]
UNSEEN = ["other3 other5 my card other60"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_bert(tmp_path / "model", others=100)


@pytest.fixture
def tokenizer(folder: Path) -> Any:
    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture
def model(folder: Path) -> Any:
    torch.manual_seed(0)
    return AutoModelForSequenceClassification.from_pretrained(folder, num_labels=3)


def train(model: Any, tokenizer: Any, steps: int = 5) -> None:
    torch.manual_seed(1)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.0)
    for step in range(steps):
        batch = tokenizer(TEXTS[step::steps], padding=True, return_tensors="pt")
        labels = torch.arange(len(batch["input_ids"])) % 3
        model(**batch, labels=labels).loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()


def test_the_trained_model_is_the_one_that_training_all_makes(model: Any, tokenizer: Any) -> None:
    whole, before = copy.deepcopy(model), model.state_dict()[EMBEDDINGS].clone()
    used = narrow(model, tokenizer(TEXTS), tokenizer.pad_token_id)
    assert used is not None
    assert model.get_input_embeddings().weight.shape[0] == used < 60
    train(whole, tokenizer)
    train(model, tokenizer)
    expected, found = whole.state_dict(), model.state_dict()
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-5, msg=name)
    changed = (found[EMBEDDINGS] != before).any(-1)
    assert 0 < changed.sum() < used  # not the padding, not what no batch had
    batch = tokenizer([*UNSEEN, *TEXTS], padding=True, return_tensors="pt")
    whole.eval(), model.eval()
    torch.testing.assert_close(model(**batch).logits, whole(**batch).logits, rtol=1e-3, atol=1e-4)


def test_what_is_saved_is_any_models_and_is_read_again(
    model: Any, tokenizer: Any, tmp_path: Path
) -> None:
    shape = model.state_dict()[EMBEDDINGS].shape
    narrow(model, tokenizer(TEXTS), tokenizer.pad_token_id)
    train(model, tokenizer)
    model.save_pretrained(tmp_path / "saved")
    weights = load_file(tmp_path / "saved" / "model.safetensors")
    assert weights[EMBEDDINGS].shape == shape
    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path / "saved").eval()
    batch = tokenizer([*UNSEEN, *TEXTS], padding=True, return_tensors="pt")
    model.eval()
    expected = model(**batch).logits
    torch.testing.assert_close(plain(**batch).logits, expected)

    train(model, tokenizer, 2)  # and back, as the Trainer loads a checkpoint's weights
    model.eval()
    assert not torch.allclose(model(**batch).logits, expected)
    missing = model.load_state_dict(weights, strict=True)
    assert not missing.missing_keys
    torch.testing.assert_close(model(**batch).logits, expected)


def test_a_token_that_was_not_counted_is_no_silent_mistake(model: Any, tokenizer: Any) -> None:
    narrow(model, tokenizer(TEXTS), tokenizer.pad_token_id)
    model.train()
    with pytest.raises(IndexError):
        model(**tokenizer(UNSEEN, return_tensors="pt"))


def test_where_all_rows_are_needed_all_are_trained(
    model: Any, tokenizer: Any, folder: Path
) -> None:
    every = {"input_ids": [list(range(model.config.vocab_size))]}
    assert narrow(model, every, 0) is None
    model.get_input_embeddings().weight.requires_grad = False
    assert narrow(model, tokenizer(TEXTS), tokenizer.pad_token_id) is None
    assert type(model.get_input_embeddings()) is nn.Embedding
    few = {"input_ids": [[1, 2]]}
    config = AutoConfig.for_model(
        "llama", vocab_size=50, hidden_size=8, intermediate_size=8, num_hidden_layers=1,
        num_attention_heads=2, tie_word_embeddings=True,
    )  # fmt: skip
    causal = AutoModelForCausalLM.from_config(config)
    assert narrow(causal, few, 0) is None  # its head is the same matrix
    hashes = AutoModelForSequenceClassification.from_config(
        AutoConfig.for_model("canine", hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
                             intermediate_size=16, num_hash_buckets=16, num_hash_functions=2)
    )  # fmt: skip
    assert narrow(hashes, few, 0) is None
    both = AutoModelForSeq2SeqLM.from_pretrained(write_seq2seq(folder.parent / "both", TEXTS))
    assert narrow(both, few, 0) is None


def test_it_moves_and_changes_its_type_as_a_whole() -> None:
    rows = UsedRows(nn.Embedding(10, 4, padding_idx=0), torch.tensor([0, 3, 7]))
    assert rows.padding_idx == 0
    assert (rows.bfloat16().base.dtype, rows.weight.dtype) == (torch.bfloat16, torch.bfloat16)
    assert rows.to("meta").base.device.type == "meta"
