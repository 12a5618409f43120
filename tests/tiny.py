"""Small real models and data: safetensors with random weights, a word-level tokenizer, messages."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

HIDDEN, LAYERS, FEED, POSITIONS = 32, 2, 64, 64

TOPICS = {
    "card": ("my card is lost", "the card was stolen", "block my card now", "card does not work"),
    "loan": ("i need a loan", "what does the loan cost", "pay back my loan", "loan was refused"),
    "rate": ("what is the rate", "the rate is too high", "exchange rate today", "rate for euro"),
}
WORDS = sorted({w for texts in TOPICS.values() for t in texts for w in t.split()})
FILLERS = ("please", "hello", "today", "again", "thanks", "urgent", "maybe", "sorry")


def messages(rows: int, seed: int = 0) -> list[tuple[str, str]]:
    """Rows of text and label that a tiny model can learn."""
    rng = random.Random(seed)
    found = []
    for index in range(rows):
        label = list(TOPICS)[index % len(TOPICS)]
        words = [rng.choice(FILLERS), *rng.choice(TOPICS[label]).split(), rng.choice(FILLERS)]
        found.append((" ".join(words), label))
    return found


def write_messages(path: Path, rows: int, seed: int = 0) -> Path:
    lines = ["text,label", *(f"{text},{label}" for text, label in messages(rows, seed))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_bert(folder: Path, *, seed: int = 0, others: int = 0) -> Path:
    """A BertModel folder as the hub has them: config, tokenizer, safetensors.

    Args:
        others: Words that it knows beside those of the messages.
    """
    folder.mkdir(parents=True)
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *FILLERS]
    vocab += [f"other{number}" for number in range(others)]
    config = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "vocab_size": len(vocab),
        "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 2,
        "intermediate_size": FEED,
        "max_position_embeddings": POSITIONS,
        "type_vocab_size": 2,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "layer_norm_eps": 1e-12,
        "pad_token_id": 0,
        "initializer_range": 0.02,
    }
    (folder / "config.json").write_text(json.dumps(config))
    _write_tokenizer(folder, vocab)
    rng = np.random.default_rng(seed)
    tensors = {
        name: (np.ones(shape) if "LayerNorm.weight" in name else np.zeros(shape))
        if len(shape) == 1
        else rng.normal(0, 0.1, shape)
        for name, shape in _shapes(len(vocab)).items()
    }
    save_file(
        {name: value.astype(np.float32) for name, value in tensors.items()},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    return folder


def _shapes(vocab: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (vocab, HIDDEN),
        "embeddings.position_embeddings.weight": (POSITIONS, HIDDEN),
        "embeddings.token_type_embeddings.weight": (2, HIDDEN),
        "embeddings.LayerNorm.weight": (HIDDEN,),
        "embeddings.LayerNorm.bias": (HIDDEN,),
        "pooler.dense.weight": (HIDDEN, HIDDEN),
        "pooler.dense.bias": (HIDDEN,),
    }
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}"
        for part in ("query", "key", "value"):
            shapes[f"{at}.attention.self.{part}.weight"] = (HIDDEN, HIDDEN)
            shapes[f"{at}.attention.self.{part}.bias"] = (HIDDEN,)
        shapes[f"{at}.attention.output.dense.weight"] = (HIDDEN, HIDDEN)
        shapes[f"{at}.attention.output.dense.bias"] = (HIDDEN,)
        shapes[f"{at}.intermediate.dense.weight"] = (FEED, HIDDEN)
        shapes[f"{at}.intermediate.dense.bias"] = (FEED,)
        shapes[f"{at}.output.dense.weight"] = (HIDDEN, FEED)
        shapes[f"{at}.output.dense.bias"] = (HIDDEN,)
        for norm in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes[f"{at}.{norm}.weight"] = (HIDDEN,)
            shapes[f"{at}.{norm}.bias"] = (HIDDEN,)
    return shapes


def _write_tokenizer(folder: Path, vocab: list[str]) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    ids = {word: i for i, word in enumerate(vocab)}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "model_max_length": POSITIONS,
                "pad_token": "[PAD]",
                "unk_token": "[UNK]",
                "cls_token": "[CLS]",
                "sep_token": "[SEP]",
                "mask_token": "[MASK]",
            }
        )
    )
