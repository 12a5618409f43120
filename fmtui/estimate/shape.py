"""A model's dimensions, from its configuration and the headers of its weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry import weights
from registry.errors import BadInputError

_BYTES_A_PARAMETER = 4


@dataclass(frozen=True, slots=True)
class Shape:
    """What computing costs depend on.

    `layers` are the encoder's, or all of a model that has one stack; `decoder_layers` the further
    ones of a model with two. `tables` counts its vocabulary matrices (2 where the output has one
    of its own). `active` are the parameters that a token passes: fewer than all where experts are
    chosen. `positions` are those that have weights, None where none do.
    """

    parameters: int
    active: int
    hidden: int
    layers: int
    decoder_layers: int
    heads: int
    feed: int
    vocabulary: int
    tables: int
    positions: int | None
    gated: bool

    @property
    def table(self) -> int:
        """Parameters of one vocabulary matrix."""
        return self.vocabulary * self.hidden

    @property
    def body(self) -> int:
        """The parameters that every token is multiplied with: all but tables of embeddings."""
        looked_up = self.tables * self.table + (self.positions or 0) * self.hidden
        return max(self.active - looked_up, self.active // 20, 1)

    @property
    def all_layers(self) -> int:
        return self.layers + self.decoder_layers


def shape_of(folder: Path, parameters: int | None = None) -> Shape:
    """The shape of the model in a folder.

    Args:
        parameters: How many it has, where that was counted already.

    Raises:
        BadInputError: its configuration can't be read.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInputError(f"can't be read: {error}", file=str(folder / "config.json")) from error
    if not isinstance(config, dict):
        raise BadInputError("is no model's configuration", file=str(folder / "config.json"))
    config = {**config, **(config.get("text_config") or {})}
    hidden = _first(config, "hidden_size", "d_model", "n_embd", "dim", default=768)
    decoder = _first(config, "decoder_layers", "num_decoder_layers", default=0)
    layers = _first(
        config, "encoder_layers", "num_hidden_layers", "num_layers", "n_layer", "n_layers",
        default=12,
    )  # fmt: skip
    both = bool(config.get("is_encoder_decoder"))
    feed = _first(
        config, "intermediate_size", "d_ff", "encoder_ffn_dim", "ffn_dim", "n_inner", "hidden_dim",
        default=4 * hidden,
    )  # fmt: skip
    vocabulary = _first(config, "vocab_size", default=30_000)
    names = _tensors(folder)
    counted = parameters or _size(folder) // _BYTES_A_PARAMETER
    gated = any(name.endswith(("gate_proj.weight", "wi_0.weight")) for name in names)
    experts, chosen = (
        _first(config, "num_local_experts", "num_experts", "n_routed_experts", default=1),
        _first(config, "num_experts_per_tok", default=1),
    )
    idle = max(experts - chosen, 0) * 3 * hidden * feed * layers if experts > 1 else 0
    return Shape(
        parameters=counted,
        active=max(counted - idle, 1),
        hidden=hidden,
        layers=layers,
        decoder_layers=(decoder or layers) if both else 0,
        heads=_first(
            config, "num_attention_heads", "encoder_attention_heads", "n_head", "n_heads",
            "num_heads", default=12,
        ),
        feed=feed,
        vocabulary=vocabulary,
        tables=2 if "lm_head.weight" in names else 1,
        positions=_positions(config) if any("position" in n or "wpe" in n for n in names) else None,
        gated=gated,
    )  # fmt: skip


def _first(config: dict[str, Any], *names: str, default: int) -> int:
    for name in names:
        value = config.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return default


def _positions(config: dict[str, Any]) -> int | None:
    found = _first(config, "max_position_embeddings", "n_positions", "max_seq_len", default=0)
    return found if found > 0 else None


def _tensors(folder: Path) -> frozenset[str]:
    """The names of a model's tensors; none where its weights can't be read."""
    try:
        if (folder / weights.INDEX).is_file():
            index = json.loads((folder / weights.INDEX).read_text(encoding="utf-8"))
            return frozenset(index["weight_map"])
        return frozenset(weights.read(folder / weights.SINGLE).names)
    except (OSError, ValueError, KeyError, TypeError, BadInputError):
        return frozenset()


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))
