"""What is imported, and when: `--help` needs no screen, the first frame nothing that computes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

FIRST_FRAME = """
import asyncio, json, sys
from fmtui.app import FmtuiApp
from fmtui.services.context import context

class Seen(FmtuiApp):
    def look_after(self):
        strips = self.screen._compositor.render_strips()
        self.words = "\\n".join(strip.text for strip in strips)
        self.modules = sorted(name for name in sys.modules if "." not in name)

async def main():
    context().db.prepare()
    app = Seen()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
    print(json.dumps({"words": app.words, "modules": app.modules}))

asyncio.run(main())
"""

HEAVY = {
    "torch", "transformers", "datasets", "evaluate", "accelerate", "azure", "sqlmodel",
    "sqlalchemy", "alembic", "huggingface_hub", "numpy", "pyarrow", "sklearn", "httpx",
}  # fmt: skip


def python(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.usefixtures("here")
def test_the_first_frame_has_rows_and_has_loaded_nothing_heavy() -> None:
    seen = json.loads(python(FIRST_FRAME).strip().splitlines()[-1])
    assert "▸" in seen["words"] and "azureml" in seen["words"]
    assert HEAVY & set(seen["modules"]) == set()


def test_help_loads_no_screen_and_no_registry_engine() -> None:
    program = (
        "import sys, json\n"
        "from fmtui.cli import cli\n"
        "try:\n    cli(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(json.dumps(sorted(n for n in sys.modules if '.' not in n)))"
    )
    modules = set(json.loads(python(program).strip().splitlines()[-1]))
    assert (HEAVY | {"textual", "screens"}) & modules == set()
