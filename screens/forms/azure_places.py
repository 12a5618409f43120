"""Fields that choose where something runs in Azure ML, among what the workspace has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from fmtui.errors import FmtuiError
from fmtui.services import azure, azure_places
from fmtui.services.azure_places import InstanceType
from fmtui.services.context import context
from screens.widgets.asked import AskedChoice
from screens.widgets.fields import options_of
from screens.widgets.picker import Option


def instance_choice(model: Callable[[], str]) -> AskedChoice:
    """The instance type of a deployment of `model()`."""
    return AskedChoice(
        "Instance type",
        lambda: _types(model(), "inference"),
        free="type",
        empty="the recommended one",
        id="instance",
    )


def cluster_choice() -> AskedChoice:
    """The compute cluster that jobs run on."""
    return AskedChoice("Compute cluster", _clusters, free="cluster", id="compute")


def place_choice(model: Callable[[], str], job: str, *, usual: str) -> AskedChoice:
    """A compute cluster, or the instance type of serverless compute, for a job on `model()`.

    Args:
        usual: What is taken where neither the person nor the profile chooses.
    """

    def ask() -> Sequence[Option]:
        found = [replace(o, label=f"cluster {o.label}") for o in _clusters()]
        return [*found, *_types(model(), job)]

    return AskedChoice(
        "Cluster or instance type",
        ask,
        free="cluster or type",
        empty=_of_profile() or usual,
        id="instance",
    )


def _of_profile() -> str | None:
    """Where the profile in force lets jobs run."""
    with suppress(FmtuiError):  # the plan tells of it
        found = azure.settings(context())
        return found.compute or found.instance_type
    return None


def targets() -> list[Option]:
    """Where something can be made: in Azure only where a workspace is named."""
    return options_of(["local", "azureml"] if azure.configured(context()) else ["local"])


def workspace_words() -> str:
    """Which workspace is in force, for a note; Azure is not asked."""
    try:
        return f"workspace {azure.settings(context()).workspace or 'not chosen yet'}"
    except FmtuiError as error:
        return error.message


def _clusters() -> list[Option]:
    return [
        Option(c.name, c.name, f"{c.size} {c.least} to {c.most}")
        for c in azure_places.clusters(context())
    ]


def _types(model: str, job: str) -> list[Option]:
    found = azure_places.instance_types(context(), model, job)
    return [
        Option(f"{t.size.name} {'recommended' * t.recommended}", t.size.name, _power(t))
        for t in found
    ]


def _power(kind: InstanceType) -> str:
    """`8 cores 28 GiB 0.80 USD/h`; of one with GPUs their number instead."""
    size = kind.size
    number, word = (size.gpus, "GPU") if size.gpus else (size.cores, "core")
    price = "" if size.price is None else f" {size.price:.2f} {size.currency}/h"
    return f"{number} {word}{'s' * (number > 1)} {size.memory_gib:g} GiB{price}"
