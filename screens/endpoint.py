"""An endpoint's page: what serves which share, a request to try, its log and keys."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import partial

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from fmtui.services import endpoints
from fmtui.services.endpoints import InvokeResult
from fmtui.services.text import clean, one_line
from registry.views import DeploymentInfo, EndpointInfo
from screens.base import Page
from screens.bindings import bindings
from screens.endpoints import delete_endpoint
from screens.threads import threaded
from screens.widgets.lines import Editor
from screens.widgets.log_view import LogView
from screens.widgets.prose import Prose
from screens.widgets.sections import Sections
from screens.widgets.states import FAINT, MUTED, STYLES, state_words, tone


class Request(Vertical):
    """The request that is edited, and the answer under it."""

    def __init__(self, body: str) -> None:
        super().__init__()
        self.body = body
        self.answer = ""

    def compose(self) -> ComposeResult:
        yield Editor(self.body, compact=True, tab_behavior="focus", id="body")
        yield Static(
            " ctrl+s sends the request; esc leaves the editor",
            id="answered",
            markup=False,
            classes="dim",
        )
        yield Prose(id="answer")

    def show(self, result: InvokeResult) -> None:
        """The answer, indented if it is JSON, with its status and time."""
        self.answer = pretty(result.body)
        good = result.status == 200
        words = f" {'✓' if good else '✗'} {result.status}   {result.milliseconds:.0f} ms"
        words += f"   from {one_line(result.deployment)}" if result.deployment else ""
        style = "$text-success" if good else "$text-error"
        self.query_one("#answered", Static).update(Content.styled(words, style))
        self.query_one("#answer", Prose).set(self.answer)

    def tell(self, words: str) -> None:
        self.query_one("#answered", Static).update(Content(f" {clean(words)}"))


class EndpointPage(Page):
    TAB = "endpoints"
    BINDINGS = bindings("endpoint")

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name_ = name
        self.info: EndpointInfo | None = None
        self.revealed = False

    def crumbs(self) -> Sequence[str]:
        return ("Endpoints", self.name_)

    def body(self) -> Iterable[Widget]:
        yield Static(id="head", markup=False)
        yield Sections(
            [
                ("Try", lambda: Request(endpoints.sample_request(self.ctx, self.name_))),
                ("Log", lambda: LogView(endpoints.log_path(self.ctx, self.name_))),
                ("Keys", lambda: Prose(self._keys())),
            ]
        )

    @property
    def sections(self) -> Sections:
        return self.query_one(Sections)

    def on_mount(self) -> None:
        self.start(partial(self._load, first=True), group="load")
        self.set_interval(2.0, self._tick)

    def _tick(self) -> None:
        if self.is_active:
            self.start(self._load, group="load", wait=True)

    async def _load(self, *, first: bool = False) -> None:
        info = await threaded(endpoints.show, self.ctx, self.name_)
        if info != self.info:
            self.info = info
            self._show(info)
        if first:
            self.sections.focus_part()

    def _show(self, info: EndpointInfo) -> None:
        target = info.target if info.kind == "online" else f"{info.target} {info.kind}"
        where = info.url or "" if info.kind == "online" else ""  # a long one hides the state
        words = f"{target}   {where}   "
        state = (state_words(info.state) + " ", STYLES.get(tone(info.state), ""))
        self.top.set(("Endpoints", info.name), Content.assemble((words, MUTED), state))
        self.query_one("#head", Static).update(_shares(info))

    async def action_show(self, part: str) -> None:
        await self.sections.choose(part.capitalize())

    def action_send(self) -> None:
        self.start(self._send, group="send")

    async def _send(self) -> None:
        await self.sections.choose("Try", focus=self.sections.current != "Try")
        request = self.sections.query_one(Request)
        request.tell("sending …")
        body = request.query_one("#body", Editor).text
        result = await threaded(endpoints.invoke, self.ctx, self.name_, body)
        request.show(result)

    def action_reveal(self) -> None:
        self.revealed = not self.revealed
        part = self.sections.part("Keys")
        if isinstance(part, Prose):
            part.set(self._keys())

    def _keys(self) -> Content:
        keys = endpoints.keys(self.ctx, self.name_)
        hide = "v hides them" if self.revealed else "v shows them, y copies the primary one"
        parts: list[str | tuple[str, str]] = []
        for name, key in (("primary", keys.primary), ("secondary", keys.secondary)):
            shown = key if self.revealed else "•" * 24
            parts += [(f"{name:<12}", MUTED), f"{shown}\n"]
        parts += [("\n" + hide + "\n", MUTED)]
        return Content.assemble(*parts)

    def action_copy(self) -> None:
        if self.sections.current == "Keys":
            self.copy(endpoints.keys(self.ctx, self.name_).primary, "the primary key")
        elif self.sections.current == "Try" and self.sections.query_one(Request).answer:
            self.copy(self.sections.query_one(Request).answer, "the answer")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "send" and self.info is not None and self.info.kind == "batch":
            return False
        if action == "reveal":
            return self.is_mounted and self.sections.current == "Keys"
        if action == "copy":
            return self.is_mounted and self.sections.current in ("Keys", "Try")
        if action == "traffic":
            return self.info is not None and len(self.info.deployments) > 1
        return super().check_action(action, parameters)

    def action_traffic(self) -> None:
        from screens.forms.traffic import TrafficForm

        if self.info is not None:
            self.app.push_screen(TrafficForm(self.info))

    def action_deploy(self) -> None:
        from screens.forms.deploy import DeployForm

        self.app.push_screen(DeployForm(endpoint=self.name_))

    def action_delete(self) -> None:
        delete_endpoint(self, self.name_, self.action_back)


def _shares(info: EndpointInfo) -> Content:
    """A line a deployment: its model, its state where that is not healthy, its share as a bar."""
    if not info.deployments:
        return Content.styled(" Nothing is deployed here yet: + deploys a model.", MUTED)
    if info.kind == "serverless":
        model = one_line(info.deployments[0].model)
        words = "   paid for by token, nothing while nobody asks"
        return Content.assemble(f" {model}", (words, MUTED))
    names = max(len(d.name) for d in info.deployments)
    models = max(len(d.model) for d in info.deployments)
    lines = []
    for one in info.deployments:
        wide = 12 if one.instance_type else 24  # so that the machines fit on the line
        full = round(one.traffic / 100 * wide)
        parts: list[str | tuple[str, str]] = [
            f" {one.name:<{names}}  {one.model:<{models}}  {one.traffic:>3}%  ",
            ("━" * full, ""), ("━" * (wide - full), FAINT),
        ]  # fmt: skip
        if one.instance_type:
            parts += [("  " + machines(one), MUTED)]
        if one.mirror:
            parts += [(f"  mirrors {one.mirror}%", MUTED)]
        if one.state != "healthy":
            parts += ["  ", (state_words(one.state), STYLES.get(tone(one.state), ""))]
        if one.error:
            parts += ["\n   ", (one_line(one.error), "$text-error")]
        lines.append(Content.assemble(*parts))
    if info.target == "azureml":
        billed = "while a job runs" if info.kind == "batch" else "until deleted, asked or not"
        lines.append(Content.styled(f" billed {billed}", MUTED))
    if info.kind == "batch":
        lines.append(Content(f" fmtui batch invoke {info.name} --data FILE"))
    if info.error:
        lines.append(Content.styled(f" {one_line(info.error)}", "$text-error"))
    return Content("\n").join(lines)


def machines(one: DeploymentInfo) -> str:
    """How many machines of which type a deployment in Azure has: `2 × Standard_DS3_v2`."""
    return f"{one.instance_count} × {one_line(one.instance_type or '')}"


def pretty(body: str) -> str:
    """JSON with its lines indented; anything else as it came."""
    try:
        return json.dumps(json.loads(body), indent=1, ensure_ascii=False)
    except ValueError:
        return body
