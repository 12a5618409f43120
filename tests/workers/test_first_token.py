"""The last layer computes the first token alone where the head reads no other, and nowhere else."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
)

from fmtui.workers.first_token import read_first

SMALL = {
    "vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2,
    "intermediate_size": 32, "max_position_embeddings": 40, "num_labels": 3, "pad_token_id": 1,
    "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "classifier_dropout": 0.0,
    "embedding_size": 16,
}  # fmt: skip
DISTILBERT = {
    "vocab_size": 50, "dim": 16, "n_layers": 3, "n_heads": 2, "hidden_dim": 32, "num_labels": 3,
    "dropout": 0.0, "attention_dropout": 0.0, "seq_classif_dropout": 0.0,
}  # fmt: skip
MODERNBERT = SMALL | {
    "cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3,
    "attention_dropout": 0.0, "embedding_dropout": 0.0, "mlp_dropout": 0.0,
}  # fmt: skip

FIRST = {
    "bert": SMALL,
    "roberta": SMALL,
    "electra": SMALL,
    "mpnet": SMALL,
    "deberta-v2": SMALL | {"pooler_dropout": 0.0, "pooler_hidden_size": 16},
    "distilbert": DISTILBERT,
    "modernbert": MODERNBERT | {"classifier_pooling": "cls"},
    "ibert": SMALL,  # hands on scales, or None, beside hidden states
}
OTHERWISE = {
    "modernbert": MODERNBERT | {"classifier_pooling": "mean"},  # reads every token
    "gpt2": {
        "vocab_size": 50, "n_embd": 16, "n_layer": 2, "n_head": 2, "num_labels": 3,
        "pad_token_id": 1,
    },
    "reformer": {  # its backward pass takes layers back
        "vocab_size": 50, "hidden_size": 16, "attention_head_size": 8, "num_attention_heads": 2,
        "feed_forward_size": 32, "attn_layers": ["local", "local"], "axial_pos_embds": False,
        "max_position_embeddings": 64, "num_labels": 3, "hidden_dropout_prob": 0.0,
        "local_attention_probs_dropout_prob": 0.0, "is_decoder": False, "pad_token_id": 1,
        "axial_pos_embds_dim": [8, 8],
    },
}  # fmt: skip


def made(auto: Any, kind: str, options: dict[str, Any]) -> Any:
    torch.manual_seed(0)
    model = auto.from_config(AutoConfig.for_model(kind, **options))
    for parameter in model.parameters():  # no zeros: every weight must matter
        nn.init.normal_(parameter, std=0.3)
    return model


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    ids = torch.tensor([[2, 7, 8, 3, 1, 1, 1], [2, 9, 10, 11, 12, 13, 3]])
    return {"input_ids": ids, "attention_mask": (ids != 1).long()}


def losses(model: Any, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Gradients by name, zero where there is none."""
    model.train()
    model.zero_grad()
    model(**batch, labels=torch.tensor([0, 2])).loss.backward()
    return {
        name: torch.zeros_like(p) if p.grad is None else p.grad.clone()
        for name, p in model.named_parameters()
    }


@pytest.mark.parametrize("kind", FIRST)
def test_what_is_learnt_is_the_same(kind: str, batch: dict[str, torch.Tensor]) -> None:
    plain = made(AutoModelForSequenceClassification, kind, FIRST[kind])
    model = copy.deepcopy(plain).train()
    assert read_first(model, batch)
    assert model.training
    expected, found = losses(plain, batch), losses(model, batch)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-4, msg=name)
    plain.eval(), model.eval()
    other = {name: rows[:, :5] for name, rows in batch.items()}
    torch.testing.assert_close(model(**other).logits, plain(**other).logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", FIRST)
def test_less_is_computed(kind: str, batch: dict[str, torch.Tensor]) -> None:
    model = made(AutoModelForSequenceClassification, kind, FIRST[kind]).eval()
    before = _multiplications(model, batch)
    assert read_first(model, batch)
    assert _multiplications(model, batch) < 0.9 * before


@pytest.mark.parametrize("kind", OTHERWISE)
def test_a_head_that_reads_more_gets_all(kind: str, batch: dict[str, torch.Tensor]) -> None:
    model = made(AutoModelForSequenceClassification, kind, OTHERWISE[kind]).eval()
    before = model(**batch).logits
    assert not read_first(model, batch)
    torch.testing.assert_close(model(**batch).logits, before)


def test_labels_of_tokens_need_every_token(batch: dict[str, torch.Tensor]) -> None:
    model = made(AutoModelForTokenClassification, "bert", SMALL).eval()
    assert not read_first(model, batch)
    assert model(**batch).logits.shape == (2, 7, 3)


def _multiplications(model: Any, batch: dict[str, torch.Tensor]) -> int:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        model(**batch)
    return int(counter.get_total_flops())
