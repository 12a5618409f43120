"""What models do in each task: how rows become input, and what comes out becomes an answer.

The half of a task that computes. Its names, columns and checks, which need no torch, are the module
of the same name in `fmtui.tasks`.
"""

from __future__ import annotations

from importlib import import_module

from fmtui.workers.tasks.base import Procedure


def get_procedure(task: str) -> Procedure:
    """The procedure of a task that `fmtui.tasks.get_task` knows."""
    procedure: Procedure = import_module(f"{__name__}.{task.replace('-', '_')}").PROCEDURE
    return procedure
