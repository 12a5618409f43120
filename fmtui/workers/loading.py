"""A run's rows and its model, from what its spec says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fmtui.data.load import load_examples
from fmtui.errors import BadInputError
from fmtui.tasks.base import Examples, Task
from fmtui.workers import adapters
from fmtui.workers.harness import Worker

_NO_LIMIT = 1_000_000
"""Tokenizers without a limit report an absurdly large one."""


def examples(worker: Worker, role: str, task: Task) -> Examples:
    """The rows of `spec[role]`, checked against the fingerprint that the spec holds."""
    data = worker.spec[role]
    return load_examples(
        Path(data["path"]),
        task,
        data["columns"],
        part=data.get("split"),
        fingerprint=data["fingerprint"],
        drop_invalid=bool(worker.spec.get("drop_invalid")),
        name=data["ref"],
    )


def trusted(path: Path) -> bool:
    """Whether a person let this version run code of its own; its import recorded that."""
    return (path / "trust.json").is_file()


def load_tokenizer(path: Path, **options: Any) -> Any:
    """The tokenizer at `path`; one without a padding token (GPT-2's) pads with its end of text."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(
        path, local_files_only=True, trust_remote_code=trusted(path), **options
    )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    return tokenizer


def load_model(path: Path, auto_class: str, **options: Any) -> tuple[Any, list[str]]:
    """The model at `path` in fp32, its adapter merged, and the names of the parameters it lacked.

    Weights come from safetensors, code from transformers alone unless it is `trusted`. Raises
    BadInputError.
    """
    import torch
    import transformers

    try:
        model, info = getattr(transformers, auto_class).from_pretrained(
            path,
            local_files_only=True,
            trust_remote_code=trusted(path),
            use_safetensors=True,
            output_loading_info=True,
            **{"dtype": torch.float32} | options,
        )
    except ValueError as error:
        raise BadInputError(
            f"this model can't do it: {str(error).splitlines()[0]}",
            hint="Choose a model whose architecture has such a head.",
        ) from error
    except RuntimeError as error:
        if "ignore_mismatched_sizes" not in str(error):
            raise
        raise BadInputError(
            "the model's head is for other labels than the data's",
            hint="ignore_mismatched_sizes=true makes a new one.",
        ) from error
    fresh = sorted({*info["missing_keys"], *(key for key, *_ in info["mismatched_keys"])})
    if adapters.is_adapter(path):
        model, fresh = adapters.merged(model), []
    if getattr(model.config, "pad_token_id", None) is None:
        model.config.pad_token_id = model.config.eos_token_id  # as `load_tokenizer` pads
    return model, fresh


def max_length(model: Any, tokenizer: Any, wanted: int = -1) -> int:
    """Tokens that fit: what is wanted, the tokenizer's limit and the model's positions."""
    limits = [getattr(model.config, "max_position_embeddings", None), tokenizer.model_max_length]
    # RoBERTa's positions begin after the padding index: two of them can't be used.
    if model.config.model_type in ("roberta", "xlm-roberta", "camembert") and limits[0]:
        limits[0] -= 2
    known = [n for n in limits if n and n < _NO_LIMIT]
    if wanted > 0:
        known.append(wanted)
    return min(known, default=512)
