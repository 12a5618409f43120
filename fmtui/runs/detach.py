"""The stepping stone of a double fork: `python -m fmtui.runs.detach LOG MODULE ARGUMENT...`.

It leads a new session, forks, and ends; its child runs MODULE with its output in LOG. Nothing
heavy is imported before the fork, so the caller waits some tens of milliseconds.
"""

from __future__ import annotations

import os
import runpy
import sys


def main() -> None:
    log, module, *arguments = sys.argv[1:]
    if os.fork():
        os._exit(0)
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
