"""A run's page: how far it is, its loss, what it prints, what was measured, what was asked for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from fmtui.errors import FmtuiError
from fmtui.services import accelerate, reality, runs
from fmtui.services.reality import Side
from fmtui.services.runs import RunStatus
from fmtui.services.text import duration, headline, one_line
from registry.views import MetricPoint
from screens.base import Page, facts
from screens.bindings import bindings
from screens.plotting import PlotKeys, names_of, series_of
from screens.run_actions import can, cancel_run, resume_run, tag_runs
from screens.run_parts import Resources, files_content, metrics_content, resource_facts
from screens.threads import threaded
from screens.widgets.log_view import LogView
from screens.widgets.plot import Plot, Series, View, legend
from screens.widgets.prose import Prose
from screens.widgets.sections import Sections
from screens.widgets.states import FAINT, MUTED, STYLES, state_words, tone


class RunPage(PlotKeys, Page):
    TAB = "runs"
    BINDINGS = bindings("run", "plot")

    def __init__(self, ref: str) -> None:
        super().__init__()
        self.ref = ref
        self.status: RunStatus | None = None
        self.curve = "loss"
        self.group: str | None = None
        self.several = False
        self._points: Sequence[MetricPoint] = ()
        self._system: Sequence[MetricPoint] = ()
        self._sides: Sequence[Side] = ()
        self._series: Sequence[Series] = ()

    def crumbs(self) -> Sequence[str]:
        return ("Runs", self.ref)

    def body(self) -> Iterable[Widget]:
        yield Static(id="progress", markup=False)
        with Horizontal(id="curve"):
            yield Plot("loss", id="plot")
            yield Static(id="now", markup=False)
        yield Static(id="legend", markup=False)
        yield Sections(
            [
                ("Log", lambda: LogView(runs.log_path(self.ctx, self.ref))),
                ("Metrics", lambda: Prose(metrics_content(self._points, self._report()))),
                ("Resources", lambda: Resources(self._system, self._sides)),
                ("Spec", self._spec),
                ("Files", lambda: Prose(files_content(runs.files(self.ctx, self.ref)))),
            ]
        )

    @property
    def sections(self) -> Sections:
        return self.query_one(Sections)

    def on_mount(self) -> None:
        self.start(partial(self._refresh, first=True), group="refresh")
        self.set_interval(1.0, self._tick)

    def _tick(self) -> None:
        ended = self.status is not None and self.status.info.ended
        if self.is_active and not ended:
            self.start(self._refresh, group="refresh", wait=True)

    async def _refresh(self, *, first: bool = False) -> None:
        self.status = await threaded(self._read)
        self._show(self.status)
        if first:
            self.sections.focus_part()
        self.refresh_bindings()

    def _read(self) -> RunStatus:
        """All that the page shows; runs in a thread."""
        status = runs.status(self.ctx, self.ref)
        with suppress(FmtuiError):  # its folder is gone
            spec = runs.spec(self.ctx, self.ref)
            self.group, self.several = spec.get("group"), bool(spec.get("layout"))
        self._points = tuple(runs.metrics(self.ctx, self.ref))
        self._system = tuple(runs.resources(self.ctx, self.ref))
        self._sides = reality.beside(self.ctx, self.ref)
        self._series = series_of(self._points, self.curve)
        return status

    def _show(self, status: RunStatus) -> None:
        info = status.info
        what = f"{info.run}  {info.kind} {info.model or '?'} on {info.data or '?'}"
        what += "".join(f"  #{tag}" for tag in info.tags)
        self.top.set(("Runs", one_line(what)), _right(status))
        self.query_one("#progress", Static).update(_progress(status, self.size.width))
        self.query_one("#curve").display = bool(names_of(self._points)) or info.kind == "finetune"
        self._draw()
        self.query_one("#now", Static).update(_now(status, self._points, self._system))
        metrics, resources = self.sections.part("Metrics"), self.sections.part("Resources")
        if isinstance(metrics, Prose):
            metrics.set(metrics_content(self._points, self._report()))
        if isinstance(resources, Resources):
            resources.show(self._system, self._sides)

    def _draw(self) -> None:
        plot = self.query_one("#plot", Plot)
        plot.title_words = self.curve[:7]
        total = self.status.total_steps if self.status else 0
        plot.show(self._series, end=total or None)
        shown = self.query_one("#legend", Static)
        shown.display = len(self._series) > 1 or self.view != View()
        shown.update(legend([f"{self.curve}, {s.name}" for s in self._series], self.view))

    def plots(self) -> Iterable[Plot]:
        return [self.query_one("#plot", Plot)]

    def look(self, view: View) -> None:
        super().look(view)
        self._draw()

    def action_next_curve(self) -> None:
        """Another name that was measured: loss, learning rate, accuracy, …"""
        names = names_of(self._points)
        if names:
            at = names.index(self.curve) + 1 if self.curve in names else 0
            self.curve = names[at % len(names)]
            self._series = series_of(self._points, self.curve)
            self._draw()

    def _report(self) -> dict[str, Any] | None:
        return runs.report(self.ctx, self.ref)

    def _spec(self) -> Widget:
        words = json.dumps(runs.spec(self.ctx, self.ref), indent=2, ensure_ascii=False)
        if self.several:
            words += f"\n\naccelerate.yaml\n{accelerate.text_of(self.ctx, self.ref)}"
        return Prose(words)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "cancel":
            return self.status is not None and can(action, self.status.info.state)
        if action == "resume":
            return self.status is not None and self.status.resumable
        if action == "edit":
            return self.several
        if action == "sweep":
            return self.group is not None
        if action == "output":
            return self.status is not None and bool(self.status.info.output)
        if action in ("report", "errors"):
            info = self.status.info if self.status else None
            return info is not None and (info.kind, info.state) == ("evaluate", "completed")
        return super().check_action(action, parameters)

    async def action_show(self, part: str) -> None:
        await self.sections.choose(part.capitalize())

    def action_cancel(self) -> None:
        cancel_run(self, self.ref)

    def action_edit(self) -> None:
        """The accelerate config: it counts from the next start on."""
        from screens.widgets.edit_text import EditText

        async def job() -> None:
            text = await threaded(accelerate.text_of, self.ctx, self.ref)
            self.app.push_screen(
                EditText(f"accelerate.yaml of {self.ref}", text, check=accelerate.check), edited
            )

        def edited(text: str | None) -> None:
            if text is not None:
                self.start(partial(keep, text), group="edit")

        async def keep(text: str) -> None:
            await threaded(accelerate.change, self.ctx, self.ref, text)
            self.say(f"{self.ref} starts from it the next time.")

        self.start(job, group="edit")

    def action_sweep(self) -> None:
        from screens.sweep import SweepPage

        if self.group is not None:
            self.app.push_screen(SweepPage(self.group))

    def action_tag(self) -> None:
        if self.status is not None:
            tag_runs(self, [self.status.info])

    def reload(self) -> None:
        """Read the run again, also one that has ended."""
        self.start(self._refresh, group="refresh")

    def action_resume(self) -> None:
        resume_run(self, self.ref, first=self._forget)

    def _forget(self) -> None:
        """What is shown is no longer so: the next look shows the state anew."""
        self.status = None

    def action_report(self) -> None:
        from screens.report import ReportPage

        self.app.push_screen(ReportPage(self.ref))

    def action_errors(self) -> None:
        from screens.errors import ErrorsPage

        self.app.push_screen(ErrorsPage(self.ref))

    def action_output(self) -> None:
        from screens.model import ModelPage

        if self.status is not None and self.status.info.output:
            self.app.push_screen(ModelPage(self.status.info.output))


def _right(status: RunStatus) -> Content:
    state = status.info.state
    words = state_words(state)
    took = status.elapsed_seconds
    if took is not None:
        words += f"   {duration(took)}"
        if status.eta_seconds is not None:
            words += f" of ~{duration(took + status.eta_seconds)}"
    return Content.styled(words + " ", STYLES.get(tone(state), ""))


def _progress(status: RunStatus, width: int) -> Content:
    """The bar with step, epoch and rate; for a run that waits or failed, why."""
    info = status.info
    if info.error:
        return Content.styled(f" {one_line(info.error)}", "$text-error")
    if status.queue_reason:
        return Content.styled(f" {one_line(status.queue_reason)}", MUTED)
    words = f"step {status.step:,} of {status.total_steps:,}" if status.total_steps else ""
    if status.total_epochs and info.kind == "finetune":
        words += f"   epoch {status.epoch:.2f} of {status.total_epochs:g}"
    if status.rate and info.state == "running":
        words += f"   {status.rate:,.0f} rows/s"
    if not words:
        words = "getting ready" if info.state not in runs.ENDED else ""
    if info.output:
        words += f"   made {one_line(info.output)}"
    elif info.kind == "evaluate" and info.metrics:
        words = "   ".join(f"{one_line(n)} {v:.4f}" for n, v in list(info.metrics.items())[:3])
    done = status.step / status.total_steps if status.total_steps else 0.0
    done = 1.0 if info.state == "completed" else done
    room = max(8, min(40, width - len(words) - 6))
    full = round(done * room)
    style = STYLES.get(tone(info.state), "")
    shown = Content.assemble(" ", ("█" * full, style), ("░" * (room - full), FAINT), f"  {words}")
    return shown.truncate(width, ellipsis=True)


def _now(
    status: RunStatus, points: Sequence[MetricPoint], system: Sequence[MetricPoint]
) -> Content:
    """The last value of what matters, beside the curve; of a model that is made, its own."""
    last = {(p.split, p.name): p.value for p in points}
    if status.info.kind == "finetune" and status.info.state == "completed":
        # The best checkpoint was kept: the last step's values are no model's.
        last |= {("validation", name): value for name, value in status.info.metrics.items()}
    rows: list[tuple[str, str | None]] = []
    for split in ("train", "validation", "test"):
        measured = {name: value for (part, name), value in last.items() if part == split}
        for name in dict.fromkeys(("loss", headline(measured), "f1_macro")):
            if name is not None and name in measured:
                rows.append((f"{split} {name}", f"{last[split, name]:.4g}"))
    rows.append(("best", one_line(status.best.rpartition(" at ")[2]) if status.best else None))
    if status.alive:
        rows += resource_facts(system)[:2]
    if status.ranks:
        alive = sum(rank.state == "running" for rank in status.ranks)
        rows.append(("processes", f"{alive} of {len(status.ranks)}"))
    rows += [("warning", one_line(words)) for words in status.warnings[-1:]]
    return facts(*rows, width=31)
