"""Schemes of tags for spans, and their way to BIO (IOB2): B- begins a span, I- goes on with it.

IOB1 writes B- only where a span follows another of its type; BIOES, BILOU and BMEWO mark also
a span's end and those of a single token.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

OUTSIDE = "O"

_TAG = re.compile(r"([BIESLUMW])-(.+)")
_BEGINS = frozenset("BSUW")
_MORE = frozenset("ESLUMW")

Tags = list[str]


def part(tag: str) -> tuple[str, str]:
    """Prefix and type of a tag, both "" outside; a tag without prefix has only the type."""
    if tag == OUTSIDE:
        return "", ""
    match = _TAG.fullmatch(tag)
    return (match[1], match[2]) if match else ("", tag)


def scheme_of(sentences: Iterable[Sequence[str]]) -> str:
    """`plain` (no tag has a prefix), `BIOES` (or a like one), `IOB1` or `BIO`."""
    prefixes: set[str] = set()
    starts_inside = begins_alone = False
    for tags in sentences:
        before = ("", "")
        for tag in tags:
            here = part(tag)
            if tag != OUTSIDE:
                prefixes.add(here[0])
                follows = bool(before[0]) and before[1] == here[1]
                starts_inside |= here[0] == "I" and not follows
                begins_alone |= here[0] == "B" and not follows
            before = here
    if prefixes <= {""}:
        return "plain"
    if prefixes & _MORE:
        return "BIOES"
    return "IOB1" if starts_inside and not begins_alone else "BIO"


def to_bio(tags: Sequence[str], scheme: str) -> Tags:
    """The same spans in BIO."""
    if scheme == "plain":
        return list(tags)
    converted: Tags = []
    before = ("", "")
    for tag in tags:
        prefix, kind = here = part(tag)
        if prefix:
            starts = prefix in _BEGINS or (
                scheme == "IOB1" and not (before[0] and before[1] == kind)
            )
            tag = f"{'B' if starts else 'I'}-{kind}"
        converted.append(tag)
        before = here
    return converted


def dangling(tags: Sequence[str]) -> list[int]:
    """Where BIO's tags go on with a span that was not begun, by index."""
    found = []
    before = ""
    for index, tag in enumerate(tags):
        prefix, kind = part(tag)
        if prefix == "I" and before != kind:
            found.append(index)
        before = kind if prefix else ""
    return found


def mended(tags: Sequence[str]) -> Tags:
    """BIO's tags with a B- wherever a span goes on that was not begun."""
    places = set(dangling(tags))
    return [f"B{tag[1:]}" if index in places else tag for index, tag in enumerate(tags)]
