"""An evaluation's report and the rows that went wrong, with the keyboard alone."""

from __future__ import annotations

import json

import pytest

from fmtui.services.context import Context
from screens.example_content import example_content
from screens.places import go
from screens.widgets.matrix import Matrix
from screens.widgets.sources import Arriving
from tests.evaluations import columns_of, evaluated, of_task
from tests.fmtui.metrics.columns import LABELS, classified, label_names
from tests.screens.tools import SIZES, lines, opened, shows, text, until


@pytest.mark.parametrize("size", SIZES)
async def test_a_run_s_page_leads_to_report_and_errors(
    size: tuple[int, int], here: Context
) -> None:
    run = of_task(here, "text-classification")
    async with opened(size) as pilot:
        await pilot.press("4")
        await shows(pilot, run)
        await pilot.press("enter")
        await shows(pilot, "v report", "e errors")
        await pilot.press("v")
        await shows(pilot, f"Runs › {run} › report", "f1_macro", "95% interval", "Calibration")
        await pilot.press("right")
        await shows(pilot, "precision", "recall", "s sort")
        await pilot.press("right")
        await shows(pilot, "taken for")
        await pilot.press("right")
        await shows(pilot, "taken for →")
        await pilot.press("e")
        await shows(pilot, f"Runs › {run} › errors", "wrong rows, by loss")
        await pilot.press("escape", "escape", "e")
        await shows(pilot, f"Runs › {run} › errors")


async def test_a_finetuning_has_neither(here: Context) -> None:
    from tests.screens.tools import make_run

    run = make_run(here)
    async with opened() as pilot:
        await go(pilot.app, f"run:{run}")
        seen = await shows(pilot, "step 59 loss")
        assert "v report" not in seen and "e errors" not in seen


@pytest.mark.parametrize(
    ("task", "words", "size"),
    [
        ("text-classification", ("label", "prediction", "text 1"), SIZES[1]),
        ("multi-label", ("label", "prediction"), SIZES[0]),
        ("token-classification", ("truth", "predicted", "B-"), SIZES[0]),
        ("question-answering", ("question", "answer", "context"), SIZES[0]),
        ("summarization", ("document", "reference", "hypothesis"), SIZES[0]),
        ("translation", ("source", "reference", "hypothesis"), SIZES[1]),
        ("text-generation", ("prompt", "reference", "hypothesis"), SIZES[0]),
    ],
)
async def test_every_task_s_rows_open(
    task: str, words: tuple[str, ...], size: tuple[int, int], here: Context
) -> None:
    run = of_task(here, task)
    async with opened(size) as pilot:
        await go(pilot.app, f"errors:{run}")
        await shows(pilot, "row", "prediction", " rows", "▸")
        await until(pilot, lambda seen: "…  " not in seen.splitlines()[3], "rows that were read")
        await pilot.press("enter")
        await shows(pilot, "› errors › row", " 1 of ", *words)
        await pilot.press("n")
        await shows(pilot, " 2 of ")
        await pilot.press("N", "N")
        await shows(pilot, " 1 of ")
        assert all(len(line) <= size[0] for line in lines(pilot))


async def test_a_label_a_confusion_and_a_cell_open_to_their_rows(here: Context) -> None:
    columns = classified(rows=30, labels=2, seed=4)
    run = evaluated(here, columns, labels=LABELS[:2])
    wrong = [
        (true, guess)
        for true, guess in zip(columns["label"], columns["prediction"], strict=True)
        if true != guess
    ]
    async with opened() as pilot:
        await go(pilot.app, f"report:{run}")
        await shows(pilot, "accuracy")
        await pilot.press("right")
        await shows(pilot, "precision")
        await pilot.press("s")
        await shows(pilot, "F1, the best first")
        for key in "label":
            await pilot.press(key)
        await pilot.press("enter")
        await until(
            pilot, lambda seen: seen.index("card lost") < seen.index("card stolen"), "by label"
        )
        await pilot.press("enter")
        lost = sum(true == "card lost" for true, _ in wrong)
        await shows(pilot, "`card lost`", f"{lost} wrong row")
        await pilot.press("escape", "right", "right")
        await shows(pilot, "label ↓ taken for →")
        matrix = pilot.app.screen.query_one(Matrix)
        row, column = matrix.at
        assert row != column, "the worst cell is where one begins"
        await pilot.press("enter")
        await shows(pilot, f"`{LABELS[row]}` taken for `{LABELS[column]}`")
        await pilot.press("escape", "left", "left")
        await shows(pilot, "taken for", "of its")
        assert not matrix.display, "over the edge, to the part beside it"


async def test_rows_are_sorted_filtered_and_shown_with_those_that_are_right(here: Context) -> None:
    columns = columns_of("text-classification")
    wrong = columns["right"].count(False)
    run = of_task(here, "text-classification")
    async with opened() as pilot:
        await go(pilot.app, f"errors:{run}")
        await shows(pilot, f"{wrong} wrong rows, by loss")
        assert "F no filter" not in text(pilot)
        await pilot.press("a")
        await shows(pilot, "40 rows, by loss", "✓")
        await pilot.press("a", "s")
        await shows(pilot, "the surest first")
        await pilot.press("down", "down", "enter")
        await shows(pilot, f"{wrong} wrong rows, by length", "length")
        await pilot.press("f")
        await shows(pilot, "→", "anything")
        await pilot.press("enter")
        await shows(pilot, "taken for `")
        await pilot.press("F")
        await shows(pilot, f"{wrong} wrong rows, by length")


async def test_words_are_searched_as_they_are_typed(here: Context) -> None:
    columns = columns_of("text-classification")
    columns["text"] = [f"text {i} {'aardvark' if i % 2 else 'emu'}" for i in range(40)]
    wrong = columns["right"].count(False)
    odd = sum(not right for right in columns["right"][1::2])
    run = evaluated(here, columns, labels=LABELS)
    async with opened() as pilot:
        await go(pilot.app, f"errors:{run}")
        await shows(pilot, f"{wrong} wrong rows, by loss", "/ search")
        await pilot.press("slash", *"AArdvark", "enter")
        await shows(pilot, f"{odd} wrong row", "aardvark")
        assert "emu" not in text(pilot)
        await pilot.press("a")
        await shows(pilot, "20 rows, by loss")
        await pilot.press("slash", "space", *"nowhere", "enter")
        await shows(pilot, "0 rows", "No row is like this")
        await pilot.press("F")
        await shows(pilot, "40 rows, by loss")
        await pilot.press("slash", *"emu", "escape")
        await shows(pilot, "40 rows, by loss", "/ search")


async def test_only_the_pages_in_sight_are_read(here: Context) -> None:
    columns = classified(rows=1000, right=0.0)
    run = evaluated(here, columns, labels=LABELS)
    async with opened() as pilot:
        await go(pilot.app, f"errors:{run}")
        await until(pilot, lambda seen: "text " in seen, "the first page")
        source = pilot.app.screen.records._source  # type: ignore[attr-defined]
        assert isinstance(source, Arriving) and len(source._pages) == 1
        await pilot.press("G")
        last = source.total - 1
        await until(pilot, lambda _: last // source.LIMIT in source._pages, "the last page")
        assert len(source._pages) <= 3


def test_a_source_gives_up_what_was_seen_long_ago() -> None:
    asked: list[int] = []
    source = Arriving(10_000, asked.append, str)
    assert (source.row(0), source.row(1), asked) == ("0", "1", [0]), "a page is asked for once"
    for page in range(100):
        source.row(page * source.LIMIT)
        source.put(page, [f"row {page}"] * source.LIMIT)
    assert source.row(99 * source.LIMIT) == "row 99"
    assert len(source._pages) == source.KEPT
    source.row(0)
    assert asked[-1] == 0 and len(asked) == 101
    assert source.row(10_000) is None


async def test_many_labels_have_a_list_of_the_worst_and_no_matrix(here: Context) -> None:
    columns = classified(rows=400, labels=60, right=0.5)
    run = evaluated(here, columns, labels=label_names(60))
    async with opened() as pilot:
        await go(pilot.app, f"report:{run}")
        seen = await shows(pilot, "Confusion")
        assert "Matrix" not in seen


async def test_the_page_says_why_there_is_no_report(here: Context) -> None:
    run = of_task(here, "translation")
    (here.home.runs / run / "output" / "report.json").write_text("{")
    async with opened() as pilot:
        await go(pilot.app, f"report:{run}")
        await shows(pilot, "is missing or broken", "Evaluate the model again.")
    (here.home.runs / run / "output" / "predictions.parquet").unlink()
    async with opened() as pilot:
        await go(pilot.app, f"errors:{run}")
        await shows(pilot, "left no predictions")


async def test_the_report_is_written_to_one_file(here: Context) -> None:
    run = of_task(here, "summarization")
    async with opened() as pilot:
        await go(pilot.app, f"report:{run}")
        await shows(pilot, "rougeL", "w write HTML")
        await pilot.press("w")
        await shows(pilot, "report.html")
    assert (here.home.runs / run / "output" / "report.html").stat().st_size > 1000


async def test_words_from_data_can_do_nothing_to_the_terminal(here: Context) -> None:
    columns = columns_of("text-classification")
    evil = "\x1b]0;owned\x07[bold]x[/bold]\nsecond"
    columns["text"] = [evil] * 40
    columns["label"] = [f"{label}\x1b[31m" for label in columns["label"]]
    run = evaluated(here, columns, labels=LABELS)
    async with opened((120, 40)) as pilot:
        await go(pilot.app, f"errors:{run}")
        seen = await shows(pilot, "[bold]x[/…", "[bold]x[/bold]")
        assert "\x1b" not in seen and "owned" not in seen
        await pilot.press("enter")
        seen = await shows(pilot, "› errors › row", "[bold]x[/bold]")
        assert "\x1b" not in seen


async def test_a_comparison_says_what_is_known(here: Context) -> None:
    one, two = of_task(here, "question-answering"), of_task(here, "question-answering")
    columns = columns_of("question-answering")
    other = evaluated(here, columns, "question-answering", fingerprint="f2")
    async with opened() as pilot:
        await go(pilot.app, f"compare:{one},{two}")
        await shows(pilot, "same 40 test rows", "95% interval", "exact", "very same rows")
        await pilot.press("escape")
        await go(pilot.app, f"compare:{one},{other}")
        await shows(pilot, "were measured on different rows (test:1, test:1)")
    report = json.loads((here.home.runs / one / "output" / "report.json").read_text())
    low, _ = report["intervals"]["f1"]
    assert low < report["metrics"]["f1"]


def test_a_chat_is_shown_as_what_was_said() -> None:
    chat = [{"role": r, "content": c} for r, c in (("user", "Who?"), ("assistant", "Me."))]
    record = {"messages": chat, "prompt": "", "text": "Me.", "prediction": "You.", "tokens": 2}
    seen = example_content("text-generation", record, (), 80).plain
    assert "user\nWho?" in seen and "reference" in seen
    assert "(empty)" not in seen and "content" not in seen
