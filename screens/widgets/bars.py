"""Counts as bars, a line each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from fmtui.services.text import one_line
from screens.widgets.record_list import fit
from screens.widgets.states import MUTED


@dataclass(frozen=True)
class Bar:
    """A line: its name, how many, and a style of the bar; a line below it, where there is one."""

    name: str
    count: int
    style: str = MUTED
    below: str = ""


def bars(rows: Sequence[Bar], width: int, *, right: bool = False) -> Content:
    """Bars in proportion to the longest, in `width` cells; `right` aligns their names."""
    if not rows:
        return Content()
    most = max(max(row.count for row in rows), 1)
    names = min(max(len(one_line(row.name)) for row in rows), max(width // 2 - 12, 8))
    room = max(width - names - 14, 4)
    parts: list[str | tuple[str, str]] = []
    for row in rows:
        length = max(1, round(row.count / most * room)) if row.count else 0
        name = fit(one_line(row.name), names, right=right)
        parts += [f"{name} {row.count:>9,}  ", ("━" * length, row.style), "\n"]
        if row.below:
            parts += [(" " * (names + 12) + row.below, "$text-warning"), "\n"]
    return Content.assemble(*parts)
