"""The queue as a screen: its order, why each run waits, moving and pausing by keys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fmtui.runs import slots
from fmtui.services import finetune, queue
from fmtui.services.context import Context
from screens.places import go
from tests.screens.tools import SIZES, hides, make_run, opened, shows, text


@pytest.fixture
def waiting(stocked: Context) -> Iterator[Context]:
    """Three runs that wait for the only slot, which a run of this home holds."""
    make_run(stocked)
    with slots.holding(stocked.home, "r1") as slot:
        assert slot is not None
        request = finetune.FinetuneRequest("tiny", "text-classification", "messages")
        for _ in range(3):
            finetune.start(stocked, request)
        yield stocked


def order(ctx: Context) -> list[str]:
    return [entry.run for entry in queue.entries(ctx)]


@pytest.mark.parametrize("size", SIZES)
async def test_the_list_says_why_runs_wait(size: tuple[int, int], waiting: Context) -> None:
    async with opened(size) as pilot:
        await pilot.press("4")
        await shows(pilot, "· waits for a free slot", "✓ completed")
        await pilot.press("Q")
        await shows(pilot, "Runs › queue", "0 of 1 free: cpu is held by r1", "waits for a free slo")


async def test_runs_are_moved_and_held_back(waiting: Context) -> None:
    async with opened((120, 40)) as pilot:
        await go(pilot.app, "queue")
        await shows(pilot, "▸    1  r2", "2  r3", "3  r4")
        await pilot.press("J")
        await shows(pilot, "1  r3", "▸    2  r2")
        await pilot.press("B")
        await shows(pilot, "2  r4", "▸    3  r2")
        await pilot.press("T", "J", "K")
        await shows(pilot, "▸    1  r2")
        await pilot.press("plus", "plus", "minus")
        await shows(pilot, "priority  1")
        assert order(waiting) == ["r2", "r3", "r4"]
        await pilot.press("p")
        await shows(pilot, "paused")
        assert [entry.paused for entry in queue.entries(waiting)] == [True, False, False]
        await pilot.press("p")
        await hides(pilot, "paused")
        await pilot.press("P")
        await shows(pilot, "the queue is paused, P lets it go on")
        assert queue.paused(waiting)
        await pilot.press("P")
        await hides(pilot, "the queue is paused")
        await pilot.press("x", "y")
        await shows(pilot, "r2 is canceled", "1  r3")
        await pilot.press("enter")
        await shows(pilot, "r3 finetune tiny:1")
        await pilot.press("escape", "escape")
        await shows(pilot, "4 Runs")


async def test_an_empty_queue_says_what_it_is_for(here: Context) -> None:
    async with opened() as pilot:
        await go(pilot.app, "queue")
        await shows(pilot, "No run waits.", "1 of 1 free")
        assert "K earlier" not in text(pilot)
        assert not {"▲", "▼"} & set(text(pilot)), "there is one order"
        await pilot.press("K", "p", "plus", "x")
        await shows(pilot, "No run waits.")
