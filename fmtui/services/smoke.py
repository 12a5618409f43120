"""Try a model once after it came: what it answers is shown, so that a person sees it work."""

from __future__ import annotations

from dataclasses import dataclass

from fmtui.errors import FmtuiError
from fmtui.services.context import Context
from fmtui.services.predict import describe, predict
from fmtui.services.text import one_line

_TEXT = "The quick brown fox jumps over the lazy dog."
_TEXTS = {
    "fill-mask": "The capital of France is [MASK].",
    "question-answering": "What does the fox jump over?",
}


@dataclass(frozen=True, slots=True)
class Smoke:
    """What came of it: `output` in a person's words, or the `error` where there is none."""

    ref: str
    input: str
    output: str | None
    error: str | None

    @property
    def ok(self) -> bool:
        return self.error is None

    def line(self) -> str:
        """One line for a terminal."""
        if self.error is not None:
            return f"it was imported, but a try failed: {one_line(self.error)}"
        return f"tried: “{self.input}” → {one_line(self.output or '')}"


def smoke(ctx: Context, ref: str) -> Smoke:
    """Let a registered model answer one text. A failure is told, never raised: the files are
    right, and what a model can't do here it may do elsewhere."""
    from fmtui.services import models

    task = models.show(ctx, ref).task or ""
    text = _TEXTS.get(task, _TEXT)
    try:
        answers = predict(ctx, ref, [text], context=_TEXT if task == "question-answering" else None)
    except FmtuiError as error:
        return Smoke(ref, text, None, str(error))
    return Smoke(ref, text, describe(answers[0].output), None)
