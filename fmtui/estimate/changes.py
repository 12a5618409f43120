"""What to change where a run does not fit, with what it would need then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from fmtui.estimate.lengths import Lengths
from fmtui.tasks.settings import written

Changed = dict[str, str]

_OFFERED = 3


def smaller(
    settings: Mapping[str, Any],
    lengths: Lengths,
    need: Callable[[Mapping[str, Any], Lengths], int],
    room: int,
    *,
    quantized: bool,
) -> list[tuple[Changed, int]]:
    """Settings under which a run needs less, each with its bytes.

    Args:
        need: The bytes of memory under other settings and lengths.
        room: The bytes that there are.
        quantized: Whether weights can be held in 4 bits there.

    Returns:
        Those that fit, the least change first; else the one that needs least.
    """
    fitting: dict[tuple[str, ...], tuple[Changed, int]] = {}
    least: list[tuple[Changed, int]] = []
    for change in _candidates(settings, quantized=quantized):
        kind = tuple(change)
        if kind in fitting:
            continue
        bytes_ = need({**settings, **change}, _cut(lengths, change))
        told = ({name: written(value) for name, value in change.items()}, bytes_)
        if bytes_ <= room:
            fitting[kind] = told
        least = sorted([*least, told], key=lambda one: one[1])[:1]
    return list(fitting.values())[:_OFFERED] or least


def _candidates(settings: Mapping[str, Any], *, quantized: bool) -> list[dict[str, Any]]:
    """Changes by what they cost: first those that give the same result, then the cheaper ones."""
    batch = int(settings["per_device_train_batch_size"])
    accumulated = int(settings["gradient_accumulation_steps"])
    shrunk: list[dict[str, Any]] = []
    less = batch
    while less > 1:
        less //= 2
        shrunk.append(
            {
                "per_device_train_batch_size": less,
                "gradient_accumulation_steps": accumulated * (batch // less),
            }
        )
    again = {"gradient_checkpointing": True}
    lora = {"apply_lora": True}
    cuts: list[dict[str, Any]] = [{"max_seq_length": n} for n in (512, 256, 128)]
    last = {**(shrunk[-1] if shrunk else {}), **again, **lora}
    found = [*shrunk, again, lora, {"optim": "adafactor"}, *cuts, last]
    return [*found, {**last, "load_in_4bit": True}] if quantized else found


def _cut(lengths: Lengths, change: Mapping[str, Any]) -> Lengths:
    most = change.get("max_seq_length")
    if most is None:
        return lengths
    return replace(lengths, inputs=tuple(min(n, most) for n in lengths.inputs))
