"""Load a scoring script as Azure ML would, and answer many requests with it."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """One body, as it came and parsed."""

    raw: bytes
    body: Any


class Script:
    """A loaded scoring script."""

    def __init__(self, path: Path, model_dir: Path) -> None:
        """Import the script and run its `init()` with AZUREML_MODEL_DIR set.

        One script may load at a time, because the environment is the whole process's. Raises
        whatever the script raises.
        """
        name = f"scoring_{path.parent.name.replace('.', '_').replace('-', '_')}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is no Python module")
        module = importlib.util.module_from_spec(spec)
        os.environ["AZUREML_MODEL_DIR"] = str(model_dir)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
            module.init()
        except BaseException:
            sys.modules.pop(name, None)
            raise
        self._name = name
        self._run: Callable[[str], Any] = module.run
        self._predict: Callable[[list[Any]], list[Any]] | None = getattr(module, "predict", None)

    def unload(self) -> None:
        """Let go of the module, so that its model's memory is freed."""
        sys.modules.pop(self._name, None)

    def answer(self, requests: list[Request]) -> list[Any]:
        """One answer a request, in order; an exception in the place of one that failed.

        A batch that fails as a whole is answered one by one, so that a request which breaks the
        script breaks no other.
        """
        if self._predict is None:
            return [_attempt(self._run, request.raw.decode()) for request in requests]
        answers = _attempt(self._predict, [request.body for request in requests])
        if isinstance(answers, list) and len(answers) == len(requests):
            return answers
        if len(requests) > 1:
            return [self.answer([request])[0] for request in requests]
        if isinstance(answers, Exception):
            return [answers]
        return [TypeError("predict() must return a list with one answer a request")]


def _attempt(function: Callable[[Any], Any], argument: Any) -> Any:
    try:
        return function(argument)
    except Exception as error:
        return error


def encode(answer: Any) -> bytes:
    """An answer as JSON; arrays and tensors become lists. Raises TypeError, ValueError.

    A script that returns nothing is answered `{}`, as by Azure ML's server.
    """
    if answer is None:
        return b"{}"
    return json.dumps(answer, ensure_ascii=False, default=_plain).encode()


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"an answer holds a {type(value).__name__}, which JSON can't")
