"""Programs that take turns, so that a machine that others use, and that is faster now and slower
then, is as fast for each of them.

Each program is a process of its own and does its work in the same number of turns. It calls a
`Turn` after each step of it, and tells its result at the end.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

_TURNS = 15


class Turn:
    """The side of a program: call it with the share of the work that is done, 0 to 1; it returns
    at once, or when it is its turn again."""

    def __init__(self) -> None:
        self._out = sys.stdout
        sys.stdout = sys.stderr  # what libraries print is no message
        self._over = 0
        self._begun = 0.0

    def begin(self) -> None:
        """Say that all is ready, and wait for the first turn."""
        self._wait()
        self._begun = time.process_time()

    def __call__(self, done: float) -> None:
        if int(done * _TURNS) > self._over and done < 1:
            self._over = int(done * _TURNS)
            self._wait()

    def _wait(self) -> None:
        print(json.dumps({"turn": "over"}), file=self._out, flush=True)
        sys.stdin.readline()

    def used(self) -> float:
        """CPU seconds since the first turn; waiting costs none."""
        return time.process_time() - self._begun

    def end(self, **result: Any) -> None:
        """Tell the result, `cpu_s` in it, and leave the turns to the others."""
        print(json.dumps(result), file=self._out, flush=True)


def take(programs: Mapping[str, tuple[list[str], dict[str, str]]]) -> dict[str, dict[str, Any]]:
    """The result of each program: words to start it with, and its environment."""
    running = {
        name: subprocess.Popen(
            words, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name, (words, env) in programs.items()
    }
    results: dict[str, dict[str, Any]] = {}
    for name, process in running.items():  # one after the other they make ready
        _hear(name, process)
    while len(results) < len(running):
        for name, process in running.items():
            if name in results:
                continue
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
            if "cpu_s" in (heard := _hear(name, process)):
                results[name] = heard
                figures = {k: v for k, v in heard.items() if not isinstance(v, list)}
                print(f"{name}: {figures}", file=sys.stderr, flush=True)
    for process in running.values():
        process.communicate()
    return results


def _hear(name: str, process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"{name} ended before its time, with {process.wait()}")
    heard: dict[str, Any] = json.loads(line)
    return heard
