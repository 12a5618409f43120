"""The tasks that models are finetuned and measured on, one module each."""

from __future__ import annotations

from importlib import import_module

from fmtui.errors import UsageError
from fmtui.tasks.base import Task

NAMES = ("text-classification",)


def get_task(name: str) -> Task:
    """The task of that name. Raises UsageError with the names there are."""
    if name not in NAMES:
        raise UsageError(f"no task `{name}`", hint=f"Tasks: {', '.join(NAMES)}.")
    task: Task = import_module(f"fmtui.tasks.{name.replace('-', '_')}").TASK
    return task
