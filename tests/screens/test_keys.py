"""The one table of keys: the last line, the help and the palette are made from it."""

from __future__ import annotations

from collections import Counter

import pytest
from rich.cells import cell_len

from fmtui.services.context import Context
from screens.bindings import TABLE
from screens.places import go, settled
from tests.screens.tools import lines, make_run, opened, shows, type_in

PLACES = (
    "catalog", "models", "data", "runs", "endpoints", "model:tiny", "data:messages",
    "check:messages", "run:r1", "import", "add", "finetune:tiny", "evaluate:tiny",
    "deploy:tiny", "help",
)  # fmt: skip


def test_every_key_has_a_sentence_and_a_name_of_its_own() -> None:
    every = [binding for part in TABLE.values() for binding in part]
    assert all(binding.tooltip.endswith(".") for binding in every)
    assert [name for name, count in Counter(b.id for b in every).items() if count > 1] == []


def test_no_part_uses_a_key_twice() -> None:
    for part, keys in TABLE.items():
        used = Counter(key for binding in keys for key in binding.key.split(","))
        assert [key for key, count in used.items() if count > 1] == [], part


@pytest.mark.parametrize(
    ("page", "inside"),
    [
        *((tab, ("list", "records")) for tab in ("catalog", "models", "data", "runs", "endpoints")),
        ("catalog_model", ("scroll",)),
        *((page, ("list", "scroll", "sections")) for page in ("model", "dataset", "data_check")),
        ("run", ("log", "scroll", "sections", "plot")),
        ("report", ("list", "scroll", "sections", "matrix")),
        ("errors", ("list", "page")),
        ("example", ("scroll", "page")),
        ("endpoint", ("log", "scroll", "sections", "list")),
        ("compare", ("scroll", "plot", "page")),
        ("plot", ("log", "scroll", "sections", "page")),
        ("form", ("choice",)),
        ("finetune", ("choice", "form")),
    ],
)
def test_a_page_s_keys_are_not_taken_by_what_is_in_it(page: str, inside: tuple[str, ...]) -> None:
    def keys(part: str) -> set[str]:
        return {key for binding in TABLE[part] for key in binding.key.split(",")}

    for part in (*inside, "app"):
        assert keys(page) & keys(part) == set(), part


@pytest.mark.parametrize("place", PLACES)
async def test_the_last_line_is_never_clipped(place: str, stocked: Context) -> None:
    make_run(stocked)
    async with opened() as pilot:
        await go(pilot.app, place)
        await settled(pilot)
        seen = lines(pilot)
        assert len(seen) == 24 and all(cell_len(line) == 80 for line in seen)
        last = seen[-1].rstrip()
        assert last.endswith("close" if place == "help" else "^p all"), last
        assert place == "help" or "help" in last


async def test_what_does_not_fit_is_in_the_help(stocked: Context) -> None:
    async with opened((60, 24)) as pilot:
        await pilot.press("2")
        await shows(pilot, "tiny:1")
        assert "deploy" not in lines(pilot)[-1] and "? help" in lines(pilot)[-1]
        await pilot.press("question_mark")
        await shows(pilot, "Keys", "On this screen", "Open the line under the cursor.")
        await pilot.press("end")
        await shows(pilot, "Everywhere", "Find a command by its name.")
        await pilot.press("escape")
        await shows(pilot, "enter open")


async def test_the_palette_finds_what_a_key_does(stocked: Context) -> None:
    async with opened() as pilot:
        await pilot.press("2")
        await shows(pilot, "tiny:1")
        await pilot.press("ctrl+p")
        await shows(pilot, "Open the line under the cursor")
        await type_in(pilot, "test data")
        await shows(pilot, "Measure this model on test data")
        await pilot.press("enter", "enter")
        await shows(pilot, "Evaluate › tiny:1")


async def test_a_key_of_the_last_line_can_be_clicked(here: Context) -> None:
    async with opened() as pilot:
        at = lines(pilot)[-1].index("? help")
        await pilot.click("KeyBar", offset=(at, 0))
        await shows(pilot, "On this screen")


async def test_keys_can_be_given_anew(here: Context) -> None:
    here.home.config.write_text('[keys]\n"app.help" = "f3"\n"list.down" = "n"\n')
    async with opened() as pilot:
        assert "f3 help" in lines(pilot)[-1]
        await pilot.press("n", "n")
        assert pilot.app.screen.records.cursor == 2
        await pilot.press("f3")
        await shows(pilot, "On this screen")


async def test_q_leaves(here: Context) -> None:
    async with opened() as pilot:
        await pilot.press("q")
        assert pilot.app._exit
