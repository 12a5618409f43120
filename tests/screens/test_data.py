"""Data: the list, a dataset's page, adding by a form."""

from __future__ import annotations

from pathlib import Path

import pytest

from fmtui.services import data
from fmtui.services.context import Context
from tests.screens.tools import SIZES, opened, shows, type_in
from tests.tiny import write_messages


async def test_an_empty_list_says_what_to_do(here: Context) -> None:
    async with opened() as pilot:
        await pilot.press("3")
        await shows(pilot, "No data yet. Press a to add")


@pytest.mark.parametrize("size", SIZES)
async def test_a_dataset_shows_rows_labels_and_its_check(
    size: tuple[int, int], stocked: Context
) -> None:
    async with opened(size) as pilot:
        await pilot.press("3")
        await shows(pilot, "messages:1", "test:1")
        await pilot.press("slash")
        await type_in(pilot, "messages")
        await pilot.press("enter", "enter")
        await shows(pilot, "Data › messages:1", "text = text, label = label", "✓ checked")
        await pilot.press("right")
        await shows(pilot, "3 labels", "card", "loan", "rate", "20")


async def test_a_row_opens_whole(stocked: Context, tmp_path: Path) -> None:
    long = "word " * 60 + "the end"
    (tmp_path / "long.csv").write_text(f"text,label\n{long},a\nshort,b\n")
    data.add(stocked, tmp_path / "long.csv")
    async with opened() as pilot:
        await pilot.press("3")
        await shows(pilot, "long:1")
        pilot.app.screen.records.go(0)
        await pilot.press("slash")
        await type_in(pilot, "long")
        await pilot.press("enter", "enter")
        await shows(pilot, "Data › long:1", "word word")
        await pilot.press("enter")
        await shows(pilot, "row 1", "the end")


async def test_faults_have_their_rows(stocked: Context, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("text,label\nhello,a\nworld,\n")
    data.add(stocked, tmp_path / "bad.csv")
    async with opened() as pilot:
        await pilot.press("3", "slash")
        await type_in(pilot, "bad")
        await pilot.press("enter", "enter")
        await shows(pilot, "✗ 1 fault: c shows")
        await pilot.press("c")
        await shows(pilot, "Data › bad:1 › check", "the label is empty", "row 2, label")


async def test_adding_a_file_by_the_form(here: Context, tmp_path: Path) -> None:
    path = write_messages(tmp_path / "messages.csv", 30)
    async with opened() as pilot:
        await pilot.press("3", "a")
        await shows(pilot, "Data › add")
        await type_in(pilot, str(path))
        await pilot.press("tab")
        await type_in(pilot, "mine")
        await shows(pilot, "$ fmtui data add", "--name mine")
        await pilot.press("ctrl+s")
        await shows(pilot, "Data › mine:1", "30 rows")
        assert data.show(here, "mine").rows == 30


async def test_a_file_that_is_not_there_is_a_sentence(here: Context) -> None:
    async with opened() as pilot:
        await pilot.press("3", "a")
        await shows(pilot, "Data › add")
        await type_in(pilot, "gone.csv")
        await pilot.press("ctrl+s")
        seen = await shows(pilot, "✗", "gone.csv")
        assert "Traceback" not in seen


async def test_aligned_texts_are_added_by_the_form(here: Context, tmp_path: Path) -> None:
    (tmp_path / "a.en.txt").write_text("one day\n")
    (tmp_path / "a.de.txt").write_text("ein Tag\n")
    async with opened() as pilot:
        await pilot.press("3", "a")
        await shows(pilot, "Data › add")
        await type_in(pilot, f"{tmp_path / 'a.en.txt'} {tmp_path / 'a.de.txt'}")
        await pilot.press("ctrl+s")
        await shows(pilot, "Data › en-de:1", "one day", "ein Tag")
