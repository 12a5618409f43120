"""How a state looks: a mark, its word, and a colour that is never the only carrier."""

from __future__ import annotations

from textual.content import Content

MUTED = "$foreground 60%"
FAINT = "$foreground 38%"

MARKS = {
    "queued": "·",
    "starting": "▹",
    "running": "▸",
    "finalizing": "▸",
    "completed": "✓",
    "failed": "✗",
    "canceled": "–",
    "not_responding": "?",
    "healthy": "✓",
    "deploying": "▹",
    "stopped": "–",
    "unhealthy": "✗",
}

TONES = {
    "starting": "live",
    "running": "live",
    "finalizing": "live",
    "deploying": "live",
    "completed": "good",
    "healthy": "good",
    "failed": "bad",
    "unhealthy": "bad",
    "not_responding": "warn",
    "queued": "dim",
    "canceled": "dim",
    "stopped": "dim",
}

STYLES = {
    "live": "$primary",
    "good": "$text-success",
    "bad": "$text-error",
    "warn": "$text-warning",
    "dim": MUTED,
}


def state_words(state: str) -> str:
    """The mark and the word: `✓ completed`."""
    return f"{MARKS.get(state, '·')} {state.replace('_', ' ')}"


def tone(state: str) -> str:
    """One of live, good, bad, warn, dim; '' for a state without a colour."""
    return TONES.get(state, "")


def state_content(state: str) -> Content:
    """The mark and the word in the state's colour."""
    return Content.styled(state_words(state), STYLES.get(tone(state), ""))
