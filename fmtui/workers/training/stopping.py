"""Early stopping that needs no memory of its own: what was measured so far decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from transformers import TrainerCallback


def without_gain(
    history: Iterable[Mapping[str, Any]], metric: str, *, greater: bool, threshold: float
) -> int:
    """How many measurements in a row, up to the last, were no gain.

    One is a gain where it is better than the best before it by more than `threshold`.

    Args:
        history: The Trainer's log, in which measurements have a key `eval_METRIC`.
    """
    best: float | None = None
    count = 0
    for entry in history:
        value = entry.get(f"eval_{metric}")
        if value is None:
            continue
        if value != value:  # not a number
            count += 1
            continue
        gain = None if best is None else (value - best if greater else best - value)
        count = 0 if gain is None or gain > threshold else count + 1
        if gain is None or gain > 0:
            best = value
    return count


class EarlyStopping(TrainerCallback):  # type: ignore[misc]
    """Ends the training after `patience` measurements without gain, also where it is resumed."""

    def __init__(self, patience: int, threshold: float) -> None:
        self.patience = patience
        self.threshold = threshold

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._decide(args, state, control)

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._decide(args, state, control)

    def _decide(self, args: Any, state: Any, control: Any) -> None:
        count = without_gain(
            state.log_history,
            args.metric_for_best_model.removeprefix("eval_"),
            greater=args.greater_is_better,
            threshold=self.threshold,
        )
        if count >= self.patience:
            control.should_training_stop = True
