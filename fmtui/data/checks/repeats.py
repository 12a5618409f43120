"""Rows that say the same as an earlier one, or contradict it. Case and white space don't count."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from fmtui.data.report import Finding
from fmtui.tasks.base import Examples, Task, label_column

REPEATED = "rows that repeat an earlier one"
CONTRADICTED = "rows that contradict an earlier one"


def find(task: Task, name: str, columns: Mapping[str, str], found: Examples) -> list[Finding]:
    """Repeats, and contradictions where an input has but one answer."""
    first: dict[int, dict[Hashable, int]] = {}
    repeated: list[int] = []
    contradicted: list[tuple[int, int]] = []
    for number, record in zip(found.numbers, found.records, strict=True):
        answer = task.answer_of(record)
        earlier = first.setdefault(key_of(task.input_of(record)), {})
        if answer in earlier:
            repeated.append(number)
            continue
        if earlier:
            contradicted.append((number, next(iter(earlier.values()))))
        earlier[answer] = number
    findings = []
    if contradicted and task.one_answer:
        number, other = contradicted[0]
        findings.append(
            Finding(
                f"the same input as row {other} with another answer "
                f"({counted(len(contradicted), 'such row')})",
                name, number, label_column(task, columns) or columns.get("answers"),
                kind=CONTRADICTED,
                rows=tuple(sorted({row for pair in contradicted for row in pair})),
            )
        )  # fmt: skip
    if repeated:
        verb = "repeats" if len(repeated) == 1 else "repeat"
        findings.append(
            Finding(
                f"{counted(len(repeated), 'row')} {verb} an earlier row", name, repeated[0],
                kind=REPEATED, rows=tuple(repeated),
            )
        )  # fmt: skip
    return findings


def key_of(text: str) -> int:
    """64 bits that are the same for texts that differ in case and white space alone."""
    return hash(" ".join(text.casefold().split()))


def counted(count: int, word: str) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
