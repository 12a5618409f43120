"""The main job by keyboard alone, in a real terminal of 80x24."""

from __future__ import annotations

import json
import re
from pathlib import Path

from fmtui.runs.process import Identity
from tests.e2e.cli import Cli, until
from tests.e2e.terminal import Terminal
from tests.tiny import write_messages


def test_from_the_catalogue_to_a_prediction(cli: Cli, bert: Path, tmp_path: Path) -> None:
    train = write_messages(tmp_path / "train.csv", 240)
    test = write_messages(tmp_path / "test.csv", 60, seed=1)
    with Terminal(cli.env) as terminal:
        terminal.until("156")
        terminal.press("/", "roberta-lar")
        terminal.until("roberta-large")
        terminal.until(lambda text: "Mistral" not in text)
        terminal.press("enter", "escape")

        terminal.press("2", "i")
        terminal.until("Models › import")
        terminal.press(str(bert), "tab", "tiny", "ctrl+s")
        terminal.until(lambda text: re.search(r"Models . tiny:1|tiny:1 +feature", text))

        for file in (train, test):
            terminal.press("3", "a")
            terminal.until("Data › add")
            terminal.press(str(file), "ctrl+s")
            terminal.until(f"{file.stem}:1")

        terminal.press("2")
        terminal.until("tiny:1")
        terminal.press("f")
        terminal.until("Finetune")
        terminal.press("enter")
        terminal.until("train:1")
        terminal.press("train", "enter")
        _set(terminal, "epochs", "150")
        _set(terminal, "rate", "0.005")
        terminal.until("fmtui finetune tiny:1")
        terminal.press("ctrl+s")
        terminal.until("Runs › r1")
        terminal.until(lambda text: re.search(r"step \d+ loss", text), seconds=60)
        terminal.press("q")
        assert terminal.ended() == 0

    worker = Identity.load(cli.home / "runs" / "r1" / "worker.json")
    assert worker is not None
    assert worker.alive()

    with Terminal(cli.env) as terminal:
        terminal.until("156")
        terminal.press("4")
        terminal.until(lambda text: "r1" in text and "running" in text)
        terminal.until("completed", seconds=120)

        terminal.press("2")
        terminal.until("tiny-train:1")
        terminal.press("G", "e")
        terminal.until("Evaluate › tiny-train:1")
        terminal.press("enter")
        terminal.until("test:1")
        terminal.press("test", "enter")
        terminal.until("fmtui evaluate tiny-train:1")
        terminal.press("ctrl+s")
        terminal.until("Runs › r2")
        terminal.until("completed", seconds=60)
        terminal.until("accuracy")

        terminal.press("2")
        terminal.until("tiny-train:1")
        terminal.press("G", "d")
        terminal.until("Deploy › tiny-train:1")
        terminal.press("bank", "ctrl+s")
        terminal.until("healthy", seconds=60)
        try:
            terminal.until("Endpoints › bank")
            terminal.press("ctrl+s")
            terminal.until(lambda text: re.search(r'"label": "(card|loan|rate)"', text))
            terminal.press("escape", "q")
        finally:
            cli.run("endpoint", "delete", "bank")


def test_kill_9_of_the_tui_ends_no_run(tiny: Cli) -> None:
    with Terminal(tiny.env) as terminal:
        terminal.until("156")
        tiny.run(
            "finetune", "tiny", "--task", "text-classification", "--train", "train",
            "--set", "num_train_epochs=40", "--detach",
        )  # fmt: skip
        terminal.press("4", "enter")
        terminal.until(lambda text: re.search(r"step \d+ loss", text), seconds=60)
        terminal.kill()
    until(lambda: (tiny.home / "runs" / "r1" / "exit.json").exists())
    assert json.loads((tiny.home / "runs" / "r1" / "exit.json").read_text())["state"] == "completed"
    assert tiny.json("run", "show", "r1")["output"] == "tiny-train:1"


def _set(terminal: Terminal, label: str, value: str) -> None:
    """Walk to a field of a form by tab, and put a value into it."""
    for _ in range(20):
        row = next(i for i, line in enumerate(terminal.screen.display) if f" {label} " in line)
        if terminal.screen.cursor.y == row:
            break
        terminal.press("tab")
    else:
        raise AssertionError(f"no tab led to {label}")
    terminal.press(*["backspace"] * 12, value)
