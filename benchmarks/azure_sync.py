"""The claim: 2,000 models of a registry sync in at most 1.5 times the time of the bare SDK calls.

The bare calls are the SDK's own: list the models, then get each, with as many threads as the sync
has; how long they take one by one is told too. The service is the tests' stand-in in a process of
its own, so this measures what fmtui adds, not Azure.
"""

from __future__ import annotations

import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

MODELS = 2000
LIMIT = 1.5
ROUNDS = 3


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "tests.azure.standin", f"{folder}/azure", str(MODELS)]
        service = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            cwd=Path(__file__).parents[1],
        )  # fmt: skip
        try:
            assert service.stdout is not None
            for line in iter(service.stdout.readline, "\n"):
                name, _, value = shlex.split(line)[1].partition("=")
                os.environ[name] = value
            os.environ["FMTUI_HOME"] = f"{folder}/home"
            return _measure()
        finally:
            assert service.stdin is not None
            service.stdin.close()  # it ends then, and the blob store with it; a signal leaves that
            try:
                service.wait(30)
            except subprocess.TimeoutExpired:
                service.kill()
                service.wait()


def _measure() -> int:
    from fmtui.azure.catalog import AT_ONCE
    from fmtui.azure.connection import connect
    from fmtui.services.catalog import sync_registry
    from fmtui.services.context import context

    ctx = context()
    client = connect(ctx.home).registry("azureml")
    ctx.db.prepare()
    _bare(client, AT_ONCE)  # connections are made, classes of the SDK are built
    one_by_one = _seconds(lambda: _bare(client, 1))
    bare, ours = [], []
    for _ in range(ROUNDS):
        bare.append(_seconds(lambda: _bare(client, AT_ONCE)))
        ours.append(_seconds(lambda: sync_registry(ctx, fresh=True)))
    total = len(_listed(client))
    assert sync_registry(ctx).total == total
    again = _seconds(lambda: sync_registry(ctx))
    ratio = statistics.median(ours) / statistics.median(bare)
    claim = f"{MODELS} models sync in at most {LIMIT} times the bare SDK calls, as many at once"
    measured = {
        "models": total,
        "at_once": AT_ONCE,
        "bare_seconds": [round(seconds, 2) for seconds in bare],
        "sync_seconds": [round(seconds, 2) for seconds in ours],
        "ratio": round(ratio, 2),
        "bare_one_by_one_seconds": round(one_by_one, 2),
        "again_seconds": round(again, 2),
    }
    print(json.dumps({"claim": claim, "measured": measured, "holds": ratio <= LIMIT}))
    return 0 if ratio <= LIMIT else 1


def _seconds(job: Callable[[], object]) -> float:
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


def _listed(client: Any) -> list[tuple[str, str]]:
    return [(m.name, m.latest_version) for m in client.models.list(list_view_type="ActiveOnly")]


def _bare(client: Any, at_once: int) -> None:
    """The SDK's calls and nothing else: list the models, then get each, so many at once."""
    with ThreadPoolExecutor(at_once) as pool:
        for _ in pool.map(lambda pair: client.models.get(*pair), _listed(client)):
            pass


if __name__ == "__main__":
    sys.exit(main())
