"""The choices that forms share: models, datasets and endpoints that are here."""

from __future__ import annotations

from fmtui.services import azure, data, endpoints, models
from fmtui.services.context import context
from fmtui.services.text import number
from fmtui.services.where import Where
from screens.widgets.fields import Choice, Field
from screens.widgets.picker import Option

NO_MODELS = "No models here: import one first (1, then i)."
NO_DATA = "No data here: type the path of a file, or add one first (3, then a)."


def model_options() -> list[Option]:
    """Every registered model version."""
    return [
        Option(m.ref, m.ref, f"{m.task or '–'}  {number(m.parameters)}")
        for m in models.list_models(context())
    ]


def model_field(chosen: str) -> Field:
    """Which model: one that is here, or in the catalogue of a workspace that is named."""
    free = "reference" if azure.configured(context()) else ""
    choice = Choice("Model", model_options, value=chosen, none=NO_MODELS, free=free, id="model")
    return Field("model", choice)


def data_options() -> list[Option]:
    """Every dataset, and each of its splits."""
    options = []
    for info in data.list_datasets(context()):
        options.append(Option(info.ref, info.ref, f"{info.rows:,} rows"))
        options += [
            Option(f"{info.ref}@{split}", f"{info.ref}@{split}", f"{rows:,} rows")
            for split, rows in info.splits.items()
            if split != "all"
        ]
    return options


def endpoint_options() -> list[Option]:
    """Every endpoint."""
    return [Option(e.name, e.name, e.url or "") for e in endpoints.list_endpoints(context())]


DROP = "drop"


def faulty_rows() -> Field:
    """Whether rows that have a fault stop the run, or are left out."""
    options = [Option("stop the run", ""), Option("are left out", DROP)]
    return Field("faulty rows", Choice("Rows that have a fault", lambda: options, id="faulty"))


def on_azure(instance: str) -> Where:
    """Azure ML as the place: what was chosen is an instance type or a compute cluster."""
    words = instance.strip()
    if words.lower().startswith("standard_"):
        return Where(backend="azureml", instance_type=words)
    return Where(backend="azureml", compute=words or None)
