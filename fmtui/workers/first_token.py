"""Computing of an encoder's last layer only what the head reads: the first token.

Classifiers of the BERT family look at the first token's last hidden state alone. Up to the last
layer's attention every token matters to it; what comes after, three quarters of that layer, is
needed for one token of each text. Of six layers that is an eighth of all work, of twelve a
sixteenth, and the answer is the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from fmtui.workers.forward import answering

_AFTER_ATTENTION = ("attention.output", "attention.LayerNorm", "sa_layer_norm", "mlp_norm")
"""The first module of a layer that follows its attention, as the model families name it."""

_REVERSED = ("reformer",)
"""Families that compute a layer's inputs anew from its outputs: those must be whole."""


def read_first(model: nn.Module, batch: Mapping[str, Any]) -> bool:
    """Let the last layer compute the first token alone, if that changes no logits of `batch`.

    Whether it does is tried: a head may pool in its own way. Returns whether it is done.

    Args:
        batch: Inputs of some texts of different lengths, padded.
    """
    place = _place(model)
    if place is None:
        return False
    with answering(model):
        expected = _logits(model, batch)
        hook = place.register_forward_pre_hook(_first_alone)
        found = _logits(model, batch)
    if _alike(expected, found):
        return True
    hook.remove()
    return False


def _place(model: nn.Module) -> nn.Module | None:
    """What follows the attention of the last layer, None in a model that is built otherwise."""
    if model.config.model_type in _REVERSED:
        return None
    stacks = [m for m in model.modules() if isinstance(m, nn.ModuleList) and len(m)]
    last = max(stacks, key=len)[-1] if stacks else nn.Identity()
    for path in _AFTER_ATTENTION:
        with contextlib.suppress(AttributeError):
            return last.get_submodule(path)
    return None


def _first_alone(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Of what a layer hands on, hidden states alone have tokens: (texts, tokens, width)."""
    return tuple(
        states[:, :1] if isinstance(states, torch.Tensor) and states.dim() == 3 else states
        for states in inputs
    )


def _logits(model: nn.Module, batch: Mapping[str, Any]) -> torch.Tensor | None:
    with contextlib.suppress(RuntimeError, IndexError, AttributeError):
        logits = model(**batch).logits
        return logits if isinstance(logits, torch.Tensor) else None
    return None


def _alike(a: torch.Tensor | None, b: torch.Tensor | None) -> bool:
    if a is None or b is None or a.shape != b.shape:
        return False
    return bool(torch.allclose(a.float(), b.float(), rtol=1e-3, atol=1e-4))
