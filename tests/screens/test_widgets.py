"""Parts by themselves: a log's index, a list over pages, a curve."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from rich.cells import cell_len

from screens.widgets.log_file import BLOCK, LogFile
from screens.widgets.plot import Plot, Series, View, draw, thinned
from screens.widgets.record_list import fit
from screens.widgets.sources import Pages


def grown(file: LogFile) -> LogFile:
    while file.grow():
        pass
    return file


def test_a_growing_file_gives_every_line_that_was_written(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    rng = random.Random(1)
    file, written = LogFile(path), list[str]()
    assert not file.grow() and file.lines == 0, "a file that is not there yet has no lines"
    for _ in range(60):
        new = ["x" * rng.choice([0, 5, 900, 9000]) + str(i) for i in range(rng.randrange(30))]
        written += new
        with path.open("a") as handle:
            handle.write("".join(f"{line}\n" for line in new))
        grown(file)
        assert file.lines == len(written)
        for at in rng.sample(range(len(written)), min(20, len(written))):
            assert file.line(at) == written[at]
    assert path.stat().st_size > 3 * BLOCK
    file.close()


def test_a_line_without_its_end_counts_and_grows(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("one\ntw")
    file = grown(LogFile(path))
    assert [file.line(n) for n in range(file.lines)] == ["one", "tw"]
    with path.open("a") as handle:
        handle.write("o\n")
    grown(file)
    assert [file.line(n) for n in range(file.lines)] == ["one", "two"]


def test_a_file_that_was_written_anew_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("old\n" * 1000)
    file = grown(LogFile(path))
    with path.open("r+") as handle:
        handle.truncate()
        handle.write("new\n")
    grown(file)
    assert file.lines == 1 and file.line(0) == "new"


def test_a_log_that_was_cut_into_parts_goes_on_with_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("old\n" * 3)
    file = grown(LogFile(path))
    path.rename(tmp_path / "log.txt.1")
    assert not file.grow() and file.line(0) == "old", "what is open stays readable"
    path.write_text("the first of the new part\nsecond\nthird\nfourth\n")
    grown(file)
    assert file.lines == 4 and file.line(0) == "the first of the new part"
    file.close()


@pytest.mark.parametrize("needle", ["error", "ERROR", "line 77", "ü", "Ü"])
def test_a_filter_finds_what_a_search_line_by_line_finds(tmp_path: Path, needle: str) -> None:
    path = tmp_path / "log.txt"
    every = [f"line {n} " + ("Error here" if n % 97 == 0 else "fine ü") * 9 for n in range(20_000)]
    path.write_text("".join(f"{line}\n" for line in every))
    file = LogFile(path)
    file.grow(BLOCK)
    file.filter(needle)
    grown(file)
    wanted = [line for line in every if needle.lower() in line.lower()]
    assert [file.line(n) for n in range(file.lines)] == wanted


def test_a_filter_looks_through_what_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(
        b"\r 50%\r100%\r\n\x1b[31mer\x1b[1mror\x1b[0m\n\xff ERROR\n" + "ÉTÉ\n".encode()
    )
    file = LogFile(path)
    for needle, wanted in (
        ("50%", []), ("100%", [0]), ("[31m", []), ("error", [1, 2]), ("ÉTÉ", [3]),
    ):  # fmt: skip
        file.filter(needle)
        grown(file)
        assert [file.number(n) for n in range(file.lines)] == wanted, needle


def test_an_endless_line_is_cut_and_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(b"start\n" + b"x" * (5 * BLOCK) + b"\nend\n")
    file = grown(LogFile(path))
    assert file.lines == 3
    assert file.line(0) == "start" and file.line(2) == "end"
    assert set(file.line(1)) == {"x"}


def test_pages_are_fetched_when_they_come_into_sight() -> None:
    asked: list[int] = []
    every = [f"m{n}" for n in range(1_730)]

    def fetch(offset: int, limit: int) -> tuple[list[str], int, bool]:
        asked.append(offset)
        return every[offset : offset + limit], 1000, True

    pages = Pages(fetch)
    assert asked == [0] and pages.total == 1000
    assert pages.row(999) == "m999" and asked == [0, 900]
    at = 0
    while at < pages.total:  # beyond where counting stops, reading on finds the end
        pages.row(at)
        at += 50
    assert pages.total == 1_730
    assert pages.row(1_729) == "m1729" and pages.row(1_730) is None
    assert pages.find("m999", str) == 999


def test_an_end_on_a_page_s_border_is_found() -> None:
    every = list(range(1_200))
    pages = Pages(lambda offset, limit: (every[offset : offset + limit], 1000, True))
    for at in range(0, 1_300, 100):
        pages.row(at)
    assert pages.total == 1_200


def test_words_fit_their_cells() -> None:
    assert fit("abcdef", 4) == "abc…"
    assert fit("ab", 4, right=True) == "  ab"
    assert fit("漢字漢字", 5) == "漢字…"
    assert cell_len(fit("漢字漢字", 4)) == 4, "half a wide character becomes a space"


def words(curves: list[list[tuple[float, float]]]) -> list[str]:
    return ["".join(part for part, _ in row) for row in draw(curves, 20, 4, View()).rows]


def test_a_curve_falls_from_left_to_right() -> None:
    rows = words([[(0, 2.0), (50, 1.0), (100, 0.0)]])
    assert [len(row) for row in rows] == [20] * 4
    assert rows[0][0] != "\u2800" and rows[0][-1] == "\u2800"
    assert rows[-1][-1] != "\u2800" and rows[-1][0] == "\u2800"


def test_a_spike_among_many_points_is_seen() -> None:
    points = [(float(step), 1.0) for step in range(100_000)]
    points[50_000] = (50_000.0, 9.0)
    rows = words([list(thinned(points))])
    assert rows[0].strip("\u2800") and len(rows[0].strip("\u2800")) <= 2
    assert len(thinned(points)) <= 4_100


def test_one_point_is_drawn() -> None:
    assert any(cell != "\u2800" for row in words([[(5, 1.0)]]) for cell in row)


def test_curves_over_each_other_keep_their_own_cells() -> None:
    drawing = draw([[(0, 1.0), (9, 1.0)], [(0, 3.0), (9, 3.0)]], 20, 4, View())
    assert [row[0][1] for row in (drawing.rows[0], drawing.rows[-1])] == [1, 0]
    assert (drawing.low, drawing.high) == (1.0, 3.0)


def test_a_log_axis_leaves_out_what_has_no_logarithm() -> None:
    drawing = draw([[(0, 0.0), (1, 0.001), (2, 10.0)]], 20, 4, View(log=True))
    assert (round(drawing.low, 6), round(drawing.high, 6)) == (0.001, 10.0)
    plot = Plot("reward")
    plot.show([Series("train", [(0, -2.0), (1, 0.0)])])
    plot.look(View(log=True))
    assert "reward: nothing above zero" in plot.render().plain


def test_smoothing_takes_the_edge_off_without_a_bias_at_the_start() -> None:
    noisy = [(float(n), 5.0 + (-1) ** n) for n in range(100)]
    smooth = draw([noisy], 20, 4, View(smooth=0.9))
    assert smooth.high <= 6.0 and smooth.low > 4.0
    level = draw([[(float(n), 5.0) for n in range(9)]], 20, 4, View(smooth=0.9))
    assert abs(level.low - 5) < 1e-9 and abs(level.high - 5) < 1e-9


def test_zooming_and_moving_stay_within_the_curve() -> None:
    view = View().zoomed(0.5)
    assert (view.begin, view.end) == (0.25, 0.75)
    assert view.moved(9).end == 1.0 and view.moved(-9).begin == 0.0
    assert view.moved(9).zoomed(2) == View()
    rising = [(float(n), float(n)) for n in range(101)]
    assert draw([rising], 20, 4, view).low == 25.0


def test_the_end_of_a_large_log_is_there_before_its_beginning_was_read(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    every = [f"line {n} " + "x" * (n % 200) for n in range(20_000)]
    path.write_text("".join(f"{line}\n" for line in every))
    assert path.stat().st_size > 20 * BLOCK
    file = LogFile(path)
    assert file.grow(), "one step, whatever the size"
    assert not file.whole and file.lines < 5_000
    assert file.line(file.lines - 1) == every[-1]
    seen = file.lines
    grown(file)
    assert file.whole and file.lines == 20_000
    assert file.take_shift() == 20_000 - seen and file.take_shift() == 0
    assert [file.line(n) for n in range(0, 20_000, 371)] == every[::371]


def test_all_parts_of_a_log_are_read_in_their_order(tmp_path: Path) -> None:
    log, rng = tmp_path / "log.txt", random.Random(3)
    file, written, parts = LogFile(log), list[str](), 0
    for number in range(40):
        new = [f"{number}.{n} " + "y" * rng.randrange(300) for n in range(rng.randrange(200))]
        written += new
        with log.open("a") as handle:
            handle.write("".join(f"{line}\n" for line in new))
        if rng.random() < 0.3:
            parts += 1
            log.rename(tmp_path / f"log.{parts}.txt")
            log.touch()
        if rng.random() < 0.7:
            grown(file)
    grown(file)
    assert parts > 3
    assert [file.line(n) for n in range(file.lines)] == written
    fresh = grown(LogFile(log))
    assert [fresh.line(n) for n in range(fresh.lines)] == written
    (tmp_path / "log.1.txt").unlink()
    with log.open("a") as handle:
        handle.write("after\n")
    log.rename(tmp_path / f"log.{parts + 1}.txt")
    log.touch()
    grown(file)
    assert file.lines < len(written) and file.line(file.lines - 1) == "after"
    assert file.line(0) in written, "what was dropped is gone, what is kept begins with a line"


def test_a_progress_bar_of_megabytes_is_shown_by_its_last_state(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    bar = "".join(f"\r{n:>7} of 90000 |" + "#" * 20 for n in range(90_001))
    path.write_text("begin\n" + bar + "\nend\n")
    file = grown(LogFile(path))
    assert file.lines == 3
    assert file.line(1).startswith("  90000 of 90000 |#")
    path.write_text("begin\n" + bar)
    file = grown(LogFile(path))
    assert file.line(1).startswith("  90000 of 90000 |#"), "while it is under way too"
