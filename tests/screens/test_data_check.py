"""The check of data as a screen: findings that open to their rows, labels and lengths as bars."""

from __future__ import annotations

from pathlib import Path

import pytest

from fmtui.services import data
from fmtui.services.context import Context
from screens.places import go
from tests.screens.tools import SIZES, hides, opened, shows, type_in


def add(ctx: Context, tmp_path: Path, content: str, name: str = "bad") -> str:
    path = tmp_path / f"{name}.csv"
    path.write_text(content)
    return data.add(ctx, path).ref


@pytest.mark.parametrize("size", SIZES)
async def test_findings_stand_by_kind_and_open_to_their_rows(
    size: tuple[int, int], stocked: Context, tmp_path: Path
) -> None:
    add(stocked, tmp_path, "text,label\nhello,a\nworld,\nHello,a\nmoon,\nsun,b\n")
    async with opened(size) as pilot:
        await go(pilot.app, "check:bad")
        seen = await shows(pilot, "Data › bad:1 › check", "✗ 2 rows refuse a run", "2 warnings")
        assert seen.index("the label is empty") < seen.index("1 row repeats an earlier row")
        assert "row 2, label" in seen
        await pilot.press("enter")
        await shows(pilot, "Data › bad:1 › the label is empty", "2 rows")
        await pilot.press("down", "enter")
        await shows(pilot, "bad:1, row 4", "moon")
        await pilot.press("escape", "escape")
        await shows(pilot, "Findings")


async def test_labels_and_lengths_are_bars(stocked: Context) -> None:
    async with opened() as pilot:
        await pilot.press("3")
        await shows(pilot, "messages:1")
        await pilot.press("slash")
        await type_in(pilot, "messages")
        await pilot.press("enter", "c")
        await shows(pilot, "✓ no fault", "text, label")
        await pilot.press("right")
        await shows(pilot, "3 labels on 60 examples", "card", "━━━")
        await pilot.press("right")
        await shows(pilot, "text: words median", "━━━")


async def test_a_model_s_limit_is_marked(stocked: Context, tmp_path: Path) -> None:
    add(stocked, tmp_path, "text,label\n" + "card " * 90 + ",a\nmy card,b\n")
    async with opened() as pilot:
        await go(pilot.app, "check:bad,text-classification,tiny:1")
        await shows(pilot, "tiny:1", "1 of 2 rows are longer than 64")
        await pilot.press("right", "right")
        await shows(pilot, "text: tokens median", "┄ limit 64: 1 beyond")
        await pilot.press("m", "up", "enter")
        await shows(pilot, "text: words median")
        await hides(pilot, "limit")


async def test_task_and_columns_are_chosen_on_it(stocked: Context, tmp_path: Path) -> None:
    add(stocked, tmp_path, "first,second\na long text,short\nanother text,brief\n")
    async with opened() as pilot:
        await go(pilot.app, "check:bad")
        await shows(pilot, "no column for the role")
        await pilot.press("t")
        await shows(pilot, "type to narrow")
        await type_in(pilot, "summ")
        await pilot.press("enter")
        await shows(pilot, "summarization", "no column for the role document")
        await pilot.press("o")
        await type_in(pilot, "document=first,summary=second")
        await shows(pilot, "document = first, summary = second", "✓ no fault")


async def test_a_row_that_other_data_has_too_is_found(stocked: Context, tmp_path: Path) -> None:
    add(stocked, tmp_path, "text,label\nhello you,a\nworld,b\n", "train")
    add(stocked, tmp_path, "text,label\nHello  you,a\nmoon,b\n", "held")
    async with opened() as pilot:
        await go(pilot.app, "check:train")
        await shows(pilot, "✓ no fault")
        await pilot.press("a")
        await shows(pilot, "Must share no row with")
        await type_in(pilot, "held")
        await pilot.press("enter")
        await shows(pilot, "train:1 2  held:1 2", "1 row of held:1 is in train:1")
        await pilot.press("down", "enter")
        await shows(pilot, "Data › held:1", "Hello")


async def test_what_is_not_there_is_a_sentence(stocked: Context) -> None:
    async with opened() as pilot:
        await go(pilot.app, "check:messages")
        await shows(pilot, "✓ no fault")
        await pilot.press("a")
        await type_in(pilot, "nothing.csv")
        await pilot.press("enter")
        await shows(pilot, "✗ there is no file nothing.csv")
        await pilot.press("o")
        await type_in(pilot, "text")
        await shows(pilot, "is not like name=value")
