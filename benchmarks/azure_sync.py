"""The claim: 2,000 models of a registry sync in at most 1.5 times the time of the bare SDK calls.

The bare calls are the SDK's own: list the models, then get each. The service is the tests' stand-in
in a process of its own, so this measures what fmtui adds, not Azure.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MODELS = 2000
LIMIT = 1.5


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
    from fmtui.azure.connection import connect
    from fmtui.services.catalog import sync_registry
    from fmtui.services.context import context

    ctx = context()
    client = connect(ctx.home).registry("azureml")
    began = time.perf_counter()
    names = [(m.name, m.latest_version) for m in client.models.list(list_view_type="ActiveOnly")]
    for name, version in names:
        client.models.get(name, version)
    bare = time.perf_counter() - began

    ctx.db.prepare()
    began = time.perf_counter()
    result = sync_registry(ctx)
    ours = time.perf_counter() - began
    assert result.total == len(names)

    began = time.perf_counter()
    sync_registry(ctx)
    again = time.perf_counter() - began
    print(
        json.dumps(
            {
                "claim": f"{MODELS} models sync in at most {LIMIT} times the bare SDK calls",
                "measured": {
                    "models": len(names),
                    "bare_seconds": round(bare, 2),
                    "sync_seconds": round(ours, 2),
                    "ratio": round(ours / bare, 2),
                    "again_seconds": round(again, 2),
                },
                "holds": ours <= LIMIT * bare,
            }
        )
    )
    return 0 if ours <= LIMIT * bare else 1


if __name__ == "__main__":
    sys.exit(main())
