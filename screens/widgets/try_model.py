"""Ask a model: a line to type on, and the answers with their scores."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from fmtui.errors import FmtuiError
from fmtui.services.context import context
from fmtui.services.text import clean, one_line
from screens.threads import threaded
from screens.widgets.lines import Line
from screens.widgets.prose import Prose
from screens.widgets.states import MUTED

if TYPE_CHECKING:
    from fmtui.services.predict import Prediction, PredictSession

Part = str | tuple[str, str]


class TryModel(Vertical):
    """The model stays loaded, in a process of its own, until this is closed."""

    def __init__(self, ref: str) -> None:
        super().__init__()
        self.ref = ref
        self._session: PredictSession | None = None
        self._answers: list[Content] = []
        self._asked = 0

    def compose(self) -> ComposeResult:
        yield Line(placeholder="type a text, enter asks the model", compact=True, id="ask")
        yield Static("", id="asking", markup=False)
        yield Prose("The model is loaded with the first question; that takes some seconds.")

    def on_unmount(self) -> None:
        if self._session is not None:
            self._session.close()

    @on(Input.Submitted, "#ask")
    def _ask(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip():
            self.run_worker(self._answer(event.value), group="ask", exclusive=True)

    async def _answer(self, text: str) -> None:
        from fmtui.services.predict import PredictSession

        began = time.monotonic()
        words = "asking" if self._session else f"loading {self.ref} and asking"
        waiting = self.set_interval(0.5, lambda: self._say(f"{words} … {_since(began)}"))
        self._say(f"{words} …")
        try:
            if self._session is None:
                self._session = await threaded(PredictSession, context(), self.ref)
            every = self._session.model.task == "text-classification"
            params = {"return_all_scores": True} if every else None
            found = await threaded(self._session.predict, [text], params=params)
        except FmtuiError as error:
            self._say("")
            self._add(text, [(str(error), "$text-error")])
            return
        finally:
            waiting.stop()
        self._say(f"answered in {_since(began)}")
        self._add(text, answer_parts(found[0]))

    def _say(self, words: str) -> None:
        self.query_one("#asking", Static).update(f" {one_line(words)}")

    def _add(self, text: str, parts: Sequence[Part]) -> None:
        asked = Content.styled(f"{one_line(text)}\n", "bold")
        self._answers.insert(0, Content.assemble(asked, *parts))
        self.query_one(Prose).set(Content("\n\n").join(self._answers[:50]))


def answer_parts(prediction: Prediction) -> list[Part]:
    """The answer: labels with bars, the likeliest first, or the words that it is."""
    scores = label_scores(prediction.output)
    if not scores:
        from fmtui.services.predict import describe

        return [clean(describe(prediction.output))]
    parts: list[Part] = []
    for label, score in scores[:5]:
        bar = "━" * round(score * 24)
        parts += [f"  {one_line(label):<32.32} {score:6.3f}  ", (f"{bar}\n", "$text-primary")]
    if len(scores) > 5:
        parts.append((f"  and {len(scores) - 5} labels below\n", MUTED))
    return parts


def label_scores(output: Any) -> list[tuple[str, float]]:
    """Labels with their scores, the best first; [] for an answer of another shape."""
    values = output if isinstance(output, list) else [output]
    if not values or not all(isinstance(v, dict) and {"label", "score"} <= set(v) for v in values):
        return []
    found = [(str(v["label"]), float(v["score"])) for v in values]
    return sorted(found, key=lambda pair: -pair[1])


def _since(began: float) -> str:
    return f"{time.monotonic() - began:.1f} s"
