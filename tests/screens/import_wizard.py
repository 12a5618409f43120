"""Walks through the import wizard as a person: `python -m tests.screens.import_wizard`.

A process of its own, since the hub's library reads its settings when it is imported.
"""

from __future__ import annotations

import asyncio

from screens.forms.import_model import ImportForm
from tests.screens.tools import opened, shows


async def walk() -> None:
    async with opened() as pilot:
        await pilot.app.push_screen(ImportForm("hf:org/old"))
        await shows(pilot, "Models › import")
        await pilot.press("ctrl+s")
        await shows(pilot, "✗ weights", "would be refused", "--convert-pickle")
        await pilot.press("escape")
        await pilot.app.push_screen(ImportForm("hf:org/tiny"))
        await shows(pilot, "fmtui model import hf:org/tiny")
        await pilot.press("ctrl+s")
        await shows(pilot, "✓ architecture BertModel", "✓ license", "ctrl+s fetches 92.8 kB")
        await pilot.press("ctrl+s")
        await shows(pilot, "✓ tiny:1 is here.", "tried:", "embedding of 32", seconds=60)
        await pilot.press("ctrl+s")
        await shows(pilot, "Models › tiny:1")


if __name__ == "__main__":
    asyncio.run(walk())
