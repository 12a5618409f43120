"""Screens by their names, for pictures of them: `catalog`, `model:minilm:1`, `run:r7`."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import Any

from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen
from textual.worker import WorkerCancelled, WorkerFailed

from fmtui.errors import UsageError
from fmtui.services.context import context
from screens.widgets.chrome import TABS

PAGES = ("catalog", "model", "data", "check", "run", "report", "errors", "endpoint")
COMPARE = "compare"
QUEUE = "queue"
SWEEP = "sweep"
FORMS = ("import", "sync", "add", "finetune", "evaluate", "deploy")
NAMES = [
    *TABS, QUEUE, "azure", "help", f"{COMPARE}:r1,r2", f"{SWEEP}:GROUP",
    *(f"{page}:NAME" for page in PAGES), *(f"{form}[:NAME]" for form in FORMS),
]  # fmt: skip


async def settled(pilot: Pilot[Any]) -> None:
    """Wait until the work that was begun is done and drawn."""
    for _ in range(3):
        for worker in list(pilot.app.workers):
            with suppress(WorkerCancelled, WorkerFailed):
                await worker.wait()
        await pilot.pause()


async def go(app: App[Any], place: str) -> None:
    """Show a place. Raises UsageError for one that does not exist."""
    kind, _, name = place.partition(":")
    if kind == "help":
        if name:
            await go(app, name)
        await app.run_action("help")
        return
    if kind in TABS and not name:
        await app.switch_mode(kind)
        return
    app_tab, screen = _page(kind, name)
    await app.switch_mode(app_tab)
    await app.push_screen(screen)


def _page(kind: str, name: str) -> tuple[str, Screen[Any]]:
    if kind in PAGES and name:
        _prove(kind, name)
        if kind == "catalog":
            from screens.catalog_model import CatalogModelPage

            return "catalog", CatalogModelPage(name)
        if kind == "model":
            from screens.model import ModelPage

            return "models", ModelPage(name)
        if kind == "data":
            from screens.dataset import DatasetPage

            return "data", DatasetPage(name)
        if kind == "check":
            from screens.data_check import DataCheckPage

            return "data", DataCheckPage(*name.split(","))
        if kind == "run":
            from screens.run import RunPage

            return "runs", RunPage(name)
        if kind == "report":
            from screens.report import ReportPage

            return "runs", ReportPage(name)
        if kind == "errors":
            from screens.errors import ErrorsPage

            return "runs", ErrorsPage(name)
        from screens.endpoint import EndpointPage

        return "endpoints", EndpointPage(name)
    if kind == "azure" and not name:
        from screens.azure import AzurePage

        return "endpoints", AzurePage()
    if kind == COMPARE and name:
        from screens.compare import ComparePage

        refs = name.split(",")
        for ref in refs:
            _prove("run", ref)
        return "runs", ComparePage(refs)
    if kind == QUEUE:
        from screens.queue import QueueScreen

        return "runs", QueueScreen()
    if kind == SWEEP and name:
        from fmtui.services import sweep
        from screens.sweep import SweepPage

        sweep.results(context(), name)
        return "runs", SweepPage(name)
    if kind in FORMS:
        return _form(kind, name)
    raise UsageError(f"there is no screen `{kind}`", hint=f"One of: {', '.join(NAMES)}.")


def _prove(kind: str, name: str) -> None:
    """Raise NotFoundError unless there is such a thing to show."""
    kind = "run" if kind in ("report", "errors") else kind
    if kind == "check":
        kind, name = "data", name.split(",")[0]
    service = {"run": "runs", "model": "models", "endpoint": "endpoints"}.get(kind, kind)
    import_module(f"fmtui.services.{service}").show(context(), name)


def _form(kind: str, name: str) -> tuple[str, Screen[Any]]:
    if kind == "import":
        from screens.forms.import_model import ImportForm

        return "models", ImportForm(name)
    if kind == "sync":
        from screens.forms.sync import SyncForm

        return "catalog", SyncForm()
    if kind == "add":
        from screens.forms.add_data import AddDataForm

        return "data", AddDataForm()
    if kind == "finetune":
        from screens.forms.finetune import FinetuneForm

        model, _, train = name.partition(",")
        return "models", FinetuneForm(model, train)
    if kind == "evaluate":
        from screens.forms.evaluate import EvaluateForm

        return "models", EvaluateForm(name)
    from screens.forms.deploy import DeployForm

    return "endpoints", DeployForm(model=name)
