"""The part of a form that says where a run runs, and in how many processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical

from fmtui.errors import FmtuiError
from fmtui.services import accelerate, where
from fmtui.services.context import context
from fmtui.services.where import Where
from screens.forms.azure_places import place_choice, workspace_words
from screens.forms.base import pairs, whole
from screens.forms.choices import on_azure
from screens.widgets.fields import Choice, Editable, Field, TextField, options_of
from screens.widgets.picker import Option

_SLURM = {
    "partition": ("partition", "the cluster's default"),
    "nodes": ("nodes", "1"),
    "gpus": ("GPUs", "0; on each node"),
    "time_limit": ("time limit", "90 (minutes), 1:30:00 or 2-12:00:00; the partition's"),
    "account": ("account", "whose share is used; yours"),
}
"""What is asked of Slurm: the attribute of `Where`, its word, and what stands there when empty."""

_NOTES: dict[str, Callable[[], str]] = {
    "local": lambda: "this machine",
    "slurm": lambda: "[slurm] in config.toml says what to ask for",
    "azureml": workspace_words,
}

_REQUEUE = {"yes": True, "no": False}
_WRITTEN, _CHANGED = "written for you", "changed by you"


class WhereFields(Vertical):
    """Lines that do not matter for what is chosen are not shown.

    Args:
        model: Gives the reference of the model that runs.
        job: What is done to it, as the catalogue calls it: `finetune`, `evaluation`.
        several: Whether the work can be shared by several processes.
        where: The place that is chosen at first.
    """

    def __init__(
        self, model: Callable[[], str], job: str, *, several: bool = True, where: str = "local"
    ) -> None:
        super().__init__()
        self.model, self.job, self.first = model, job, where
        self.several = several
        self.config: str | None = None

    def compose(self) -> ComposeResult:
        yield Field(
            "where",
            Choice("Where", lambda: options_of(where.places()), value=self.first, id="where"),
            _NOTES[self.first](),
        )
        yield Field(
            "runs on",
            place_choice(self.model, self.job, usual="the recommended instance type"),
            classes="azureml",
        )
        yield Field("experiment", TextField(hint="fmtui", id="experiment"), classes="azureml")
        yield Field(
            "job's tags", TextField(hint="team=cards, cost=42", id="azure_tags"), classes="azureml"
        )
        for name, (word, hint) in _SLURM.items():
            if self.several or name != "nodes":
                yield Field(word, TextField(hint=hint, id=name), classes="slurm")
        yield Field(
            "requeue",
            Choice("When its time is over", self._requeue, empty="not", id="requeue"),
            classes="slurm",
        )
        yield Field(
            "sbatch", TextField(hint="mem=64G, other=options", id="sbatch"), classes="slurm"
        )
        if not self.several:
            return
        yield Field(
            "processes",
            TextField(hint="1; of all machines together", id="processes"),
            classes="here",
        )
        yield Field(
            "machines",
            TextField(hint="1; the others join with `fmtui run join`", id="machines"),
            classes="several local",
        )
        yield Field(
            "address",
            TextField(hint="HOST:PORT where they find this machine", id="address"),
            classes="machines",
        )
        yield Field(
            "distributed",
            Choice("Spread by", lambda: options_of(where.KINDS), value="ddp", id="distributed"),
            classes="several",
        )
        yield Field(
            "accelerate",
            Editable(
                "accelerate.yaml (empty it, and it is written for you)",
                self._proposed,
                check=accelerate.check,
                label=_WRITTEN,
                id="accelerate",
            ),
            classes="several",
        )

    def _requeue(self) -> list[Option]:
        default = "yes" if where.slurm_defaults(context()).get("requeue") else "no"
        return [Option(f"as config.toml says: {default}", ""), *options_of(_REQUEUE)]

    def on_mount(self) -> None:
        self.show()

    @on(Choice.Changed)
    @on(TextField.Changed)
    def show(self) -> None:
        """Show the lines that matter now."""
        chosen = self.query_one("#where", Choice)
        if isinstance(chosen.parent, Field):
            chosen.parent.note(_NOTES[chosen.value]())
        slurm, azure = chosen.value == "slurm", chosen.value == "azureml"
        several = self.several and not azure and self._several()
        machines = self.several and self._text("machines") not in ("", "1")
        shown = {
            "slurm": slurm,
            "azureml": azure,
            "here": not azure,
            "several": several,
            "local": several and not slurm,
            "machines": machines and several and not slurm,
        }
        for field in self.query(Field):
            kinds = field.classes & shown.keys()
            field.display = all(shown[kind] for kind in kinds)
        if slurm:
            self._show_defaults()

    def _show_defaults(self) -> None:
        try:
            known = where.slurm_defaults(context())
        except FmtuiError:  # the plan tells of it
            return
        for name, (_, hint) in _SLURM.items():
            for field in self.query(f"#{name}").results(TextField):
                field.placeholder = str(known.get(name, hint))

    def _several(self) -> bool:
        """Whether there will be several processes, as far as it can be told."""
        try:
            return bool(accelerate.proposed(context(), self._where(config=None)))
        except FmtuiError:
            return True

    def _text(self, name: str) -> str:
        fields = self.query(f"#{name}").results(TextField)
        return next((field.value.strip() for field in fields), "")

    def _number(self, name: str) -> int | None:
        return whole(self._text(name), name)

    def where(self) -> Where:
        """What the lines say. Raises UsageError."""
        return self._where(config=self.config)

    def _where(self, *, config: str | None) -> Where:
        chosen = Where(backend=self.query_one("#where", Choice).value)
        if chosen.backend == "azureml":
            return replace(
                on_azure(self.query_one("#instance", Choice).value),
                experiment=self._text("experiment") or None,
                azure_tags=pairs(self._text("azure_tags"), "job's tags"),
            )
        if self.several:
            chosen = replace(
                chosen,
                processes=self._number("processes"),
                distributed=self.query_one("#distributed", Choice).value,
                config=config,
            )
        if chosen.backend == "local":
            machines = self._number("machines")
            return replace(chosen, machines=machines, address=self._text("address") or None)
        return replace(
            chosen,
            partition=self._text("partition") or None,
            time_limit=self._text("time_limit") or None,
            account=self._text("account") or None,
            nodes=self._number("nodes"),
            gpus=self._number("gpus"),
            requeue=_REQUEUE.get(self.query_one("#requeue", Choice).value),
            slurm=pairs(self._text("sbatch"), "sbatch"),
        )

    def _proposed(self) -> str:
        return accelerate.proposed(context(), self.where())

    @on(Editable.Changed)
    def _edited(self, event: Editable.Changed) -> None:
        """What was changed is kept in a file, so that the command line can name it."""
        self.config = None
        if event.text.strip():
            try:
                self.config = str(accelerate.keep(context(), event.text))
            except FmtuiError as error:
                self.app.notify(str(error), severity="error", markup=False)
        event.editable.tell(_CHANGED if self.config else _WRITTEN)
        self.show()
