"""Checks of data before a run: what is no fault of a row by itself, but makes a model worse.

Each module looks for one thing and needs no torch: repeats, balance, leaks, lengths.
"""

from __future__ import annotations

from collections.abc import Mapping

from fmtui.data.checks import balance, leaks, repeats
from fmtui.data.report import Finding
from fmtui.tasks.base import Examples, Task


def check_rows(task: Task, name: str, columns: Mapping[str, str], found: Examples) -> list[Finding]:
    """What the rows of one table say about each other."""
    return repeats.find(task, name, columns, found) + balance.find(task, name, columns, found)


def check_parts(
    task: Task, parts: Mapping[str, Examples], files: Mapping[str, str], columns: Mapping[str, str]
) -> list[Finding]:
    """What parts that are to be apart share, and what one has that the first, to learn from, lacks.

    Args:
        parts: Splits or datasets by name, the one to learn from first.
        files: What errors call the file of each.
    """
    return leaks.find(task, parts, files) + balance.across(task, parts, files, columns)
