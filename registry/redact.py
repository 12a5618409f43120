"""Secrets taken out of words that are kept or shown."""

from __future__ import annotations

import re

_SECRETS = (
    (re.compile(r"(?<=://)[^/\s@]+@"), ""),  # a person and a password in an address
    (re.compile(r"\bhf_[A-Za-z0-9]{16,}"), "hf_…"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), r"\1 …"),
    (
        re.compile(
            r"(?i)([?&;](?:[\w-]*(?:token|signature|password|secret|api[_-]?key)|sig|key)=)[^&;\s\"']+"
        ),
        r"\1…",
    ),
)


def redact(text: str) -> str:
    """The text without passwords in addresses, tokens of the hub, bearer tokens and signatures."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text
