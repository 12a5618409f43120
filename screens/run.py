"""A run's page: how far it is, its loss, what it prints, what was measured, what was asked for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from fmtui.services import runs
from fmtui.services.runs import RunStatus
from fmtui.services.text import duration, one_line
from registry.views import MetricPoint
from screens.base import Page, facts
from screens.bindings import bindings
from screens.runs import can, cancel_run, resume_run
from screens.threads import threaded
from screens.widgets.log_view import LogView
from screens.widgets.loss_plot import LossPlot
from screens.widgets.prose import Prose
from screens.widgets.sections import Sections
from screens.widgets.states import FAINT, MUTED, STYLES, state_words, tone


class RunPage(Page):
    TAB = "runs"
    BINDINGS = bindings("run")

    def __init__(self, ref: str) -> None:
        super().__init__()
        self.ref = ref
        self.status: RunStatus | None = None
        self._points: Sequence[MetricPoint] = ()

    def crumbs(self) -> Sequence[str]:
        return ("Runs", self.ref)

    def body(self) -> Iterable[Widget]:
        yield Static(id="progress", markup=False)
        with Horizontal(id="curve"):
            yield LossPlot("loss")
            yield Static(id="now", markup=False)
        yield Sections(
            [
                ("Log", lambda: LogView(runs.log_path(self.ctx, self.ref))),
                ("Metrics", lambda: Prose(_metrics(self._points, self._report()))),
                ("Spec", self._spec),
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
        status = await threaded(runs.status, self.ctx, self.ref)
        points = await threaded(runs.metrics, self.ctx, self.ref)
        self.status, self._points = status, tuple(points)
        self._show(status)
        if first:
            self.sections.focus_part()
        self.refresh_bindings()

    def _show(self, status: RunStatus) -> None:
        info = status.info
        what = f"{info.run}  {info.kind} {info.model or '?'} on {info.data or '?'}"
        self.top.set(("Runs", one_line(what)), _right(status))
        self.query_one("#progress", Static).update(_progress(status, self.size.width))
        loss = [(p.step, p.value) for p in self._points if (p.split, p.name) == ("train", "loss")]
        self.query_one("#curve").display = bool(loss) or info.kind == "finetune"
        self.query_one(LossPlot).show(loss, end=status.total_steps or None)
        self.query_one("#now", Static).update(_now(status, self._points))
        metrics = self.sections.part("Metrics")
        if isinstance(metrics, Prose):
            metrics.set(_metrics(self._points, self._report()))

    def _report(self) -> dict[str, Any] | None:
        return runs.report(self.ctx, self.ref)

    def _spec(self) -> Widget:
        return Prose(json.dumps(runs.spec(self.ctx, self.ref), indent=2, ensure_ascii=False))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "cancel":
            return self.status is not None and can(action, self.status.info.state)
        if action == "resume":
            return self.status is not None and self.status.resumable
        if action == "output":
            return self.status is not None and bool(self.status.info.output)
        return super().check_action(action, parameters)

    async def action_show(self, part: str) -> None:
        await self.sections.choose(part.capitalize())

    def action_cancel(self) -> None:
        cancel_run(self, self.ref)

    def action_resume(self) -> None:
        self.status = None
        resume_run(self, self.ref)

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


def _now(status: RunStatus, points: Sequence[MetricPoint]) -> Content:
    """The last value of what matters, beside the curve."""
    last = {(p.split, p.name): p.value for p in points}
    rows: list[tuple[str, str | None]] = []
    for split in ("train", "validation", "test"):
        for name in ("loss", "accuracy", "f1_macro"):
            if (split, name) in last:
                rows.append((f"{split} {name}", f"{last[split, name]:.4g}"))
    rows.append(("best", one_line(status.best) if status.best else None))
    rows += [("warning", one_line(words)) for words in status.warnings[-1:]]
    return facts(*rows)


def _metrics(points: Sequence[MetricPoint], report: dict[str, Any] | None) -> Content:
    """All that was measured on rows held out, by step; then what an evaluation found."""
    held = [p for p in points if p.split != "train"] or list(points)
    if not held:
        return Content("Nothing was measured yet.")
    names = list(dict.fromkeys(p.name for p in held))
    head = f"{'step':>7}  {'split':<11}" + "".join(f"{one_line(n):>13}" for n in names)
    parts: list[str | tuple[str, str]] = [(f"{head}\n", MUTED)]
    table: dict[tuple[int, str], dict[str, float]] = {}
    for point in held:
        table.setdefault((point.step, point.split), {})[point.name] = point.value
    for (step, split), values in table.items():
        cells = "".join(f"{values[n]:>13.4g}" if n in values else f"{'–':>13}" for n in names)
        parts.append(f"{step:>7}  {one_line(split):<11}{cells}\n")
    return Content.assemble(*parts, *_by_label(report or {}))


def _by_label(report: dict[str, Any]) -> list[str | tuple[str, str]]:
    """An evaluation's figures by label, the worst first, with what each is taken for most."""
    labels: list[str] = report.get("labels") or []
    matrix: list[list[int]] = report.get("confusion_matrix") or []
    found = sorted(report.get("per_label") or [], key=lambda row: row["f1"])
    if not found:
        return []
    head = f"{'label':<30} {'rows':>6} {'precision':>10} {'recall':>7} {'F1':>7}   taken for\n"
    parts: list[str | tuple[str, str]] = ["\n", (head, MUTED)]
    for row in found:
        wrong = _most_wrong(labels, matrix, row["label"])
        parts.append(
            f"{one_line(row['label']):<30.30} {row['rows']:>6,} {row['precision']:>10.3f}"
            f" {row['recall']:>7.3f} {row['f1']:>7.3f}   {one_line(wrong)}\n"
        )
    return parts


def _most_wrong(labels: list[str], matrix: list[list[int]], label: str) -> str:
    """The label that most rows of `label` were taken for by mistake, with their number."""
    if label not in labels or len(matrix) != len(labels):
        return ""
    at = labels.index(label)
    count, other = max((n, i) for i, n in enumerate(matrix[at]) if i != at or len(labels) == 1)
    return f"{labels[other]} {count}" if count and other != at else ""
