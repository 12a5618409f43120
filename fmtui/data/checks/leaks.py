"""Rows that are to be learnt from and measured on as well: then a measure says too much."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from fmtui.data.checks.repeats import counted, key_of
from fmtui.data.report import Finding
from fmtui.tasks.base import Examples, Task

LEAKED = "rows that another part has too"
SHARED = "contexts that another part has too"


def find(task: Task, parts: Mapping[str, Examples], files: Mapping[str, str]) -> list[Finding]:
    """Inputs that two parts share, whatever their answers; and contexts, where rows have some."""
    inputs = {
        part: [key_of(task.input_of(record)) for record in examples.records]
        for part, examples in parts.items()
    }
    contexts = {
        part: [key_of(record["context"]) for record in examples.records if "context" in record]
        for part, examples in parts.items()
    }
    findings = []
    for one, other in combinations(parts, 2):
        numbers = parts[other].numbers
        leaked = _shared(inputs[one], inputs[other], numbers)
        if leaked:
            are = "is" if len(leaked) == 1 else "are"
            findings.append(
                Finding(
                    f"{counted(len(leaked), 'row')} of {other} {are} in {one} too "
                    f"({len(leaked) / len(numbers):.1%})",
                    files[other], leaked[0], kind=LEAKED, rows=tuple(leaked),
                )
            )  # fmt: skip
        together = _shared(contexts[one], contexts[other], numbers)
        if len(together) > len(leaked):
            findings.append(
                Finding(
                    f"{counted(len(together), 'row')} of {other} with a context that {one} has too",
                    files[other], together[0], kind=SHARED, rows=tuple(together),
                )
            )  # fmt: skip
    return findings


def _shared(one: list[int], other: list[int], numbers: list[int]) -> list[int]:
    seen = set(one)
    return [number for number, key in zip(numbers, other, strict=False) if key in seen]
