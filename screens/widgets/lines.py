"""Fields that letters go to. All of them: a key that is a character never leaves a field."""

from __future__ import annotations

from textual.widgets import Input, TextArea

_CHARACTERS = {"slash": "/", "plus": "+"}
"""Keys whose character Textual does not find by their name (8.2)."""


class Line(Input):
    """A field of one line."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return super().check_consume_key(key, character or _CHARACTERS.get(key))


class Editor(TextArea):
    """A field of many lines."""

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        return super().check_consume_key(key, character or _CHARACTERS.get(key))
