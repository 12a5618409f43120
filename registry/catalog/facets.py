"""What the catalogue can be filtered by: the kinds, a model's values of each, bounds of size."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from registry.errors import UsageError

KINDS = ("source", "task", "finetune_task", "license", "gated", "size")
"""What is counted, and can be filtered by; whether a model is imported is known elsewhere."""

SIZES = ("<100M", "<1G", "<10G", ">=10G")
"""The bounds that are counted and offered; any other can be typed."""

_BOUND = re.compile(r"\s*(<=|>=|<|>)?\s*(\d+(?:\.\d+)?)\s*([KMGT]?)B?\s*", re.IGNORECASE)


def values(
    source: str,
    tasks: str,
    finetune_tasks: str,
    license: str | None,
    gated: int,
    size_bytes: int | None,
) -> Iterator[tuple[str, str]]:
    """A row's facets, as kind and value; the two lists of tasks as the table holds them (JSON).

    Values that differ in case alone are one.
    """
    yield "source", source.lower()
    for task in json.loads(tasks):
        yield "task", task.lower()
    for task in json.loads(finetune_tasks):
        yield "finetune_task", task.lower()
    if license:
        yield "license", license.lower()
    yield "gated", "yes" if gated else "no"
    if size_bytes is not None:
        for bound, (low, high) in OFFERED.items():
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


OFFERED = {bound: bytes_between(bound) for bound in SIZES}
"""The offered bounds with what they let through."""
