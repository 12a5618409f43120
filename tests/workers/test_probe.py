"""Which precision is taken follows from what passes cost, and no more are made than are needed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from fmtui.workers import probe

LAYER_SLOW = [9, 1.0, 6.0]
LAYER_FAST = [9, 1.0, 1.2, 1.0, 0.4]


@pytest.mark.parametrize(
    ("costs", "precision", "reason"),
    [
        (LAYER_SLOW, "32", "bf16 is slower here"),
        ([*LAYER_FAST, 90, 70, 98], "32", "bf16 is slower here"),
        ([*LAYER_FAST, 90, 70, 80, 62, 60], "32", "bf16 is hardly faster here"),
        ([*LAYER_FAST, 90, 70, 80, 62, 31], "bf16", "bf16 is 2.0 times faster here"),
    ],
)
def test_passes_are_made_until_they_tell(
    costs: list[float], precision: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = list(costs)
    monkeypatch.setattr(probe, "_seconds", lambda loss, dtype: left.pop(0))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    config = SimpleNamespace(get_text_config=lambda: SimpleNamespace(hidden_size=8))
    model: Any = SimpleNamespace(config=config, zero_grad=lambda **_: None)
    assert probe._measured(model, {}) == (precision, reason)
    assert left == []
