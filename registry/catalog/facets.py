"""Words in the search index that nobody can type: they hold what one filters by.

A facet's word begins with a character of Unicode's private use area, which FTS5's unicode61
takes for a letter; so one index answers words and filters in one pass, and its vocabulary
counts the facets without touching a row.
"""

from __future__ import annotations

import json
import re

KINDS = ("source", "task", "finetune_task", "license")
_MARK = {kind: chr(0xE000 + i) for i, kind in enumerate(KINDS)}
_ESCAPE = "\ue0ff"
_OTHER = re.compile(r"[^a-z0-9]")
_ESCAPED = re.compile(f"{_ESCAPE}([0-9a-f]+){_ESCAPE}")


def word(kind: str, value: str) -> str:
    """The index's word for a facet's value; case does not count."""
    body = _OTHER.sub(lambda m: f"{_ESCAPE}{ord(m[0]):x}{_ESCAPE}", value.lower())
    return _MARK[kind] + body


def value(term: str) -> str:
    """The value that a word of the index stands for."""
    return _ESCAPED.sub(lambda m: chr(int(m[1], 16)), term[1:])


def bounds(kind: str) -> tuple[str, str]:
    """The first term of a kind, and the first after its last."""
    mark = _MARK[kind]
    return mark, chr(ord(mark) + 1)


def words(source: str, tasks: str, finetune_tasks: str, license: str | None) -> str:
    """All of a row's facet words; `tasks` and `finetune_tasks` as the table holds them (JSON)."""
    found = [word("source", source)]
    found += [word("task", task) for task in json.loads(tasks)]
    found += [word("finetune_task", task) for task in json.loads(finetune_tasks)]
    if license:
        found.append(word("license", license))
    return " ".join(found)
