"""Sets of ranks beside the search index: compressed bitmaps of what many models share.

To join two lists of a hundred thousand hits each, FTS5 walks through both; two bitmaps are joined
in microseconds (https://roaringbitmap.org). So each facet's models, and those of every beginning
of a word that many models hold, are kept as one. What few models hold FTS5 finds at once.
"""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter

from pyroaring import BitMap

FREQUENT = 512
"""From so many models on the beginning of a word has a set."""

_LAST = "\U0010ffff"


def beginnings(occurrences: Iterable[tuple[str, int]]) -> Iterator[tuple[str, int, BitMap]]:
    """The frequent beginnings of words.

    Args:
        occurrences: Each word with the rank of a model that holds it, ordered by the word.

    Yields:
        A beginning, how many of its first letters alone stand for the same words, and the ranks
        of the models. So `classif`, 3 stands for `cla` up to `classif`: all words that begin with
        one of these begin with all of them.
    """
    before = ""
    path: list[tuple[int, BitMap]] = []  # the beginnings that are open: their lengths and sets

    def close(shared: int) -> Iterator[tuple[str, int, BitMap]]:
        while path and path[-1][0] > shared:
            length, ranks = path.pop()
            above = max(path[-1][0] if path else 0, shared)
            if len(ranks) >= FREQUENT:
                yield before[:length], above + 1, ranks
            if path and path[-1][0] == above:
                path[-1][1].update(ranks)
            elif above:
                path.append((above, ranks.copy()))

    for word, rows in groupby(occurrences, key=itemgetter(0)):
        yield from close(_shared(before, word))
        path.append((len(word), BitMap([rank for _, rank in rows])))
        before = word
    yield from close(0)


def _shared(one: str, other: str) -> int:
    """How many letters two words begin with together."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def dump(ranks: BitMap) -> bytes:
    """A set as the file keeps it."""
    ranks.run_optimize()
    return bytes(ranks.serialize())


def of_words(connection: sqlite3.Connection, typed: Iterable[str]) -> list[BitMap]:
    """Sets whose intersection are the models that hold, for each of `typed`, a word that begins
    with it."""
    found, rare = [], []
    for word in typed:
        ranks = _frequent(connection, word)
        if ranks is None:
            rare.append(word)
        else:
            found.append(ranks)
    return [*found, _rare(connection, rare)] if rare else found


def _frequent(connection: sqlite3.Connection, typed: str) -> BitMap | None:
    """The set of a beginning; None where so few models hold it that it has none."""
    letters = unicodedata.normalize("NFD", typed.lower())
    begun = "".join(letter for letter in letters if not unicodedata.combining(letter))
    row = connection.execute(
        "SELECT ranks FROM catalog_word WHERE word >= ? AND word < ? AND since <= ? LIMIT 1",
        (begun, begun + _LAST, len(begun)),
    ).fetchone()
    return BitMap.deserialize(row[0]) if row else None


def _rare(connection: sqlite3.Connection, typed: Iterable[str]) -> BitMap:
    """What FTS5 finds: little, and so at once."""
    match = " AND ".join(f'"{word}"*' for word in typed)
    sql = "SELECT rowid FROM catalog_search WHERE catalog_search MATCH ?"
    try:
        return BitMap([row[0] for row in connection.execute(sql, (match,))])
    except sqlite3.OperationalError as error:
        if "phrase" not in str(error):
            raise
        return BitMap()  # a letter of a later Unicode than the index's: no word there holds it


def of_facet(connection: sqlite3.Connection, kind: str, value: str) -> BitMap:
    """The models with this value of a facet, in small letters; none where nobody has it."""
    row = connection.execute(
        "SELECT ranks FROM catalog_facet WHERE kind = ? AND value = ?", (kind, value)
    ).fetchone()
    return BitMap.deserialize(row[0]) if row else BitMap()
