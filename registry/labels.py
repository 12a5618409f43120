"""What a person writes on a model version: tags and a note."""

from __future__ import annotations

import re
from collections.abc import Iterable

from registry.database import Database
from registry.errors import UsageError

_TAG = re.compile(r"[\w][\w.:/+-]{0,63}")
_LONGEST_NOTE = 4000


def tag(db: Database, id: int, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
    """Put tags on a version and take others off; what is so already stays so.

    Raises:
        UsageError: a word can't be a tag.
    """
    add = list(add)
    for word in add:
        if not _TAG.fullmatch(word):
            raise UsageError(
                f"`{word[:80]}` can't be a tag",
                hint="Letters, digits and . : / + - _, at most 64, no space.",
            )
    with db.write() as connection:
        connection.executemany(
            "DELETE FROM model_tag WHERE model_version_id = ? AND tag = ?",
            ((id, word) for word in remove),
        )
        connection.executemany(
            "INSERT OR IGNORE INTO model_tag (model_version_id, tag) VALUES (?, ?)",
            ((id, word) for word in add),
        )


def note(db: Database, id: int, text: str) -> None:
    """Write a version's note anew; an empty one takes it away. Raises UsageError if too long."""
    text = text.strip()
    if len(text) > _LONGEST_NOTE:
        raise UsageError(f"a note has at most {_LONGEST_NOTE:,} letters, this one {len(text):,}")
    with db.write() as connection:
        connection.execute("UPDATE model_version SET note = ? WHERE id = ?", (text or None, id))
