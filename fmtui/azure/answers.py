"""Answers that the contract allows and the SDK does not take, mended; what it prints besides.

azure-ai-ml 1.35 reads the flavors of each model, and the SKU and scale settings of each deployment,
which the contract leaves out where there are none, and ends every upload with an escape sequence
and two empty lines on stderr.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any


def mend() -> None:
    """Let the SDK take them. Needs the SDK, so it is called where a client is made."""
    from azure.ai.ml._artifacts import _blob_storage_helper, _gen2_storage_helper
    from azure.ai.ml.entities import (
        DefaultScaleSettings,
        ManagedOnlineDeployment,
        Model,
        OnlineScaleSettings,
    )

    for module in (_blob_storage_helper, _gen2_storage_helper):
        vars(module)["print"] = _print_nothing

    def model(read: Callable[..., Any], cls: Any, answer: Any) -> Any:
        if getattr(answer.properties, "flavors", {}) is None:
            answer.properties.flavors = {}
        return read(cls, answer)

    def scale(read: Callable[..., Any], cls: Any, answer: Any) -> Any:
        return DefaultScaleSettings() if answer is None else read(cls, answer)

    def deployment(read: Callable[..., Any], cls: Any, answer: Any) -> Any:
        if answer.sku is None:  # as many instances as where nobody names a number
            answer.sku = SimpleNamespace(name="Default", capacity=1)
        return read(cls, answer)

    _replace(Model, model)
    _replace(ManagedOnlineDeployment, deployment)
    _replace(OnlineScaleSettings, scale)


def _replace(owner: Any, by: Callable[..., Any]) -> None:
    """Let `by` read what a class of the SDK reads, once; it is given the SDK's own way to."""
    if getattr(owner._from_rest_object, "mended", False):
        return
    read = owner._from_rest_object.__func__

    def mended(cls: Any, answer: Any) -> Any:
        return by(read, cls, answer)

    mended.mended = True  # type: ignore[attr-defined]
    owner._from_rest_object = classmethod(mended)


def _print_nothing(*_: object, **__: object) -> None:
    """In place of `print`, where nobody asked for progress."""
