"""The stepping stone of a double fork: `python -m fmtui.runs.detach [--scope] LOG MODULE ...`.

It leads a new session, forks, and ends; its child runs MODULE with its output in LOG. Nothing
heavy is imported before the fork, so the caller waits some tens of milliseconds.
With --scope, MODULE runs in a scope of the user's systemd, where there is one: a logout that ends
all of the session's processes (KillUserProcesses) then passes it by.
"""

from __future__ import annotations

import os
import runpy
import sys

_SYSTEMD_RUN = ("systemd-run", "--user", "--scope", "--quiet", "--collect", "--")


def main() -> None:
    words = sys.argv[1:]
    scope = words[0] == "--scope"
    log, module, *arguments = words[scope:]
    if os.fork():
        os._exit(0)
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)
    if scope and _user_bus() and _scope_works():
        command = [sys.executable, "-P", "-m", module, *arguments]
        os.execvp(_SYSTEMD_RUN[0], [*_SYSTEMD_RUN, *command])
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _user_bus() -> bool:
    """Whether the user's systemd can be spoken to: its socket is there."""
    from pathlib import Path

    address = os.environ.get("DBUS_SESSION_BUS_ADDRESS", "")
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    path = address.partition("unix:path=")[2].partition(",")[0] or (
        f"{runtime}/bus" if runtime else ""
    )
    return bool(path) and Path(path).is_socket()


def _scope_works() -> bool:
    """Tried once on `true`: after the exec there is no way back."""
    import subprocess

    try:
        quiet = subprocess.DEVNULL
        done = subprocess.run(
            [*_SYSTEMD_RUN, "true"], stdin=quiet, stdout=quiet, stderr=quiet, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


if __name__ == "__main__":
    main()
