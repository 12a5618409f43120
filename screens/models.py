"""The models on this machine."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from fmtui.services import models
from fmtui.services.text import ago, number, one_line, size
from registry.views import ModelInfo
from screens.base import facts
from screens.bindings import bindings
from screens.listing import FIGURES, LETTERS, TIMES, Listing, Order
from screens.widgets.record_list import Column


class ModelsScreen(Listing[ModelInfo]):
    TAB = "models"
    HINT = "search the models here"
    BINDINGS = bindings("models")
    COLUMNS = (
        Column("model", lambda m: m.ref, order="model"),
        Column("task", lambda m: m.task or "–", width=19, order="task"),
        Column("params", lambda m: number(m.parameters), width=8, right=True, order="parameters"),
        Column("size", lambda m: size(m.size_bytes), width=8, right=True, order="size"),
        Column("made", lambda m: ago(m.created), width=10, drop=76, order="made"),
    )
    ORDERS = {
        "model": Order[ModelInfo](LETTERS, lambda m: (m.name.lower(), m.name, m.version)),
        "task": Order(LETTERS, lambda m: m.task),
        "parameters": Order(FIGURES, lambda m: m.parameters),
        "size": Order(FIGURES, lambda m: m.size_bytes),
        "made": Order(TIMES, lambda m: m.created, down=True),
    }
    EMPTY = (
        "No models here yet. Press i to import a folder or a model of the hub,\n"
        "or 1 for the catalogue and i on one of its models, or try `make demo`."
    )

    def fetch(self) -> Sequence[ModelInfo]:
        return models.list_models(self.ctx)

    def key(self, record: ModelInfo) -> str:
        return record.ref

    def words(self, record: ModelInfo) -> str:
        facts = (record.task, record.architecture, record.origin, record.parent, record.note)
        return " ".join([record.ref, *(fact or "" for fact in facts), *record.tags])

    def detail(self, record: ModelInfo) -> Content:
        return model_facts(record)

    def open(self, record: ModelInfo) -> None:
        from screens.model import ModelPage

        self.app.push_screen(ModelPage(record.ref))

    def action_import_model(self) -> None:
        from screens.forms.import_model import ImportForm

        self.app.push_screen(ImportForm())

    def action_finetune(self) -> None:
        from screens.forms.finetune import FinetuneForm

        self.app.push_screen(FinetuneForm(self.record.ref if self.record else ""))

    def action_evaluate(self) -> None:
        from screens.forms.evaluate import EvaluateForm

        self.app.push_screen(EvaluateForm(self.record.ref if self.record else ""))

    def action_deploy(self) -> None:
        from screens.forms.deploy import DeployForm

        self.app.push_screen(DeployForm(model=self.record.ref if self.record else ""))

    def action_tag(self) -> None:
        from screens.model_actions import tag_model

        if self.record is not None:
            tag_model(self, self.record)

    def action_remove(self) -> None:
        from screens.model_actions import remove_model

        if self.record is not None:
            remove_model(self, self.record.ref, self.reload)


def model_facts(model: ModelInfo) -> Content:
    """What is known about a registered model, on some lines."""
    heading = Content.styled(one_line(model.ref), "bold")
    shown = ", ".join(model.labels[:8]) + (" …" if len(model.labels) > 8 else "")
    table = facts(
        ("task", model.task),
        ("architecture", model.architecture),
        ("type", model.model_type),
        ("parameters", number(model.parameters) if model.parameters else None),
        ("size", size(model.size_bytes)),
        ("license", model.license),
        ("origin", model.origin),
        ("revision", model.revision),
        ("parent", model.parent),
        ("made by", model.run),
        ("labels", f"{len(model.labels)}: {shown}" if model.labels else None),
        ("created", model.created[:16].replace("T", " ")),
        ("verified", f"✓ {model.verified[:16].replace('T', ' ')}" if model.verified else "not yet"),
        ("tags", " ".join(model.tags) or None),
        ("note", model.note),
        ("folder", model.path),
    )
    return Content("\n\n").join([heading, table])
