"""What a person writes on a model version or on a run: tags, and on a model version a note."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from registry.database import Database
from registry.errors import UsageError

TAGS_FILE = "tags.json"
"""In a run's folder: its tags, as a list. The registry's rows are an index of it."""

_TAG = re.compile(r"[\w][\w.:/+-]{0,63}")
_LONGEST_NOTE = 4000


def check_tags(words: Iterable[str]) -> list[str]:
    """The words, each once. Raises UsageError for one that can't be a tag."""
    found = list(dict.fromkeys(words))
    for word in found:
        if not _TAG.fullmatch(word):
            raise UsageError(
                f"`{word[:80]}` can't be a tag",
                hint="Letters, digits and . : / + - _, at most 64, no space.",
            )
    return found


def tag(db: Database, id: int, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
    """Put tags on a model version and take others off; what is so already stays so.

    Raises:
        UsageError: a word can't be a tag.
    """
    add = check_tags(add)
    with db.write() as connection:
        connection.executemany(
            "DELETE FROM model_tag WHERE model_version_id = ? AND tag = ?",
            ((id, word) for word in remove),
        )
        connection.executemany(
            "INSERT OR IGNORE INTO model_tag (model_version_id, tag) VALUES (?, ?)",
            ((id, word) for word in add),
        )


def run_tags(connection: sqlite3.Connection, run: int) -> list[str]:
    """The tags of a run, by the alphabet."""
    rows = connection.execute("SELECT tag FROM run_tag WHERE run_id = ? ORDER BY tag", (run,))
    return [row[0] for row in rows]


def set_run_tags(connection: sqlite3.Connection, run: int, tags: Iterable[str]) -> None:
    """Let a run have these tags and no others, within the caller's transaction."""
    connection.execute("DELETE FROM run_tag WHERE run_id = ?", (run,))
    connection.executemany(
        "INSERT INTO run_tag (run_id, tag) VALUES (?, ?)", ((run, word) for word in tags)
    )


def tags_in(folder: Path) -> list[str]:
    """The tags that a run's folder tells of; none where there is no such file or it is broken."""
    try:
        return check_tags(str(word) for word in json.loads((folder / TAGS_FILE).read_text()))
    except (OSError, ValueError, TypeError, UsageError):
        return []


def check_note(text: str) -> str:
    """A note without white space around it. Raises UsageError for one that is too long."""
    text = text.strip()
    if len(text) > _LONGEST_NOTE:
        raise UsageError(f"a note has at most {_LONGEST_NOTE:,} letters, this one {len(text):,}")
    return text


def note(db: Database, id: int, text: str) -> None:
    """Write a version's note anew; an empty one takes it away. Raises UsageError if too long."""
    text = check_note(text)
    with db.write() as connection:
        connection.execute("UPDATE model_version SET note = ? WHERE id = ?", (text or None, id))
