"""How the rows are shared out among the labels, in one table and across several."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from fmtui.data.checks.repeats import counted
from fmtui.data.report import Finding
from fmtui.tasks.base import Examples, Task, label_column

FEW = 5
"""Rows below which a label can hardly be learnt."""

MOST = 0.9
"""Share of the rows beyond which a label drowns all others."""

_LISTED = 3


def classes(task: Task, labels: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Rows by class; for tags it is spans by type, by their beginnings."""
    counts = dict(labels)
    if task.name == "token-classification":
        spans = {label[2:]: count for label, count in counts.items() if label.startswith("B-")}
        return spans or {label: count for label, count in counts.items() if label != "O"}
    return counts


def ordered(task: Task, labels: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Classes with their counts, those with most first."""
    return sorted(classes(task, labels).items(), key=lambda pair: (-pair[1], pair[0]))


def find(task: Task, name: str, columns: Mapping[str, str], found: Examples) -> list[Finding]:
    """Labels with few rows, one with nearly all, and labels that differ in their writing alone."""
    column = label_column(task, columns)
    counts = classes(task, found.labels)
    if column is None or not counts:
        return []
    findings = []
    rare = sorted(label for label, count in counts.items() if count < FEW)
    if rare:
        findings.append(
            Finding(
                f"{counted(len(rare), 'label')} with fewer than {FEW} examples: {_listing(rare)}",
                name, None, column, kind="labels with few examples",
            )
        )  # fmt: skip
    named = tuple(
        number
        for number, record in zip(found.numbers, found.records, strict=True)
        if column in task.labels_of(record)
    )
    if named:
        findings.append(
            Finding(
                f"`{column}` is the column's name and a label as well: is the header among the "
                "rows, or is the first line of the file no header?",
                name, named[0], column, kind="a label that is the column's name", rows=named,
            )
        )  # fmt: skip
    top, most = max(counts.items(), key=lambda pair: pair[1])
    share = most / sum(counts.values())
    if share >= MOST and len(counts) > 1:
        findings.append(
            Finding(
                f"`{top}` has {share:.1%} of the examples", name, None, column,
                kind="one label has nearly all examples",
            )
        )  # fmt: skip
    written = defaultdict(list)
    for label in counts:
        written["".join(label.casefold().split())].append(label)
    for alike in written.values():
        if len(alike) > 1:
            findings.append(
                Finding(
                    f"{_listing(sorted(alike))} differ in case or space alone", name, None, column,
                    kind="labels that differ in their writing alone",
                )
            )  # fmt: skip
    return findings


def across(
    task: Task, parts: Mapping[str, Examples], files: Mapping[str, str], columns: Mapping[str, str]
) -> list[Finding]:
    """Labels that are in some parts alone."""
    column = label_column(task, columns)
    if column is None or len(parts) < 2:
        return []
    found = {part: set(classes(task, examples.labels)) for part, examples in parts.items()}
    first, *others = parts
    findings = []
    for part in others:
        for has, lacks in ((part, first), (first, part)):
            alone = sorted(found[has] - found[lacks])
            if alone:
                findings.append(
                    Finding(
                        f"{counted(len(alone), 'label')} of {has} not in {lacks}: "
                        f"{_listing(alone)}",
                        files[has], None, column, kind="labels in one part alone",
                    )
                )  # fmt: skip
    return findings


def _listing(labels: list[str]) -> str:
    shown = ", ".join(f"`{label}`" for label in labels[:_LISTED])
    return shown + (" …" if len(labels) > _LISTED else "")
