"""An endpoint's page: what serves which share, a request to try, its log and keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, partial
from pathlib import Path
from time import monotonic

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from fmtui.services import azure_batch, azure_endpoints, endpoints
from fmtui.services.endpoints import EndpointKeys
from registry.views import EndpointInfo
from screens.base import Page
from screens.bindings import bindings
from screens.endpoint_parts import Jobs, Request, shares
from screens.endpoints import delete_endpoint
from screens.run_actions import open_run
from screens.threads import threaded
from screens.widgets.lines import Editor
from screens.widgets.log_view import LogView
from screens.widgets.picker import Option, Picker
from screens.widgets.prose import Prose
from screens.widgets.sections import Sections
from screens.widgets.states import MUTED, STYLES, state_words, tone

_PARTS = {
    "online": ("Try", "Log", "Keys"),
    "batch": ("Jobs",),
    "serverless": ("Try", "Keys"),
}
"""What each kind of endpoint has to show."""

_LOG_SECONDS = 10.0
"""So often Azure is asked for the log that is looked at."""


class EndpointPage(Page):
    TAB = "endpoints"
    BINDINGS = bindings("endpoint")

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name_ = name
        self.info: EndpointInfo | None = None
        self.revealed = False
        self._secrets: EndpointKeys | None = None
        self._log_read = 0.0

    def crumbs(self) -> Sequence[str]:
        return ("Endpoints", self.name_)

    @cached_property
    def in_azure(self) -> bool:
        return azure_endpoints.owns(self.ctx, self.name_)

    @cached_property
    def kind(self) -> str:
        """online, batch or serverless: what there is to show depends on it."""
        return azure_endpoints.kind_of(self.ctx, self.name_) if self.in_azure else "online"

    def body(self) -> Iterable[Widget]:
        yield Static(id="head", markup=False)
        parts: dict[str, Callable[[], Widget]] = {
            "Jobs": lambda: Jobs(self.name_),
            "Try": lambda: Request(endpoints.sample_request(self.ctx, self.name_)),
            "Log": lambda: LogView(self._log_file()),
            "Keys": lambda: Prose(Content.styled("asking …", MUTED)),
        }
        yield Sections([(name, parts[name]) for name in _PARTS[self.kind]])

    def _log_file(self) -> Path:
        """Where the log lies; that of Azure comes there once it was asked for."""
        if self.in_azure:
            return azure_endpoints.log_file(self.ctx, self.name_)
        return endpoints.log_path(self.ctx, self.name_)

    @property
    def sections(self) -> Sections:
        return self.query_one(Sections)

    def on_mount(self) -> None:
        self.start(partial(self._load, first=True), group="load")
        self.set_interval(2.0, self._tick)

    def _tick(self) -> None:
        if not self.is_active:
            return
        self.start(self._load, group="load", wait=True)
        read = self.in_azure and self.sections.current == "Log"
        if read and monotonic() - self._log_read > _LOG_SECONDS:
            self.start(self._read_log, group="log", wait=True)

    async def _load(self, *, first: bool = False) -> None:
        info = await threaded(endpoints.show, self.ctx, self.name_)
        if info != self.info:
            self.info = info
            self._show(info)
            self.refresh_bindings()
        jobs = self.sections.part("Jobs")
        if isinstance(jobs, Jobs):
            jobs.show(await threaded(azure_batch.jobs, self.ctx, self.name_))
        if first:
            self.sections.focus_part()

    def on_resize(self) -> None:
        if self.info is not None:
            self._show(self.info)

    @on(Sections.Chosen)
    def _chosen(self, event: Sections.Chosen) -> None:
        if event.name == "Keys" and self._secrets is None:
            self.start(self._ask_keys, group="keys")
        if event.name == "Log" and self.in_azure:
            self.start(self._read_log, group="log", wait=True)

    async def _read_log(self) -> None:
        self._log_read = monotonic()
        await threaded(endpoints.log_path, self.ctx, self.name_)

    async def _ask_keys(self) -> None:
        try:
            self._secrets = await threaded(endpoints.keys, self.ctx, self.name_)
        finally:
            self._show_keys()

    @on(Jobs.Opened)
    def _open_job(self, event: Jobs.Opened) -> None:
        open_run(self.app, event.record.run)

    def _show(self, info: EndpointInfo) -> None:
        target = info.target if info.kind == "online" else f"{info.target} {info.kind}"
        where = info.url if info.kind == "online" else None  # a long one hides the state
        words = "".join(f"{word}   " for word in (target, where) if word)
        state = (state_words(info.state) + " ", STYLES.get(tone(info.state), ""))
        self.top.set(("Endpoints", info.name), Content.assemble((words, MUTED), state))
        self.query_one("#head", Static).update(shares(info, self.size.width))

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
        self._show_keys()

    def _show_keys(self) -> None:
        part = self.sections.part("Keys")
        if isinstance(part, Prose):
            part.set(self._keys())

    def _keys(self) -> Content:
        keys = self._secrets
        if keys is None:
            return Content.styled("not known; K asks again", MUTED)
        hide = "v hides them" if self.revealed else "v shows them, y copies the primary one"
        parts: list[str | tuple[str, str]] = []
        for name, key in (("primary", keys.primary), ("secondary", keys.secondary)):
            shown = key if self.revealed else "•" * 24
            parts += [(f"{name:<12}", MUTED), f"{shown}\n"]
        parts += [("\n" + hide + "\n", MUTED)]
        return Content.assemble(*parts)

    def action_copy(self) -> None:
        if self.sections.current == "Keys" and self._secrets is not None:
            self.copy(self._secrets.primary, "the primary key")
        elif self.sections.current == "Try" and self.sections.query_one(Request).answer:
            self.copy(self.sections.query_one(Request).answer, "the answer")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "show":
            return str(parameters[0]).capitalize() in _PARTS[self.kind]
        if action == "send":
            return "Try" in _PARTS[self.kind]
        if action == "reveal":
            return self.is_mounted and self.sections.current == "Keys"
        if action == "copy":
            return self.is_mounted and self.sections.current in ("Keys", "Try")
        if action == "answer":
            return self.kind == "batch"
        if action == "deploy":
            return self.kind != "serverless"
        if action in ("traffic", "default"):
            several = self.info is not None and len(self.info.deployments) > 1
            return several and (action == "default") == (self.kind == "batch")
        return super().check_action(action, parameters)

    def action_answer(self) -> None:
        from screens.forms.batch import BatchForm

        if self.info is not None:
            self.app.push_screen(BatchForm(self.info))

    def action_default(self) -> None:
        """Choose which deployment of a batch endpoint takes the jobs that name none."""
        found = self.info.deployments if self.info is not None else ()

        def chosen(option: Option | None) -> None:
            async def job() -> None:
                assert option is not None
                await threaded(endpoints.traffic, self.ctx, self.name_, {option.value: 100})
                self.say(f"{option.value} takes the jobs that name no deployment.")
                await self._load()

            if option is not None:
                self.start(job, group="default")

        self.app.push_screen(
            Picker(
                "The default deployment",
                [Option(d.name, d.name, d.model) for d in found],
                current=next((d.name for d in found if d.traffic), None),
            ),
            chosen,
        )

    def action_traffic(self) -> None:
        from screens.forms.traffic import TrafficForm

        if self.info is not None:
            self.app.push_screen(TrafficForm(self.info))

    def action_deploy(self) -> None:
        from screens.forms.deploy import DeployForm

        self.app.push_screen(DeployForm(endpoint=self.name_))

    def action_delete(self) -> None:
        delete_endpoint(self, self.name_, self.action_back)
