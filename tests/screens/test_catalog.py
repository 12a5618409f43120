"""The catalogue: rows at once, search as you type, filters, and a state that survives."""

from __future__ import annotations

import pytest

from fmtui.services import catalog
from fmtui.services.context import Context
from registry.catalog.entries import Entry
from registry.catalog.sync import replace
from registry.database import now
from tests.screens.tools import SIZES, lines, opened, shows, text, type_in

pytestmark = pytest.mark.usefixtures("here")


@pytest.mark.parametrize("size", SIZES)
async def test_opens_with_rows_tabs_and_keys(size: tuple[int, int], here: Context) -> None:
    first = catalog.search(here, limit=1).rows[0]
    async with opened(size) as pilot:
        seen = lines(pilot)
        assert "1 Catalog" in seen[0] and "5 Endpoints" in seen[0]
        assert any(first.name[:20] in line and "▸" in line for line in seen)
        assert "? help" in seen[-1] and "^p all" in seen[-1]
        assert all(len(line) <= size[0] for line in seen)


async def test_search_narrows_while_typing_and_esc_clears_it() -> None:
    async with opened() as pilot:
        await pilot.press("slash")
        await type_in(pilot, "roberta mnli")
        seen = await shows(pilot, "roberta-large-mnli")
        assert "mistralai" not in seen
        await pilot.press("enter")
        await shows(pilot, "roberta mnli", "enter open")
        await pilot.press("slash", "escape")
        await shows(pilot, "mistralai-Mistral-7B-v01", "156")


async def test_a_search_with_wild_characters_is_only_a_search() -> None:
    async with opened() as pilot:
        await pilot.press("slash")
        field = pilot.app.focused
        field.value = "\"'*[red] AND NEAR( \x1b[31m"
        await shows(pilot, "Nothing in the catalogue matches")


async def test_moves_with_vim_keys_and_arrows() -> None:
    async with opened() as pilot:
        records = pilot.app.screen.records
        await pilot.press("j", "j", "k", "down")
        assert records.cursor == 2
        await pilot.press("G")
        assert records.cursor == records.total - 1
        await pilot.pause()
        assert any("▸" in line for line in lines(pilot)), "the cursor is in sight"
        await pilot.press("ctrl+u")
        assert 0 < records.cursor < records.total - 1
        await pilot.press("g")
        assert records.cursor == 0


async def test_a_filter_is_chosen_from_a_list_and_taken_away() -> None:
    async with opened() as pilot:
        await pilot.press("f")
        await shows(pilot, "Show only")
        await type_in(pilot, "task token-cl")
        await shows(pilot, "task token-classification")
        await pilot.press("enter")
        seen = await shows(pilot, "task token-classification   finetune any")
        assert "mistralai" not in seen
        await pilot.press("F")
        await shows(pilot, "task any", "156")


async def test_sorting_by_name_puts_the_first_name_first() -> None:
    async with opened() as pilot:
        await pilot.press("s")
        await shows(pilot, "Order by")
        await type_in(pilot, "name")
        await pilot.press("enter")
        await shows(pilot, "order name, a to z")
        names = [line.split()[0] for line in lines(pilot)[6:12]]
        assert [n.lower() for n in names] == sorted(n.lower() for n in names)


async def test_an_order_that_is_chosen_again_is_turned_round(here: Context) -> None:
    sizes = (300, 100, None, 200)
    listed = [Entry(f"org/m{at}", size_bytes=size) for at, size in enumerate(sizes)]
    replace(here.db.catalog, "azureml", [], now())
    replace(here.db.catalog, "hf", listed, now())

    def shown() -> list[str]:
        return [word for line in lines(pilot) for word in line.split() if word.startswith("org/")]

    async def choose(order: str, way: str) -> None:
        await pilot.press("s")
        await shows(pilot, "Order by")
        await type_in(pilot, f"{order} {way}")
        await pilot.press("enter")

    async with opened() as pilot:
        await choose("size", "least")
        await shows(pilot, "size ▲", "order size, least first")
        assert shown() == ["org/m1", "org/m3", "org/m0", "org/m2"]
        await choose("size", "greatest")
        await shows(pilot, "size ▼")
        assert shown() == ["org/m0", "org/m3", "org/m1", "org/m2"]
        await pilot.click("#records", offset=(5, 0))
        await shows(pilot, "name ▲")
        await pilot.click("#records", offset=(5, 0))
        await shows(pilot, "name ▼")
        assert shown() == ["org/m3", "org/m2", "org/m1", "org/m0"]
        await choose("rank", "best")
        await shows(pilot, "org/m0")
        assert shown() == ["org/m0", "org/m1", "org/m2", "org/m3"]


async def test_the_list_is_as_it_was_left() -> None:
    async with opened() as pilot:
        await pilot.press("slash")
        await type_in(pilot, "bert")
        await pilot.press("enter", "j", "j", "j")
        record = pilot.app.screen.record
        await pilot.press("4")
        await shows(pilot, "No runs yet")
        await pilot.press("1")
        await shows(pilot, "/ bert")
        assert pilot.app.screen.record == record
        await pilot.press("enter")
        await shows(pilot, record.ref)
        await pilot.press("escape")
        await shows(pilot, "/ bert")
        assert pilot.app.screen.record == record


async def test_the_mouse_moves_opens_and_changes_tabs() -> None:
    async with opened() as pilot:
        await pilot.click("#records", offset=(10, 4))
        assert pilot.app.screen.records.cursor == 3
        name = pilot.app.screen.record.name
        await pilot.click("#records", offset=(10, 4))
        await shows(pilot, "Catalog ›", name)
        await pilot.press("escape")
        await pilot.click("TopBar", offset=(lines(pilot)[0].index("3 Data"), 0))
        await shows(pilot, "No data yet")


async def test_side_by_side_only_where_there_is_room() -> None:
    async with opened((120, 40)) as pilot:
        assert "reference" in text(pilot)
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert "reference" not in text(pilot)


async def test_a_page_of_the_catalogue_tells_what_it_needs() -> None:
    async with opened() as pilot:
        await pilot.press("slash")
        await type_in(pilot, "bert-base-cased")
        await pilot.press("enter", "enter")
        seen = await shows(pilot, "Catalog ›", "azureml:bert-base-cased@", "fill-mask")
        assert "deploy" not in seen and "f finetune" not in seen, "no workspace is named"
        await pilot.press("i")
        await shows(pilot, "Models › import", "$ fmtui model import azureml:bert-base-cased@")


@pytest.mark.parametrize("size", SIZES)
async def test_a_card_is_rendered_and_its_escapes_are_harmless(
    size: tuple[int, int], here: Context
) -> None:
    card = "# A heading\n\nSome **bold** words.\x1b[2J\x1b]0;owned\x07\n\n- one\n- two\n"
    replace(here.db.catalog, "hf", [Entry("org/carded", downloads=9, description=card)], now())
    async with opened(size) as pilot:
        await shows(pilot, "org/carded")
        await pilot.press("enter")
        seen = await shows(pilot, "A heading", "Some bold words.")
        assert "**" not in seen and "# A" not in seen and "\x1b" not in seen


async def test_what_the_last_sync_changed_is_shown(here: Context) -> None:
    replace(here.db.catalog, "hf", [Entry("org/fresh", "1")], now())
    async with opened((120, 40)) as pilot:
        await pilot.press("c")
        await shows(pilot, "hf: 1 models", "1 new, 0 updated, 0 gone", "hf:org/fresh@1")


async def test_what_asks_for_consent_can_be_filtered(here: Context) -> None:
    replace(here.db.catalog, "hf", [Entry("org/closed", gated=True)], now())
    async with opened() as pilot:
        await pilot.press("f")
        await type_in(pilot, "gated yes")
        await pilot.press("enter")
        seen = await shows(pilot, "gated yes", "org/closed")
        assert "mistral" not in seen
