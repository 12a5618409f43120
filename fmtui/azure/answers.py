"""Answers that the contract allows and the SDK does not take, mended; what it prints besides.

azure-ai-ml 1.35 reads the flavors of each model, which the contract leaves out where there are
none, and ends every upload with an escape sequence and two empty lines on stderr.
"""

from __future__ import annotations

from typing import Any


def mend() -> None:
    """Let the SDK take them. Needs the SDK, so it is called where a client is made."""
    from azure.ai.ml._artifacts import _blob_storage_helper, _gen2_storage_helper
    from azure.ai.ml.entities import Model

    for module in (_blob_storage_helper, _gen2_storage_helper):
        vars(module)["print"] = _print_nothing
    if getattr(Model._from_rest_object, "mended", False):
        return
    read = Model._from_rest_object.__func__

    def lenient(cls: Any, answer: Any) -> Any:
        if getattr(answer.properties, "flavors", {}) is None:
            answer.properties.flavors = {}
        return read(cls, answer)

    lenient.mended = True  # type: ignore[attr-defined]
    Model._from_rest_object = classmethod(lenient)


def _print_nothing(*_: object, **__: object) -> None:
    """In place of `print`, where nobody asked for progress."""
