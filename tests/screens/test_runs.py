"""Runs: the list, a run's page, its log while it grows."""

from __future__ import annotations

import json

import pytest

from fmtui.runs import ranks
from fmtui.runs.folder import RunFolder
from fmtui.services import runs
from fmtui.services.compare import Comparison
from fmtui.services.context import Context
from registry.views import RunInfo
from screens.compare import table_content
from screens.places import go
from tests.command import fmtui
from tests.screens.tools import SIZES, hides, make_run, opened, running, shows, text, type_in


async def test_an_empty_list_says_what_to_do(here: Context) -> None:
    async with opened() as pilot:
        await pilot.press("4")
        await shows(pilot, "No runs yet. Press f on a model to finetune it, or try `make demo`.")


@pytest.mark.parametrize("size", SIZES)
async def test_states_are_words_and_marks(size: tuple[int, int], here: Context) -> None:
    make_run(here)
    make_run(here, state="failed", error="the worker was killed by signal 9")
    make_run(here, state="canceled")
    async with opened(size) as pilot:
        await pilot.press("4")
        await shows(pilot, "✓ completed", "✗ failed", "– canceled")


async def test_a_run_that_appears_is_listed_without_a_key(here: Context) -> None:
    async with opened() as pilot:
        await pilot.press("4")
        await shows(pilot, "No runs yet")
        make_run(here)
        await shows(pilot, "finetune tiny:1 on messages:1")


@pytest.mark.parametrize("size", SIZES)
async def test_a_page_shows_curve_log_metrics_and_spec(
    size: tuple[int, int], here: Context
) -> None:
    run = make_run(here)
    async with opened(size) as pilot:
        await pilot.press("4")
        await shows(pilot, run)
        await pilot.press("enter")
        seen = await shows(pilot, f"{run} finetune tiny:1", "step 100 of 120", "step 59 loss")
        assert any(0x2800 < ord(c) < 0x2900 for c in seen), "the loss curve"
        assert "0.875" in seen and "validation accuracy" in seen
        await pilot.press("m")
        await shows(pilot, "f1_macro", "0.86")
        await pilot.press("s")
        await shows(pilot, '"task": "text-classification"')
        await pilot.press("l")
        await shows(pilot, "step 59 loss")


async def test_a_page_shows_the_figures_of_the_model_that_was_kept(here: Context) -> None:
    kept = {"loss": 0.8, "accuracy": 0.9375, "f1_macro": 0.91}
    run = make_run(here, metrics=json.dumps(kept))
    async with opened() as pilot:
        await go(pilot.app, f"run:{run}")
        seen = await shows(pilot, "validation accuracy", "0.9375")
        assert "0.875" not in seen, "the last step's"


async def test_a_page_shows_resources_files_and_other_curves(here: Context) -> None:
    run = make_run(here)
    with (here.home.runs / run / "journal.jsonl").open("a") as journal:
        for second in range(0, 50, 5):
            values = {"cpu_percent": 150 + second, "memory_bytes": 1.5e9, "gpu_percent": 97}
            event = {"t": f"2026-01-01T00:00:{second:02}Z", "event": "resource", "values": values}
            journal.write(json.dumps(event) + "\n")
    async with opened((120, 40)) as pilot:
        await go(pilot.app, f"run:{run}")
        await shows(pilot, "step 59 loss")
        await pilot.press("r")
        await shows(pilot, "195%", "CPU", "1.5GB", "memory", "97%", "GPU")
        await pilot.press("i")
        await shows(pilot, "spec.json", "journal.jsonl")
        await pilot.press("L", "S", "plus")
        await shows(pilot, "loss, train", "log axis", "smoothed 0.6", "zoom 2×")
    assert '"cpu_percent"' in fmtui("run", "metrics", run, "--json").out


async def test_a_page_tells_of_all_processes_of_a_run(here: Context) -> None:
    with running(here) as run:
        for rank in (0, 1):
            ranks.begin(RunFolder(here.home.runs / run), rank)
        ranks.end(RunFolder(here.home.runs / run), 1, "killed")
        async with opened((120, 40)) as pilot:
            await pilot.press("4")
            await shows(pilot, run)
            await pilot.press("enter")
            await shows(pilot, "processes", "1 of 2")


async def test_a_failed_run_says_why_and_can_be_resumed(here: Context) -> None:
    run = make_run(here, state="failed", error="the worker was killed by signal 9")
    async with opened() as pilot:
        await pilot.press("4")
        await shows(pilot, run)
        await pilot.press("enter")
        await shows(pilot, "the worker was killed by signal 9", "✗ failed", "R resume")
        assert "x cancel" not in text(pilot), "nothing is left to cancel"


async def test_the_log_follows_pauses_and_resumes(here: Context) -> None:
    run = make_run(here)
    log = runs.log_path(here, run)
    async with opened() as pilot:
        await pilot.press("4")
        await shows(pilot, run)
        await pilot.press("enter")
        await shows(pilot, "step 59 loss", "follow ✓")
        with log.open("a") as file:
            file.write("a new line\n")
        await shows(pilot, "a new line", "61 lines")
        await pilot.press("k", "k", "k", "k")
        await shows(pilot, "paused")
        with log.open("a") as file:
            file.write("another line\n" * 40)
        await shows(pilot, "101 lines")
        assert "another line" not in text(pilot), "what is read stays put"
        await pilot.press("g")
        await shows(pilot, "step 0 loss")
        await pilot.press("G")
        await shows(pilot, "another line", "follow ✓")


async def test_the_log_is_filtered_live(here: Context) -> None:
    run = make_run(here)
    async with opened() as pilot:
        await pilot.press("4")
        await shows(pilot, run)
        await pilot.press("enter")
        await shows(pilot, "step 59 loss")
        await pilot.press("slash")
        await type_in(pilot, "STEP 3")
        await shows(pilot, "11 lines", "step 39")
        assert "step 59" not in text(pilot)
        await pilot.press("escape")
        await shows(pilot, "60 lines", "step 59")


async def test_what_was_looked_for_is_found_among_all_lines(here: Context) -> None:
    run = make_run(here)
    log = runs.log_path(here, run)
    log.write_text("".join(f"line {n}{' ERROR' if n % 100 == 7 else ''}\n" for n in range(1_000)))
    async with opened() as pilot:
        await go(pilot.app, f"run:{run}")
        await shows(pilot, "line 999", "1,000 lines")
        await pilot.press("slash")
        await type_in(pilot, "error")
        await shows(pilot, "10 lines")
        await pilot.press("enter")
        await shows(pilot, "n next hit")
        await pilot.press("g", "n")
        await shows(pilot, "line 8 of 1,000", "line 7 ERROR", "line 8")
        await pilot.press("n")
        await shows(pilot, "line 108 of 1,000", "line 106", "line 107 ERROR")
        await pilot.press("N", "N")
        await shows(pilot, "line 8 of 1,000", "No line before this one holds it.")
        await pilot.press("G")
        await shows(pilot, "1,000 lines  follow ✓")


async def test_long_lines_are_scrolled_sideways_or_broken(here: Context) -> None:
    run = make_run(here)
    log = runs.log_path(here, run)
    log.write_text("".join(f"line {n} {'-' * 150}the end of {n}\n" for n in range(50)))
    async with opened() as pilot:
        await go(pilot.app, f"run:{run}")
        await shows(pilot, "line 49 ---")
        assert "the end of" not in text(pilot)
        await pilot.press(*["right"] * 12)
        await shows(pilot, "the end of 49")
        with log.open("a") as file:
            file.write(f"line 50 {'-' * 150}the end of 50\n")
        await shows(pilot, "the end of 50")
        await pilot.press("w")
        seen = await shows(pilot, "line 50 ---", "the end of 50", "line 48 ---")
        assert seen.index("the end of 49") < seen.index("line 50 ")
        await pilot.press("g")
        await shows(pilot, "line 0 ---", "the end of 0", "paused")
        await pilot.press("j")
        await shows(pilot, "line 1 ---")
        assert "line 0 " not in text(pilot)
        await pilot.press("G")
        await shows(pilot, "the end of 50", "follow ✓")


async def test_the_command_prints_what_the_screen_shows(here: Context) -> None:
    run = make_run(here)
    log = runs.log_path(here, run)
    log.rename(log.with_name("log.1.txt"))
    log.write_bytes(b"one\r 50%\r100%\n\x1b[2J\x1b[31mred\x1b[0m\nstep 60 loss\n")
    assert fmtui("run", "logs", run).out.splitlines()[-3:] == ["100%", "red", "step 60 loss"]
    assert (
        fmtui("run", "logs", run, "--tail", "4").out.splitlines()[0]
        == "09:26:59 step 59 loss 0.820"
    )
    found = fmtui("run", "logs", run, "--grep", "STEP 3", "--tail", "2").out.splitlines()
    assert [line.split()[2] for line in found] == ["38", "39"]
    assert fmtui("run", "logs", run, "--tail", "0").out == ""


async def test_removing_a_run_asks_first(here: Context) -> None:
    run = make_run(here)
    async with opened() as pilot:
        await pilot.press("4")
        await shows(pilot, run)
        await pilot.press("D")
        await shows(pilot, f"Remove {run} and its folder?")
        await pilot.press("y")
        await shows(pilot, "No runs yet")
        assert not (here.home.runs / run).exists()


async def test_an_evaluation_shows_its_worst_labels(here: Context) -> None:
    run = make_run(here, kind="evaluate", metrics=json.dumps({"accuracy": 0.75}))
    output = here.home.runs / run / "output"
    output.mkdir()
    figures = {"precision": 0.5, "recall": 0.5, "f1": 0.5, "rows": 4}
    report = {
        "labels": ["card", "loan"],
        "confusion_matrix": [[1, 3], [0, 4]],
        "per_label": [{"label": "card", **figures}, {"label": "loan", **figures, "f1": 0.9}],
    }
    (output / "report.json").write_text(json.dumps(report))
    async with opened() as pilot:
        await pilot.press("4")
        await shows(pilot, "evaluate tiny:1")
        await pilot.press("enter")
        await shows(pilot, f"{run} evaluate", "accuracy 0.7500")
        await pilot.press("m")
        seen = await shows(pilot, "taken for", "loan 3")
        assert seen.index("card") < seen.index("0.900")
        await hides(pilot, "Traceback")


async def test_a_run_under_way_is_counted_shown_and_cancelled_after_a_question(
    here: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled: list[str] = []

    def cancel(ctx: Context, ref: str) -> RunInfo:
        cancelled.append(ref)
        return runs.show(ctx, ref)

    monkeypatch.setattr(runs, "cancel", cancel)
    with running(here) as run:
        async with opened() as pilot:
            await shows(pilot, "4 Runs 1▸")
            await pilot.press("4")
            await shows(pilot, "▸ running", "x cancel")
            await pilot.press("enter")
            await shows(pilot, "▸ running", "step 100 of 120", "98 rows/s", " of ~")
            await pilot.press("x")
            await shows(pilot, f"Cancel {run}?")
            await pilot.press("escape")
            await hides(pilot, f"Cancel {run}?")
            assert cancelled == []
            await pilot.press("x", "y")
            await shows(pilot, f"{run} is running")
            assert cancelled == [run]
            await pilot.press("q")
            await pilot.pause()
        assert runs.show(here, run).state == "running", "leaving ends no run"


async def test_a_run_that_ends_is_seen_to_end(here: Context) -> None:
    with running(here) as run:
        async with opened() as pilot:
            await pilot.press("4")
            await shows(pilot, "▸ running")
            await pilot.press("enter")
            await shows(pilot, "▸ running", "step 100")
            (here.home.runs / run / "exit.json").write_text(
                '{"state": "failed", "ended": "2026-01-01T00:00:00Z", "error": "out of memory"}'
            )
            await shows(pilot, "✗ failed", "out of memory")


async def test_marked_runs_are_compared(here: Context) -> None:
    for accuracy in (0.9, 0.8, 0.7):
        make_run(here, metrics=json.dumps({"accuracy": accuracy}))
    async with opened() as pilot:
        await pilot.press("4")
        await shows(pilot, "r3", "space mark")
        assert "c compare" not in text(pilot), "one run alone can't be compared"
        await pilot.press("space", "j", "space")
        await shows(pilot, "● 2 marked", "c compare", "● r3", "● r1")
        await pilot.press("c")
        seen = await shows(
            pilot, "compare r1 r3", "0.9000 ◂", "0.7000", "All settings are the same"
        )
        assert any(0x2800 < ord(c) < 0x2900 for c in seen), "the curves"
        assert "learning_rate" not in seen.split("All settings")[0]
        await pilot.press("a")
        await shows(pilot, "num_train_epochs")
        await pilot.press("L")
        await shows(pilot, "r1 train loss", "r3 train loss", "log axis")
        await pilot.press("escape")
        await shows(pilot, "● 2 marked")


def test_runs_that_do_not_fit_side_by_side_stand_below_each_other() -> None:
    runs = tuple(f"r{number}" for number in range(1, 13))
    found = Comparison(
        runs=runs,
        metrics={"precision_macro": [number / 100 for number in range(12)]},
        best={"precision_macro": 11},
        settings={"learning_rate": [number / 10 for number in range(12)]},
        same={},
        seconds=[None] * 12,
    )
    shown = table_content(found, 76, every=False).plain
    assert max(map(len, shown.splitlines())) <= 76
    assert shown.split().count("precision_macro") == 2
    for word in (*runs, "0.0000", "0.1100", "0.1", "1.1"):
        assert word in shown.split()


async def test_the_list_is_filtered_by_state_and_kind(here: Context) -> None:
    make_run(here)
    make_run(here, state="failed", error="out of memory")
    make_run(here, kind="evaluate", model="other:1")
    async with opened() as pilot:
        await pilot.press("4")
        await shows(pilot, "state any", "✗ failed", "evaluate other:1")
        await pilot.press("f")
        await shows(pilot, "Show only", "kind evaluate", "model other:1")
        await type_in(pilot, "failed")
        await pilot.press("enter")
        await hides(pilot, "evaluate other:1")
        await shows(pilot, "state failed", "✗ failed")
        await pilot.press("F")
        await shows(pilot, "state any", "evaluate other:1")
    assert [r["run"] for r in fmtui("run", "list", "--state", "failed", "--json").json] == ["r2"]
    assert [r["run"] for r in fmtui("run", "list", "--model", "other:1", "--json").json] == ["r3"]
    cut = fmtui("run", "list", "--limit", "2")
    assert ("r3" in cut.out, "r1 " in cut.out) == (True, False)
    assert cut.err == "There are more than these 2; --limit shows them.\n"
    assert fmtui("run", "list", "--limit", "3").err == ""
    assert fmtui("run", "list", "--limit", "0").code == 2


async def test_the_list_is_ordered_by_any_column_and_stays_so(here: Context) -> None:
    for accuracy in (0.7, 0.9, 0.8):
        make_run(here, metrics=json.dumps({"accuracy": accuracy}))

    def order(seen: str) -> list[str]:
        return [line.split()[1] if "▸" in line else line.split()[0] for line in seen.splitlines()
                if "finetune tiny" in line]  # fmt: skip

    async with opened() as pilot:
        await pilot.press("4")
        assert order(await shows(pilot, "acc 0.700", "run ▼")) == ["r3", "r2", "r1"]
        await pilot.press("s")
        await shows(pilot, "Order by", "oldest first", "greatest")
        await type_in(pilot, "result")
        await pilot.press("enter")
        seen = await shows(pilot, "result ▼", "order result, greatest first")
        assert order(seen) == ["r2", "r3", "r1"]
        await pilot.click("#records", offset=(76, 0))
        seen = await shows(pilot, "result ▲", "order result, least first")
        assert order(seen) == ["r1", "r3", "r2"]
        await pilot.press("j", "3")
        await shows(pilot, "No data yet")
        await pilot.press("4")
        seen = await shows(pilot, "result ▲")
        assert order(seen) == ["r1", "r3", "r2"] and "▸  r3" in seen


async def test_all_of_many_runs_are_in_the_list(here: Context) -> None:
    with here.db.write() as connection:
        connection.executemany(
            "INSERT INTO run (kind, backend, state, model, data, metrics, created) "
            "VALUES ('finetune', 'local', 'completed', ?, 'd:1', '{}', '2026-01-01T00:00:00Z')",
            [(f"model-{n}:1",) for n in range(1, 1301)],
        )
    async with opened() as pilot:
        await pilot.press("4")
        await shows(pilot, "1300", "model-1300:1", "model-1290:1")
        await pilot.press("G")
        await shows(pilot, "model-1:1", "▸  r1 ")
        await pilot.press("slash")
        await type_in(pilot, "model-77:")
        await shows(pilot, "1 of 1300", "r77")


async def test_tags_are_put_on_and_taken_off(here: Context) -> None:
    for _ in range(3):
        make_run(here)
    async with opened() as pilot:
        await pilot.press("4")
        await shows(pilot, "r3", "tag any")
        await pilot.press("space", "space", "t")
        await shows(pilot, "Tags of r3 r2", "No tags yet: type a word")
        await type_in(pilot, "baseline")
        await shows(pilot, "put on baseline")
        await pilot.press("enter")
        await shows(pilot, "r3 r2: + baseline")
        assert [runs.show(here, f"r{n}").tags for n in (1, 2, 3)] == [(), *[("baseline",)] * 2]
        await pilot.press("f")
        await shows(pilot, "tag baseline")
        await type_in(pilot, "tag base")
        await pilot.press("enter")
        await hides(pilot, "r1 ")
        await shows(pilot, "tag baseline", "2 of 3")
        await pilot.press("enter")
        await shows(pilot, "#baseline")
        await pilot.press("t")
        await shows(pilot, "take off baseline")
        await pilot.press("enter")
        await hides(pilot, "#baseline")
        await pilot.press("t")
        await type_in(pilot, "no good")
        await pilot.press("enter")
        await shows(pilot, "can't be a tag")
