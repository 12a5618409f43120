"""Finetune a model on data: what it would do is worked out while the form is filled in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from textual.content import Content
from textual.widget import Widget

from fmtui.errors import FmtuiError
from fmtui.services import finetune, settings, sweep
from fmtui.services.finetune import FinetunePlan, FinetuneRequest, SettingInfo
from fmtui.services.text import clean, one_line
from screens.bindings import bindings
from screens.forms.base import PAUSE_SECONDS, Form, pairs, required
from screens.forms.choices import DROP, NO_DATA, data_options, faulty_rows, model_field
from screens.forms.parameters import ParameterList, Parameters
from screens.forms.run_options import RunFields
from screens.forms.where import WhereFields
from screens.threads import threaded
from screens.widgets.fields import Choice, Field, TextField, options_of
from screens.widgets.picker import Option
from screens.widgets.states import MUTED

MAIN_SETTINGS = {
    "num_train_epochs": "epochs",
    "per_device_train_batch_size": "batch",
    "learning_rate": "rate",
    "max_seq_length": "length",
    "precision": "precision",
}
"""The settings with a field of their own; all others can be typed as name=value."""


class FinetuneForm(Form):
    """`model`, `train` and `where` are what the form is filled in with."""

    TAB = "models"
    BINDINGS = bindings("finetune")

    def __init__(self, model: str = "", train: str = "", *, where: str = "local") -> None:
        super().__init__()
        self.model, self.train, self.where = model, train, where
        self.plan: FinetunePlan | None = None
        self.known: Sequence[SettingInfo] = ()
        self._defaults_of = ("", "", "", "")
        self._usual: str = finetune.TASKS[0]
        self._suggested, self._suggested_for = finetune.TASKS[0], ("", "")

    def crumbs(self) -> Sequence[str]:
        return ("Finetune", self.model or "a model")

    def fields(self) -> Iterable[Widget]:
        yield model_field(self.model)
        yield Field(
            "task",
            Choice("Task", lambda: options_of(finetune.TASKS), value=finetune.TASKS[0], id="task"),
        )
        yield Field(
            "training",
            Choice(
                "Training data",
                data_options,
                value=self.train,
                none=NO_DATA,
                free="file",
                id="train",
            ),
        )
        yield Field(
            "validation",
            Choice("Validation data", _validation_options, free="file", id="validation"),
        )
        yield Field("columns", TextField(hint="guessed; or text=message, label=intent", id="cols"))
        yield Field("preset", Choice("Preset", _preset_options, empty="none", id="preset"))
        for name, word in MAIN_SETTINGS.items():
            yield Field(word, TextField(id=name))
        yield Field("more", TextField(hint="other settings as name=value", id="more"))
        yield Field("parameters", Parameters(self._show_parameters, id="parameters"))
        yield faulty_rows()
        yield Field("name", TextField(hint="of the new model; chosen for you", id="name"))
        yield WhereFields(
            lambda: self.query_one("#model", Choice).value, "finetune", where=self.where
        )
        yield RunFields()

    def request(self) -> FinetuneRequest:
        """What the fields say. Raises FmtuiError while something is missing."""
        return FinetuneRequest(
            model=required(self.query_one("#model", Choice).value, "A model"),
            task=self.query_one("#task", Choice).value,
            train=required(self.query_one("#train", Choice).value, "Training data"),
            validation=self.query_one("#validation", Choice).value or None,
            name=self.query_one("#name", TextField).value.strip() or None,
            columns=pairs(self.query_one("#cols", TextField).value, "columns"),
            drop_invalid=self.query_one("#faulty", Choice).value == DROP,
            settings=self._given(),
            preset=self.query_one("#preset", Choice).value or None,
            where=self.query_one(WhereFields).where(),
            **self.query_one(RunFields).options(),
        )

    def _given(self) -> dict[str, str]:
        """The settings that somebody typed. Raises UsageError."""
        main = {n: self.query_one(f"#{n}", TextField).value.strip() for n in MAIN_SETTINGS}
        more = pairs(self.query_one("#more", TextField).value, "more")
        return finetune.request_from(main | more)

    def _put(self, name: str, value: str) -> None:
        """Write a setting into the field that it has, '' takes it out."""
        if name in MAIN_SETTINGS:
            self.query_one(f"#{name}", TextField).value = value
            return
        field = self.query_one("#more", TextField)
        more = {n: v for n, v in pairs(field.value, "more").items() if n != name}
        more |= {name: value} if value else {}
        field.value = ", ".join(f"{n}={v}" for n, v in more.items())

    def _show_parameters(self) -> None:
        try:
            given = self._given()
        except FmtuiError as error:
            self.tell(str(error), "$text-warning")
            return
        infos = self.known
        if self.plan is not None and not self.plan.errors:
            infos = [_planned(info, self.plan) for info in infos]
        self.app.push_screen(ParameterList(infos, given, self._put))

    def command(self) -> str:
        return sweep.command(self.request(), self.query_one(RunFields).sweep())

    def first(self) -> str:
        return "#train" if self.model else "#model"

    def changed(self) -> None:
        super().changed()
        model, task = self.query_one("#model", Choice).value, self.query_one("#task", Choice).value
        if model != self._defaults_of[0] and (usual := finetune.usual_task(self.ctx, model)):
            if task == self._usual:  # nobody chose another
                self.query_one("#task", Choice).value = task = usual
            self._usual = usual
        where = self.query_one("#where", Choice).value
        preset = self.query_one("#preset", Choice).value
        if (model, task, where, preset) != self._defaults_of:
            self._defaults_of = (model, task, where, preset)
            self.top.set(("Finetune", model or "a model"))
            self.start(partial(self._show_defaults, *self._defaults_of), group="defaults")
        train = self.query_one("#train", Choice).value
        if (model, train) != self._suggested_for:
            self._suggested_for = (model, train)
            self.start(partial(self._suggest_task, model, train), group="task")
        self.plan = None
        self.start(self._replan, group="plan")

    async def _suggest_task(self, model: str, train: str) -> None:
        """Choose the task that is meant, unless a person has chosen another."""
        task = await threaded(finetune.suggest_task, self.ctx, model, train)
        choice = self.query_one("#task", Choice)
        if choice.value == self._suggested:
            self._suggested = choice.value = task

    async def _show_defaults(self, model: str, task: str, where: str, preset: str) -> None:
        known = await threaded(
            finetune.defaults, self.ctx, model, task, preset=preset or None, backend=where
        )
        self.known = list(known.values())
        for name in MAIN_SETTINGS:
            field = self.query_one(f"#{name}", TextField)
            field.placeholder = known[name].value
            if isinstance(field.parent, Field):
                field.parent.note(known[name].help)

    async def _replan(self) -> None:
        await asyncio.sleep(PAUSE_SECONDS)  # until the typing pauses
        try:
            request = self.request()
        except FmtuiError:
            return
        self.plan = plan = await threaded(finetune.plan, self.ctx, request)
        if not self.working:
            self.tell(_plan_words(plan))
        self._notes(plan)

    def _notes(self, plan: FinetunePlan) -> None:
        if plan.errors:
            return
        train = self.query_one("#train").parent
        if isinstance(train, Field):
            count = len(plan.warnings)
            checked = (
                f"✓ checked, {count} warning{'s' if count > 1 else ''}" if count else "✓ checked"
            )
            train.note(f"{plan.rows:,} rows, {len(plan.labels)} labels   {checked}")
        validation = self.query_one("#validation").parent
        if isinstance(validation, Field):
            validation.note(f"{plan.validation_rows:,} rows")
        for name in MAIN_SETTINGS:
            if plan.sources.get(name, "given") != "given":  # now that the data is known
                field = self.query_one(f"#{name}", TextField)
                field.placeholder = settings.as_typed(plan.settings[name])
        columns = self.query_one("#cols", TextField)
        if plan.columns:
            columns.placeholder = ", ".join(f"{k}={v}" for k, v in plan.columns.items())

    def action_check(self) -> None:
        if self.plan is None:
            self.say("Choose a model and training data first; the check runs by itself.")
        elif self.plan.errors or self.plan.warnings:
            from screens.widgets.notice import Notice

            words = [f"✗ {e}" for e in self.plan.errors] + [f"! {w}" for w in self.plan.warnings]
            self.app.push_screen(Notice("Check", "\n".join(words)))
        else:
            self.say(f"{self.plan.rows:,} rows and {len(self.plan.labels)} labels: nothing to fix.")

    async def submit(self) -> None:
        request, swept = self.request(), self.query_one(RunFields).sweep()
        self.tell("checking and starting …")
        if swept:
            await self._submit_sweep(request, swept)
            return
        run = await threaded(finetune.start, self.ctx, request)
        self.say(f"{run.run} is {run.state}. It goes on when fmtui is closed.")
        from screens.run import RunPage

        self.replace(RunPage(run.run))

    async def _submit_sweep(
        self, request: FinetuneRequest, values: Mapping[str, list[str]]
    ) -> None:
        infos = await threaded(sweep.start, self.ctx, request, values)
        group = await threaded(sweep.group_of, self.ctx, infos[0].run)
        self.say(f"{len(infos)} runs, {infos[0].run} to {infos[-1].run}, start as slots get free.")
        from screens.sweep import SweepPage

        self.replace(SweepPage(str(group)))


def _preset_options() -> list[Option]:
    found = [Option(name, name, words) for name, words in settings.presets().items()]
    return [Option("none", "", "what suits the model and the data"), *found]


def _planned(info: SettingInfo, plan: FinetunePlan) -> SettingInfo:
    """A setting with the value that it has in a plan, which knows the data too."""
    source = plan.sources.get(info.name, info.source)
    if source == "given" or info.name not in plan.settings:
        return info
    return replace(info, value=settings.as_typed(plan.settings[info.name]), source=source)


def _validation_options() -> list[Option]:
    return [Option("split off from training", "", "10%, stratified"), *data_options()]


def _plan_words(plan: FinetunePlan) -> Content:
    """The estimate, or the first reason why it can't be."""
    if plan.errors:
        return Content.styled(f"✗ {clean(plan.errors[0])}", "$text-error")
    parts: list[str | tuple[str, str]] = [("estimate   ", MUTED), clean(plan.estimate)]
    if plan.warnings:
        parts += ["\n", (f"! {one_line(plan.warnings[0])}", "$text-warning")]
    return Content.assemble(*parts)
