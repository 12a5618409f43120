"""What a form asks of a run besides its training: where, in how many processes, how it is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from textual.pilot import Pilot

from fmtui.services import queue, runs, where
from fmtui.services.context import Context
from screens.places import go
from screens.widgets.lines import Editor
from tests.screens.tools import SIZES, hides, make_run, opened, shows, text, type_in


async def fill(pilot: Pilot[object], name: str, words: str) -> None:
    """Go to a field and type."""
    pilot.app.screen.query_one(f"#{name}").focus()
    await pilot.pause()
    await type_in(pilot, words)


@pytest.fixture
def held(stocked: Context) -> Context:
    """A queue that starts nothing."""
    queue.set_paused(stocked, None, True)
    return stocked


async def test_what_is_asked_of_slurm_stands_in_the_command(
    held: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, "places", lambda: ("local", "slurm"))
    (held.home.root / "config.toml").write_text('[slurm]\npartition = "lab"\nrequeue = true\n')
    async with opened((120, 40)) as pilot:
        await go(pilot.app, "finetune:tiny,messages")
        await shows(pilot, "estimate", "where", "local")
        assert "partition" not in text(pilot)
        pilot.app.screen.query_one("#where").focus()
        await pilot.press("right")
        await shows(pilot, "--backend slurm", "partition    lab", "time limit", "requeue")
        for name, words in (
            ("partition", "gpu"), ("nodes", "2"), ("gpus", "4"), ("time_limit", "2-12:00:00"),
            ("account", "me"), ("sbatch", "mem=64G"), ("tags", "night paper"), ("priority", "3"),
        ):  # fmt: skip
            await fill(pilot, name, words)
        pilot.app.screen.query_one("#requeue").focus()
        await pilot.press("right", "right")
        seen = await shows(pilot, "--no-requeue", "distributed", "accelerate   written for you")
        command = " ".join(seen.partition("$ ")[2].replace("\\", "").split())
        assert (
            "--backend slurm --partition gpu --nodes 2 --gpus 4 --time-limit 2-12:00:00 "
            "--account me --no-requeue --slurm mem=64G --priority 3 --tag night --tag paper"
        ) in command
        await fill(pilot, "nodes", "x")
        await shows(pilot, "nodes: `2x` is not a whole number")


@pytest.mark.parametrize("size", SIZES)
async def test_the_accelerate_config_is_seen_and_changed_before_the_start(
    size: tuple[int, int], held: Context
) -> None:
    async with opened(size) as pilot:
        await go(pilot.app, "finetune:tiny,messages")
        await shows(pilot, "estimate")
        assert not pilot.app.screen.query_one("#accelerate").parent.display  # type: ignore[union-attr]
        await fill(pilot, "processes", "2")
        await shows(pilot, "accelerate   written for you")
        pilot.app.screen.query_one("#accelerate").focus()
        await pilot.press("enter")
        await shows(pilot, "distributed_type: MULTI_GPU", "num_processes: 2", "^s keep")
        editor = pilot.app.screen.query_one(Editor)
        written = editor.text
        editor.text = written.replace("mixed_precision", "mixed_precisio")
        await shows(pilot, "✗", "no key `mixed_precisio`", "Nearest: mixed_precision")
        await pilot.press("ctrl+s")
        await shows(pilot, "no key `mixed_precisio`")
        editor.text = written + "debug: true\n"
        await hides(pilot, "✗")
        await pilot.press("ctrl+s")
        await shows(pilot, "changed by you", "--accelerate-config")
        await fill(pilot, "processes", "0")
        await shows(pilot, "✗", "Let both say")
        await pilot.press("backspace")
        await shows(pilot, "estimate")
        await pilot.press("ctrl+s")
        await shows(pilot, "Runs › r1", "the queue is paused")
        config = yaml.safe_load((held.home.runs / "r1" / "accelerate.yaml").read_text())
        assert (config["num_processes"], config["debug"]) == (2, True)
        assert runs.spec(held, "r1")["layout"]["processes"] == 2

        # The same on the page of the run that is there.
        await pilot.press("s")
        await shows(pilot, '"kind": "finetune"')
        await pilot.press("a")
        await shows(pilot, "accelerate.yaml of r1", "debug: true")
        editor = pilot.app.screen.query_one(Editor)
        editor.text = editor.text.replace("debug: true", "debug: false")
        await pilot.press("ctrl+s")
        await shows(pilot, "r1 starts from it the next time.")
        assert "debug: false" in (held.home.runs / "r1" / "accelerate.yaml").read_text()
        await pilot.press("a")
        await shows(pilot, "accelerate.yaml of r1")
        pilot.app.screen.query_one(Editor).text = written.replace("processes: 2", "processes: 3")
        await pilot.press("ctrl+s")
        await shows(pilot, "num_processes: 2 asked for, 3 in the file")


async def test_a_run_of_one_process_has_no_config_to_edit(held: Context) -> None:
    run = make_run(held)
    async with opened() as pilot:
        await go(pilot.app, f"run:{run}")
        await shows(pilot, "step 59 loss")
        assert "a edit" not in text(pilot)
        await pilot.press("a", "V")
        await shows(pilot, "step 59 loss")


async def test_a_sweep_is_started_and_shown(held: Context, tmp_path: Path) -> None:
    async with opened((120, 40)) as pilot:
        await go(pilot.app, "finetune:tiny,messages")
        await shows(pilot, "estimate")
        await fill(pilot, "sweep", "learning_rate=1e-5,3e-5 num_train_epochs=1,2")
        await shows(pilot, "--sweep learning_rate=1e-5,3e-5", "num_train_epochs=1,2 ", "4 runs")
        await pilot.press("ctrl+s")
        await shows(
            pilot, "Runs › tiny-messages-sweep", "4 runs, r1 to r4", "learning_rate", "3e-05"
        )
        assert len(runs.list_runs(held)) == 4
        await pilot.press("enter")
        await shows(pilot, "r1 finetune tiny:1 on messages:1", "V sweep")
        await pilot.press("V")
        await shows(pilot, "Runs › tiny-messages-sweep")
        await pilot.press("c")
        await shows(pilot, "compare r1 r2 r3 r4", "num_train_epochs")
