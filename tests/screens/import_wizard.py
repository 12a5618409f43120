"""Walks through the import wizard as a person: `python -m tests.screens.import_wizard`.

A process of its own, since the hub's library reads its settings when it is imported.
"""

from __future__ import annotations

import asyncio

from screens.forms.import_model import ImportForm
from tests.screens.tools import hides, opened, shows, type_in


async def walk() -> None:
    async with opened() as pilot:
        await pilot.app.push_screen(ImportForm("hf:org/old"))
        await shows(pilot, "Models › import")
        await pilot.press("ctrl+s")
        await shows(pilot, "✗ weights", "would be refused", "--convert-pickle")
        pilot.app.screen.query_one("#pickles").focus()
        await pilot.press("right")
        await shows(pilot, "pickles      converted", "hf:org/old --convert-pickle")
        await hides(pilot, "✗ weights")
        await pilot.press("ctrl+s")
        await shows(pilot, "! weights", "without network", "ctrl+s fetches")
        await pilot.press("ctrl+s")
        await shows(pilot, "✓ old:1 is here.", "tried:", seconds=60)
        await pilot.press("escape")
        await pilot.app.push_screen(ImportForm("hf:org/code"))
        await pilot.press("ctrl+s")
        await shows(pilot, "✗ code", "wants to run tok.py")
        pilot.app.screen.query_one("#code").focus()
        await pilot.press("right", "ctrl+s")
        await shows(pilot, "! code", "would run tok.py", "--trust-remote-code", "ctrl+s fetches")
        await pilot.press("escape")
        await pilot.app.push_screen(ImportForm("hf:org/tiny"))
        await shows(pilot, "fmtui model import hf:org/tiny")
        await pilot.press("ctrl+s")
        await shows(pilot, "✓ architecture BertModel", "✓ license", "ctrl+s fetches 92.8 kB")
        await pilot.press("ctrl+s")
        await shows(pilot, "✓ tiny:1 is here.", "tried:", "embedding of 32", seconds=60)
        await pilot.press("ctrl+s")
        await shows(pilot, "Models › tiny:1")
        await pilot.press("1", "u")
        await shows(pilot, "Catalog › sync", "$ fmtui catalog sync huggingface")
        await pilot.press("tab")
        await type_in(pilot, "translation")
        await pilot.press("tab", "tab", "tab", "tab", "tab")
        await type_in(pilot, "x")
        await shows(pilot, "`x` is no number of models")
        await pilot.press("backspace", "5")
        await shows(pilot, "huggingface --task translation --limit 5")
        await pilot.press("ctrl+s")
        await shows(pilot, "hf: 5 models, 5 new, 0 updated, 0 gone.", "1 Catalog")
        await pilot.press("slash")
        await type_in(pilot, "org model")
        await shows(pilot, "org/model-0000")
        await pilot.press("enter", "u")
        await shows(pilot, "Catalog › sync")
        await pilot.press("right")
        await shows(pilot, "a folder is needed", "folder       a checkout")


if __name__ == "__main__":
    asyncio.run(walk())
