"""The parts of an endpoint's page: what serves which share, a request to try, jobs."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from fmtui.services.endpoints import InvokeResult
from fmtui.services.text import clean, one_line
from registry.views import DeploymentInfo, EndpointInfo, RunInfo
from screens.run_columns import took
from screens.widgets.lines import Editor
from screens.widgets.prose import Prose
from screens.widgets.record_list import Column, RecordList, fit
from screens.widgets.sources import Rows
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


class Jobs(RecordList[RunInfo]):
    """The jobs of a batch endpoint."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(
            (
                Column("run", lambda r: r.run, width=6),
                Column("data", lambda r: r.data or "?"),
                Column(
                    "deployment",
                    lambda r: (r.name or "").removeprefix(f"{endpoint}-"),
                    width=16,
                    drop=60,
                ),
                Column("state", lambda r: (state_words(r.state), tone(r.state)), width=16),
                Column("took", took, width=8, right=True),
            ),
            key=lambda run: run.run,
            empty="No job yet. Press i to let it answer a file.",
        )

    def show(self, found: Sequence[RunInfo]) -> None:
        self.load(Rows(found))


_WIDEST, _NARROWEST = 24, 4
"""Cells of the bar that shows a share; where there is less room it is left out."""


def shares(info: EndpointInfo, width: int) -> Content:
    """A line a deployment: its model, its share as a bar, its state where that is not healthy.

    Args:
        width: Cells of a line. The bar gets smaller first, then the model's name.
    """
    if not info.deployments:
        return Content.styled(" Nothing is deployed here yet: + deploys a model.", MUTED)
    if info.kind == "serverless":
        model = one_line(info.deployments[0].model)
        words = "paid for by token, nothing while nobody asks"
        fits = cell_len(f" {model}   {words}") <= width
        return Content.assemble(f" {model}", (("   " if fits else "\n ") + words, MUTED))
    names = max(len(d.name) for d in info.deployments)
    models = max(len(d.model) for d in info.deployments)
    after = [_after(one) for one in info.deployments]
    behind = max(sum(cell_len(words) for words, _ in parts) for parts in after)
    share = len("default  ") if info.kind == "batch" else len("100%  ")
    room = width - len("   ") - names - len("  ") - models - share - behind
    models = max(12, models + min(room, 0))
    wide = 0 if info.kind == "batch" or room < _NARROWEST else min(room, _WIDEST)
    lines = []
    for one, more in zip(info.deployments, after, strict=True):
        full = round(one.traffic / 100 * wide)
        said = f"{one.traffic:>3}%" if info.kind != "batch" else "default" * (one.traffic > 0)
        parts: list[str | tuple[str, str]] = [
            f" {one.name:<{names}}  {fit(one_line(one.model), models)}  {said:<{share}}",
            ("━" * full, ""), ("━" * (wide - full), FAINT), *more,
        ]  # fmt: skip
        if one.error:
            parts += ["\n   ", (one_line(one.error), "$text-error")]
        lines.append(Content.assemble(*parts))
    if info.target == "azureml":
        billed = "while a job runs" if info.kind == "batch" else "until deleted, asked or not"
        lines.append(Content.styled(f" billed {billed}", MUTED))
    if info.error:
        lines.append(Content.styled(f" {one_line(info.error)}", "$text-error"))
    return Content("\n").join(lines)


def _after(one: DeploymentInfo) -> list[tuple[str, str]]:
    """What stands behind the share: the machines, what is mirrored, a state that is not usual."""
    parts = [(f"  {machines(one)}", MUTED)] if one.instance_type else []
    parts += [(f"  mirrors {one.mirror}%", MUTED)] if one.mirror else []
    if one.state != "healthy":
        parts += [("  ", ""), (state_words(one.state), STYLES.get(tone(one.state), ""))]
    return parts


def machines(one: DeploymentInfo) -> str:
    """How many machines of which type a deployment in Azure has: `2 × Standard_DS3_v2`."""
    return f"{one.instance_count} × {one_line(one.instance_type or '')}"


def pretty(body: str) -> str:
    """JSON with its lines indented; anything else as it came."""
    try:
        return json.dumps(json.loads(body), indent=1, ensure_ascii=False)
    except ValueError:
        return body
