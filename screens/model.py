"""A model's page: what it is, its files, where it came from and went, its runs, and a try."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from fmtui.services import family, keeping, models
from fmtui.services.text import clean, number, one_line, size
from registry.views import ModelFileInfo, ModelInfo, RunInfo
from screens.base import Page
from screens.bindings import bindings
from screens.model_actions import export_model, note_model, remove_model, tag_model
from screens.models import model_facts
from screens.run_actions import open_run
from screens.run_columns import run_columns
from screens.threads import threaded
from screens.widgets.notice import Notice
from screens.widgets.prose import Prose
from screens.widgets.record_list import Column, RecordList
from screens.widgets.sections import Sections
from screens.widgets.sources import Rows
from screens.widgets.states import MUTED

FILE_COLUMNS = (
    Column[ModelFileInfo]("file", lambda f: f.path),
    Column[ModelFileInfo]("size", lambda f: size(f.size), width=9, right=True),
    Column[ModelFileInfo]("sha256", lambda f: f.sha256[:16] + "…", width=17, drop=60),
)


class ModelPage(Page):
    TAB = "models"
    BINDINGS = bindings("model")

    def __init__(self, ref: str) -> None:
        super().__init__()
        self.ref = ref
        self.model: ModelInfo | None = None
        self._carded = False

    def crumbs(self) -> Sequence[str]:
        return ("Models", self.ref)

    def body(self) -> Iterable[Widget]:
        yield Static(id="head", markup=False)
        yield Sections(
            [
                ("Card", lambda: Prose(id="card")),
                ("Files", self._files),
                ("Lineage", self._lineage),
                ("Runs", self._runs),
                ("Try", self._try),
            ]
        )

    @property
    def sections(self) -> Sections:
        return self.query_one(Sections)

    def on_mount(self) -> None:
        self.reload()

    def on_screen_resume(self) -> None:
        if self.model is not None:
            self.start(self._load, group="load", wait=True)

    async def _load(self) -> None:
        model = await threaded(models.show, self.ctx, self.ref)
        line = await threaded(family.lineage, self.ctx, self.ref)
        first = self.model is None
        self.model, self.ref = model, model.ref
        self.top.set(("Models", model.ref), _right(model))
        self.query_one("#head", Static).update(_head(model, line))
        card = self.sections.part("Card")
        if isinstance(card, Prose):
            card.set(model_facts(model))
            taken = await threaded(keeping.disk, self.ctx)
            card.set(_with_disk(model, taken))
            if not self._carded:
                self._carded = True
                await card.add_markdown(await threaded(models.card, self.ctx, self.ref))
        if first:
            self.sections.focus_part()

    def _files(self) -> Widget:
        listing = RecordList(FILE_COLUMNS, key=lambda f: f.path, id="files")
        listing.load(Rows(models.files(self.ctx, self.ref)))
        return listing

    def _runs(self) -> Widget:
        listing = RecordList(
            run_columns(),
            key=lambda r: r.run,
            id="model-runs",
            empty="No run used or made this model. Press f to finetune it, e to evaluate it.",
        )
        listing.load(Rows(models.runs(self.ctx, self.ref)))
        return listing

    def _lineage(self) -> Widget:
        return Prose(_tree(family.family(self.ctx, self.ref)))

    def _try(self) -> Widget:
        from screens.widgets.try_model import TryModel

        return TryModel(self.ref)

    @on(RecordList.Opened, "#model-runs")
    def _open_run(self, event: RecordList.Opened) -> None:
        record: RunInfo = event.record
        open_run(self.app, record.run)

    @on(RecordList.Opened, "#files")
    def _open_file(self, event: RecordList.Opened) -> None:
        file: ModelFileInfo = event.record
        words = f"{file.size:,} bytes\n\nsha256\n{file.sha256}"
        self.app.push_screen(Notice(file.path, words))

    async def action_try(self) -> None:
        await self.sections.choose("Try")

    def action_finetune(self) -> None:
        from screens.forms.finetune import FinetuneForm

        self.app.push_screen(FinetuneForm(self.ref))

    def action_evaluate(self) -> None:
        from screens.forms.evaluate import EvaluateForm

        self.app.push_screen(EvaluateForm(self.ref))

    def action_deploy(self) -> None:
        from screens.forms.deploy import DeployForm

        self.app.push_screen(DeployForm(model=self.ref))

    def action_copy_reference(self) -> None:
        self.copy(self.ref, self.ref)

    def action_verify(self) -> None:
        self.say(f"Hashing the files of {self.ref} …")
        self.start(self._verify, group="verify")

    async def _verify(self) -> None:
        report = await threaded(models.verify, self.ctx, self.ref)
        if report.ok:
            self.say(f"{report.ref}: every file is as it was recorded.")
        else:
            gone = [f"{name} is gone" for name in report.missing]
            differ = [f"{name} differs" for name in report.changed]
            self.say(f"{report.ref}: {', '.join(gone + differ)}.", severity="error")
        await self._load()

    def reload(self) -> None:
        """Read the model again; what is being read may be older than what was just done."""
        self.start(self._load, group="load")

    def action_tag(self) -> None:
        if self.model is not None:
            tag_model(self, self.model)

    def action_note(self) -> None:
        if self.model is not None:
            note_model(self, self.model)

    def action_export(self) -> None:
        if self.model is not None:
            export_model(self, self.model)

    def action_remove(self) -> None:
        remove_model(self, self.ref, self.action_back)


def _right(model: ModelInfo) -> Content:
    parts = [
        model.task,
        model.model_type,
        number(model.parameters) if model.parameters else None,
        size(model.size_bytes),
    ]
    return Content.styled(" · ".join(one_line(p) for p in parts if p) + " ", MUTED)


def _head(model: ModelInfo, line: family.Lineage) -> Content:
    """Two lines or more: the origin, then what was made of it and where it is deployed."""
    verified = ("verified ✓", "$text-success") if model.verified else ("not verified", "")
    came = f"{model.run} of {model.parent}" if model.run and model.parent else model.origin
    revision = f"@{model.revision[:7]}" if model.revision and "@" not in came else ""
    parts: list[str | tuple[str, str]] = [
        (" from ", MUTED), one_line(came) + revision, "   ",
        (one_line(model.license or "license unknown"), MUTED), "   ", verified,
    ]  # fmt: skip
    below = [f"finetuned to  {child.ref}   {child.run or ''}" for child in line.children[:2]]
    if len(line.descendants) > 2:
        below.append(f"and {len(line.descendants) - 2} more under Lineage")
    below += [
        f"deployed on   {endpoint}/{deployment.name}  {deployment.traffic}%"
        for endpoint, deployment in line.deployed(model.ref)[:2]
    ]
    for at, words in enumerate(below):
        branch = "└" if at == len(below) - 1 else "├"
        parts += ["\n", (f" {branch} ", MUTED), one_line(words)]
    return Content.assemble(*parts)


def _with_disk(model: ModelInfo, taken: keeping.Disk) -> Content:
    """The model's facts, and what removing it would free."""
    mine = next((one for one in taken.models if one.ref == model.ref), None)
    if mine is None:
        return model_facts(model)
    shared = [
        f"{size(count)} also {where}"
        for count, where in (
            (mine.models, "in other models"),
            (mine.cache, "in the hub's cache"),
            (mine.runs, "in runs"),
        )
        if count
    ]
    words = f"{size(mine.bytes)} on the disk, {size(mine.own)} of it here alone"
    disk = Content.styled("\n".join([words, *shared]), MUTED)
    return Content("\n\n").join([model_facts(model), disk])


def _tree(members: Sequence[family.Member]) -> Content:
    """From the first ancestor down to all that was made of it, the model itself in bold."""
    parts: list[str | tuple[str, str]] = [(f"{clean(members[0].model.origin)}\n", MUTED)]
    for member in members:
        name = (member.model.ref, "bold" if member.here else "")
        parts += [(member.branch, MUTED), name, (f"   {clean(member.words())}\n", MUTED)]
    if members[-1].here and not members[-1].deployments:
        parts += ["\nNothing was made of it yet: f finetunes it, d deploys it.\n"]
    return Content.assemble(*parts)
