"""Azure ML: the way there step by step, who is signed in, and which workspace is in force."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from textual.content import Content
from textual.widget import Widget

from fmtui.errors import FmtuiError
from fmtui.services import azure
from fmtui.services.azure import Workspace
from fmtui.services.doctor import Check
from fmtui.services.text import one_line
from screens.base import Page
from screens.bindings import bindings
from screens.threads import threaded
from screens.widgets.picker import Option, Picker
from screens.widgets.prose import Prose
from screens.widgets.states import MUTED

_MARKS = {"ok": ("✓", "$text-success"), "error": ("✗", "$text-error")}
_INDENT = " " * 14
_NOTHING = (
    "Nothing names a workspace yet. Set AZURE_SUBSCRIPTION_ID, sign in with `az login` or\n"
    "by l, then press w to choose a workspace.\n"
)


class AzurePage(Page):
    TAB = "endpoints"
    BINDINGS = bindings("azure")

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Check] = []
        self._waits = 0
        """Which sign-in is waited for; a further one, or leaving the page, ends it."""

    def crumbs(self) -> Sequence[str]:
        return ("Azure ML",)

    def body(self) -> Iterable[Widget]:
        yield Prose(id="steps")

    def on_mount(self) -> None:
        self.query_one(Prose).focus()
        self.action_check()

    def action_check(self) -> None:
        self._waits += 1
        self.query_one(Prose).set(Content.styled("looking …", MUTED))
        self.start(self._check, group="check")

    async def _check(self) -> None:
        self.steps = await threaded(lambda: list(azure.examine(self.ctx)))
        self.query_one(Prose).set(self._content())
        profile = next((p.name for p in azure.profiles(self.ctx) if p.current), "")
        self.top.set(("Azure ML",), Content.styled(f"{one_line(profile)} ", MUTED))

    def _content(self) -> Content:
        lines = [] if azure.configured(self.ctx) else [Content(_NOTHING)]
        for step in self.steps:
            mark, style = _MARKS.get(step.verdict, ("!", "$text-warning"))
            first = Content.assemble((f" {mark} ", style), (f"{step.name:<11}", MUTED))
            lines.append(Content.assemble(first, self._folded(step.found)))
            if step.advice:
                lines.append(Content.styled(f"{_INDENT}{self._folded(step.advice)}", MUTED))
        return Content("\n").join(lines)

    def _folded(self, words: str) -> str:
        room = max(self.size.width - len(_INDENT) - 2, 20)
        lines = textwrap.wrap(one_line(words), room, break_on_hyphens=False)
        return f"\n{_INDENT}".join(lines)

    def on_resize(self) -> None:
        if self.steps:
            self.query_one(Prose).set(self._content())

    def action_sign_in(self) -> None:
        self._waits += 1
        self.start(self._sign_in, group="check")

    async def _sign_in(self) -> None:
        mine = self._waits
        who = await threaded(
            azure.sign_in, self.ctx,
            lambda words: self.app.call_from_thread(self._ask, words),
            canceled=lambda: mine != self._waits,
        )  # fmt: skip
        self.say(f"Signed in as {who}.")
        await self._check()

    def _ask(self, words: str) -> None:
        """Show where to sign in, instead of the steps."""
        self.steps = []
        room = max(self.size.width - 3, 20)
        lines = textwrap.wrap(one_line(words), room, break_on_hyphens=False)
        said = "".join(f" {line}\n" for line in lines)
        waiting = Content.styled("\n waiting for it; l gives another code, r stops", MUTED)
        self.query_one(Prose).set(Content.assemble(said, waiting))

    def on_unmount(self) -> None:
        self._waits += 1

    def fail(self, error: FmtuiError) -> None:
        """After a sign-in that came to nothing the steps are shown again."""
        super().fail(error)
        if not self.steps:
            self.action_check()

    def action_workspace(self) -> None:
        self.start(self._choose, group="workspace")

    async def _choose(self) -> None:
        found = await threaded(azure.workspaces, self.ctx)
        options = [Option(w.name, w, f"{w.resource_group}  {w.location}") for w in found]

        def chosen(option: Option | None) -> None:
            if option is not None:
                self._use(option.value)

        self.app.push_screen(Picker("Workspace", options, empty="No workspace is there."), chosen)

    def _use(self, workspace: Workspace) -> None:
        name = azure.use_workspace(self.ctx, workspace)
        self.say(f"{name} is in force.")
        self.action_check()
