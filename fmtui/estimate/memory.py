"""How much memory training takes: weights, gradients, the optimizer's moments, activations.

What a layer keeps of a token for the way back is, in multiples of its width, that of Korthikanti et
al. 2022, "Reducing Activation Recomputation in Large Transformer Models", table 2; the share that
comes on top of it was measured with transformers on a CPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fmtui.estimate.shape import Shape
from fmtui.estimate.work import Work

_FULL = 4
_IMPORTED = 600_000_000
"""A worker with all that it imports, before there is a model."""

_CUDA = 600_000_000
"""What a process takes of a GPU before it puts anything there."""

_MOMENTS = {"adafactor": 0.02, "adamw_bnb_8bit": 2.0, "paged_adamw_8bit": 2.0}
"""Bytes that an optimizer keeps a parameter; AdamW keeps two numbers of four."""
_ADAMW = 8.0

_IN_4_BITS = 0.56
"""Bytes a parameter: half a byte, and the scales of each block."""

MOST_WORDS = 0.8
"""Where the data uses more of the word embeddings than this share, all are trained."""

_LINEAR = {"attention": 4, "feed": 2}


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes on one process, by what takes them."""

    program: int
    weights: int
    gradients: int
    optimizer: int
    activations: int

    @property
    def total(self) -> int:
        return self.program + self.weights + self.gradients + self.optimizer + self.activations

    def as_json(self) -> dict[str, int]:
        return asdict(self)


def memory(
    shape: Shape,
    work: Work,
    settings: Mapping[str, Any],
    *,
    gpu: bool,
    processes: int = 1,
    distributed: str = "ddp",
    idle: int = 0,
) -> Memory:
    """What one process needs.

    Args:
        idle: Parameters of the word embeddings that are not trained, as `idle_words` has them.
        gpu: Whether a GPU computes: then this is the GPU's memory.
        distributed: ddp keeps all in each process; deepspeed (ZeRO) spreads the optimizer, in its
            third stage the weights too; fsdp spreads everything.
    """
    trained = trainable(shape, settings) - idle
    spread = processes if distributed != "ddp" else 1
    stage3 = distributed == "fsdp" or settings.get("deepspeed_stage") == "3"
    frozen = shape.parameters - trained if settings.get("apply_lora") else 0
    each = _IN_4_BITS if settings.get("load_in_4bit") else _FULL
    weights = frozen * each + (shape.parameters - frozen) * _FULL
    if idle:  # those that are trained lie beside the whole matrix
        weights += (shape.table - idle) * _FULL
    half = _half(settings, gpu=gpu)
    if half:  # autocast keeps a copy of what it multiplies with
        weights += 2 * shape.active
    moments = _MOMENTS.get(str(settings.get("optim")), _ADAMW)
    return Memory(
        program=_CUDA if gpu else _IMPORTED,
        weights=round(weights / (spread if stage3 else 1)),
        gradients=round(trained * _FULL / spread),
        optimizer=round(trained * moments / spread),
        activations=round(_activations(shape, work, settings, half=half, gpu=gpu)),
    )


def _half(settings: Mapping[str, Any], *, gpu: bool) -> bool:
    """Whether it computes in 16 bits; where the probe will decide, a GPU does."""
    chosen = settings.get("precision", "auto")
    return chosen in ("16", "bf16") or (chosen == "auto" and gpu)


def trainable(shape: Shape, settings: Mapping[str, Any]) -> int:
    """The parameters that are trained: all, or those of LoRA's two thin matrices a layer."""
    if not settings.get("apply_lora"):
        return shape.parameters
    rank = int(settings["lora_r"])
    feeds = 3 if shape.gated else _LINEAR["feed"]
    attention = _LINEAR["attention"] * 2 * shape.hidden
    feed = feeds * (shape.hidden + shape.feed)
    across = shape.decoder_layers * attention  # a decoder attends to the encoder too
    return rank * (shape.all_layers * (attention + feed) + across)


def idle_words(
    shape: Shape, words: int | None, settings: Mapping[str, Any], *, task: str, distributed: str
) -> int:
    """Parameters of the word embeddings that no row uses and no step trains.

    Args:
        words: Different tokens in all rows, None where that is not known.
    """
    reads = not shape.decoder_layers and (task != "text-generation" or shape.tables > 1)
    if words is None or settings.get("apply_lora") or not reads or distributed != "ddp":
        return 0
    return 0 if words > MOST_WORDS * shape.vocabulary else (shape.vocabulary - words) * shape.hidden


def _activations(
    shape: Shape, work: Work, settings: Mapping[str, Any], *, half: bool, gpu: bool
) -> float:
    """What the way forward keeps for the way back, of the largest batch."""
    size = 2 if half else _FULL
    tokens = work.batch_tokens
    across = 1.3 if shape.decoder_layers else 1.0
    feeds = 4 if shape.gated else 3
    kept = 11 * shape.hidden + feeds * shape.feed
    # The scores of attention are kept where no fused kernel computes them: on a CPU.
    scores = 0 if gpu else 5 * shape.heads * work.batch_length
    a_layer = tokens * size * (kept + scores) * across
    if settings.get("gradient_checkpointing"):
        layers = a_layer + tokens * size * shape.hidden * shape.all_layers
    else:
        layers = a_layer * shape.all_layers
    # Scores of the vocabulary: as they are, in full precision for the loss, and their gradient.
    vocabulary = work.batch_targets * shape.vocabulary * (size + 2 * _FULL)
    return layers + vocabulary
