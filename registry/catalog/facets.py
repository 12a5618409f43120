"""Words in the search index that nobody can type: they hold what one filters by.

A facet's word begins with a character of Unicode's private use area, which FTS5's unicode61
takes for a letter; so one index answers words and filters in one pass. A size is held by the
step of a ladder (1, 2, 5, 10 kB and so on) that it stands on: a bound that is one of the ladder's
needs no look at a row.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from registry.errors import UsageError

KINDS = ("source", "task", "finetune_task", "license", "gated", "size")
"""What is counted, and can be filtered by; whether a model is imported is known elsewhere."""

SIZES = ("<100M", "<1G", "<10G", ">=10G")
"""The bounds that are counted and offered; any other can be typed."""

_MARK = {kind: chr(0xE000 + i) for i, kind in enumerate(KINDS)}
_ESCAPE = "\ue0ff"
_OTHER = re.compile(r"[^a-z0-9]")
_LADDER = tuple(figure * 10**power for power in range(3, 15) for figure in (1, 2, 5))
_BOUND = re.compile(r"\s*(<=|>=|<|>)?\s*(\d+(?:\.\d+)?)\s*([KMGT]?)B?\s*", re.IGNORECASE)


def word(kind: str, value: str) -> str:
    """The index's word for a facet's value; case does not count."""
    body = _OTHER.sub(lambda m: f"{_ESCAPE}{ord(m[0]):x}{_ESCAPE}", value.lower())
    return _MARK[kind] + body


def values(
    source: str,
    tasks: str,
    finetune_tasks: str,
    license: str | None,
    gated: int,
    size_bytes: int | None,
) -> Iterator[tuple[str, str]]:
    """A row's facets, as kind and value; the two lists of tasks as the table holds them (JSON)."""
    yield "source", source
    for task in json.loads(tasks):
        yield "task", task
    for task in json.loads(finetune_tasks):
        yield "finetune_task", task
    if license:
        yield "license", license
    yield "gated", "yes" if gated else "no"
    if size_bytes is not None:
        yield "size", str(bisect_right(_LADDER, size_bytes))
        for bound, (low, high) in _OFFERED:
            if low <= size_bytes and (high is None or size_bytes < high):
                yield "size", bound


def bytes_between(bound: str) -> tuple[int, int | None]:
    """The sizes that a bound such as `<1G`, `>=500M` or `2G` (at most) lets through.

    Returns:
        The least size in bytes, and the first that is too large, None for no end.

    Raises:
        UsageError: the text is no bound.
    """
    match = _BOUND.fullmatch(bound)
    if match is None:
        raise UsageError(
            f"`{bound}` is no size", hint="Write a bound such as `<1G`, `<=500M` or `>=10G`."
        )
    sign, figure, unit = match.groups()
    size = round(float(figure) * 1000 ** " KMGT".index(unit.upper() or " "))
    if sign == "<":
        return 0, size
    if sign == ">=":
        return size, None
    return (size + 1, None) if sign == ">" else (0, size + 1)


def size_match(low: int, high: int | None) -> tuple[str, bool]:
    """The search for sizes from `low` up to `high`, and whether it needs no look at the rows."""
    for bound, ends in _OFFERED:
        if ends == (low, high):
            return f'"{word("size", bound)}"', True
    first = bisect_right(_LADDER, low)
    last = len(_LADDER) if high is None else bisect_left(_LADDER, high)
    exact = (low == 0 or low in _LADDER) and (high is None or high in _LADDER)
    steps = range(first, max(first, last) + 1)
    return "(" + " OR ".join(f'"{word("size", str(step))}"' for step in steps) + ")", exact


_OFFERED = [(bound, bytes_between(bound)) for bound in SIZES]
