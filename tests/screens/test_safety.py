"""Text from outside stays text: no control sequence reaches the terminal, no markup is read."""

from __future__ import annotations

import re

import pytest

from fmtui.services.context import Context
from fmtui.services.logs import coloured, printed
from fmtui.services.text import clean, one_line
from tests.screens.tools import SIZES, lines, make_run, opened, shows, text

NASTY = "[red]\x1b[31mboom\x1b[0m\x1b]0;title\x07[/] [link=x]\u202eevil\x9b2J\r\n"
SEEN = "[red]boom[/] [link=x]evil"


def insert_nasty(ctx: Context) -> None:
    with ctx.db.write() as connection:
        connection.execute("INSERT INTO model (name, created) VALUES (?, '2026')", (NASTY,))
        connection.execute(
            "INSERT INTO model_version (model_id, version, origin, path, size_bytes, created, "
            "architecture, license, labels) VALUES (last_insert_rowid(), 1, ?, '/x', 1, '2026', "
            "?, ?, ?)",
            (NASTY, NASTY, NASTY, "[]"),
        )
        connection.execute("INSERT INTO dataset (name, created) VALUES (?, '2026')", (NASTY,))
        connection.execute(
            "INSERT INTO dataset_version (dataset_id, version, path, fingerprint, rows, columns, "
            "size_bytes, source, created) VALUES (last_insert_rowid(), 1, '/x', 'f', 1, "
            "'[\"[bold]\"]', 1, ?, '2026')",
            (NASTY,),
        )


def harmless(seen: str) -> bool:
    return not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", seen)


@pytest.mark.parametrize(
    ("given", "left"),
    [
        (NASTY, SEEN + "\n"),
        ("\x1b[2J\x1b[Hplain", "plain"),
        ("\x1bPq#0;2;0;0;0\x1b\\after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("héllo ✓ 漢字", "héllo ✓ 漢字"),
        ("cut off \x1b[", "cut off "),
        ("cut off \x1b]0;never ends", "cut off "),
    ],
)
def test_clean(given: str, left: str) -> None:
    assert clean(given) == left
    assert harmless(clean(given).replace("\t", ""))


def test_a_line_of_a_log_is_as_a_terminal_leaves_it() -> None:
    assert printed(b" 10%|#   \r 50%|##  \r100%|####\r\n") == ["100%|####"]
    assert printed(b"one\ntwo") == ["one", "two"]
    assert coloured("a\x1b[2J\x1b]0;title\x07\tx\x1b[3A") == "a       x"


def test_a_line_of_a_log_keeps_its_colours() -> None:
    assert coloured("\x1b[1;31mbold\x1b[0m\tx") == "\x1b[1;31mbold\x1b[0m    x"
    assert printed(b"\x1b[31mred\nplain\n") == ["\x1b[31mred\x1b[0m", "plain"]
    assert printed(b"a \x1b[31mRed\x1b[0m fox\nnone\n", "red fox") == [
        "a \x1b[31mRed\x1b[0m fox\x1b[0m"
    ]


@pytest.mark.parametrize("size", SIZES)
async def test_names_with_markup_and_escapes_stay_names(
    size: tuple[int, int], here: Context
) -> None:
    insert_nasty(here)
    make_run(here, model=NASTY, data=NASTY, error=NASTY, state="failed")
    start = SEEN[:14]
    async with opened(size) as pilot:
        await pilot.press("2")
        assert harmless(await shows(pilot, start))
        await pilot.press("e")
        assert harmless(await shows(pilot, "Evaluate", start))
        await pilot.press("escape", "3")
        assert harmless(await shows(pilot, start))
        await pilot.press("enter")
        assert harmless(await shows(pilot, "Data ›"))
        await pilot.press("4")
        assert harmless(await shows(pilot, f"finetune {start}"[:20]))
        await pilot.press("enter")
        assert harmless(await shows(pilot, "✗ failed", start))


async def test_a_log_with_escapes_and_broken_utf8_is_shown(here: Context) -> None:
    run = make_run(here)
    log = here.home.runs / run / "log.txt"
    log.write_bytes(b"\x1b[2J\x1b[31m[red]danger[/]\x1b[0m\n\xff\xfe half\xc3\n" + b"\x00" * 10)
    async with opened() as pilot:
        await pilot.press("4")
        await shows(pilot, run)
        await pilot.press("enter")
        assert harmless(await shows(pilot, "[red]danger[/]", "\ufffd\ufffd half\ufffd"))


async def test_messages_and_questions_read_no_markup(here: Context) -> None:
    async with opened() as pilot:
        pilot.app.screen.say("no model [bold]x[/bold] \x1b[31m")
        assert harmless(await shows(pilot, "[bold]x[/bold]"))
        from screens.widgets.confirm import Confirm

        await pilot.app.push_screen(Confirm("Remove [red]x[/red]?\x1b[2J"))
        assert harmless(await shows(pilot, "Remove [red]x[/red]?"))


def test_one_line_has_one_line() -> None:
    assert one_line("a\n\n b\tc \x1b[1m") == "a b c"


async def test_no_colour_carries_what_the_words_do_not(
    here: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    make_run(here, state="failed")
    async with opened() as pilot:
        await pilot.press("4")
        await shows(pilot, "✗ failed")
        row = next(line for line in lines(pilot) if "✗ failed" in line)
        assert row.startswith("▸"), "the cursor is a mark, not only a colour"
        strips = pilot.app.screen._compositor.render_strips()
        filtered = [s.apply_filter(f, pilot.app.screen.styles.background)
                    for s in strips for f in pilot.app._filters if f.enabled]  # fmt: skip
        colours = {
            tuple(segment.style.color.triplet or (0, 0, 0))
            for strip in filtered
            for segment in strip
            if segment.style and segment.style.color and "failed" in segment.text
        }
        assert all(r == g == b for r, g, b in colours), text(pilot)
