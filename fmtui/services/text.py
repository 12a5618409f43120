"""Words and numbers as people read them, and text from outside made harmless."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

_CONTROL = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|\x1b[ -/]*[0-~]?"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)


def clean(text: str) -> str:
    """Text from outside without control sequences, fit for a terminal (tab and newline stay).

    The marks that turn the direction of writing go too: with them a name can look like another.
    """
    return _CONTROL.sub("", text)


def one_line(text: str) -> str:
    """Like `clean`, on one line: runs of white space become one space."""
    return " ".join(clean(text).split())


def number(value: int | None) -> str:
    """A count as people read it: 22.7M, 1.3B."""
    if value is None:
        return "–"
    for limit, unit in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if value >= limit:
            scaled = value / limit
            return f"{scaled:.1f}{unit}" if scaled < 100 else f"{scaled:.0f}{unit}"
    return str(value)


def size(value: int | None) -> str:
    """Bytes as people read them, in powers of 1000."""
    if value is None:
        return "–"
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= limit:
            scaled = value / limit
            return f"{scaled:.1f} {unit}" if scaled < 100 else f"{scaled:.0f} {unit}"
    return f"{value} B"


def decimals(value: float) -> str:
    """A metric with as many places as tell: 0.7805, 62.41; what exploded as 2.688e+43."""
    if abs(value) >= 1e6:
        return f"{value:.4g}"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}"


def between(pair: tuple[float, float], joint: str = "–") -> str:
    """An interval: 0.7656–0.7948."""
    return joint.join(decimals(value) for value in pair)


def duration(seconds: float) -> str:
    """A stretch of time: 0:07, 2:41, 1:02:03."""
    whole = max(0, int(seconds))
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


_FIRST = {
    "perplexity": "ppl",
    "sacrebleu": "BLEU",
    "rouge1": "R-1",
    "f1": "f1",
    "accuracy": "acc",
}
"""What is told of a run where there is room for one figure, and its short name. The first that a
run has: of tokens there is an accuracy too, which says little where most of them are no entity."""


def headline(metrics: Mapping[str, float]) -> str | None:
    """The name of the figure that stands for all that was measured; None where none does."""
    return next((name for name in (*_FIRST, "loss") if metrics.get(name) is not None), None)


def result(metrics: Mapping[str, float]) -> str:
    """What was measured, in a word or two."""
    name = headline(metrics) or next(iter(metrics), None)
    if name is None:
        return ""
    value = metrics[name]
    digits = f"{value:.3f}" if abs(value) <= 1 else f"{value:.3g}"
    if abs(value) >= 1000:
        digits = f"{value:,.0f}"
    return f"{_FIRST.get(name, name)} {digits}"


def moment(text: str) -> datetime:
    """The time that the registry wrote. Raises ValueError for anything else."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def elapsed(start: str | None, end: str | None = None) -> float | None:
    """Seconds from `start` to `end` (until now where there is none), None before the start."""
    if not start:
        return None
    try:
        until = moment(end) if end else datetime.now(UTC)
        return max(0.0, (until - moment(start)).total_seconds())
    except ValueError:
        return None


def ago(text: str) -> str:
    """How long ago: `now`, `5 min`, `3 h`, `2 d`, later the day itself."""
    seconds = elapsed(text)
    if seconds is None:
        return "–"
    if seconds < 60:
        return "now"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    if seconds < 86_400:
        return f"{seconds / 3600:.0f} h"
    if seconds < 30 * 86_400:
        return f"{seconds / 86_400:.0f} d"
    return text[:10]
