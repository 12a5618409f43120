"""Tiny models that write: real architectures of transformers with random weights."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

SPECIAL = ("<pad>", "</s>", "<unk>", "<s>", "<|im_start|>", "<|im_end|>")
POSITIONS = 128


def write_tokenizer(folder: Path, texts: Iterable[str]) -> Any:
    """A word-level tokenizer over the words of `texts`; it ends each text with `</s>`."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = sorted({word for text in texts for word in text.split()})
    ids = {word: i for i, word in enumerate([*SPECIAL, *words])}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", ids["</s>"])]
    )
    made = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        bos_token="<s>",
        additional_special_tokens=["<|im_start|>", "<|im_end|>"],
        model_max_length=POSITIONS,
    )
    made.save_pretrained(folder)
    return made


def write_seq2seq(folder: Path, texts: Iterable[str], *, seed: int = 0) -> Path:
    """A T5 of some twenty thousand parameters, with the prefixes that T5's files have."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    tokenizer = write_tokenizer(folder, texts)
    torch.manual_seed(seed)
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=32,
        d_kv=16,
        d_ff=64,
        num_layers=2,
        num_heads=2,
        dropout_rate=0.0,
        pad_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
    )
    config.task_specific_params = {
        "summarization": {"prefix": "summarize: "},
        "translation_en_to_pt": {"prefix": "translate English to Portuguese: "},
    }
    model = T5ForConditionalGeneration(config)
    for parameter in model.parameters():  # T5's own beginning writes nothing but padding
        torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    return folder


def write_causal(folder: Path, texts: Iterable[str], *, seed: int = 0) -> Path:
    """A Llama of some twenty thousand parameters."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = write_tokenizer(folder, texts)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=POSITIONS,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=3,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def write_byte_llama(folder: Path, texts: Iterable[str], *, seed: int = 0) -> Path:
    """A Llama of some million parameters, with byte-level pairs learnt from `texts`."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    pairs = Tokenizer(models.BPE())
    pairs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pairs.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<pad>", "</s>", "<s>"]
    trainer = trainers.BpeTrainer(
        vocab_size=2000, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    pairs.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=pairs, pad_token="<pad>", eos_token="</s>", bos_token="<s>",
        model_max_length=512,
    )  # fmt: skip
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=128, intermediate_size=384, num_hidden_layers=4,
        num_attention_heads=4, max_position_embeddings=512, pad_token_id=0, eos_token_id=1,
        bos_token_id=2,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder
