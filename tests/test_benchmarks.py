"""The benchmarks of runs go with the code that they measure: each tells its claim, made small."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("runs_scale.py", ("--runs", "100", "--points", "10000", "--journal", "3000")),
        ("log_view.py", ("--times", "1", "--seconds", "1.5", "--bytes", "2000000")),
    ],
)
def test_it_tells_its_claim_and_what_it_measured(program: str, words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / program), *words],
        env={**os.environ, "PYTHONPATH": str(BENCHMARKS.parent)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.stdout, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["claim"]
    assert all(value is not None for value in result["measured"].values())
    assert done.returncode == (0 if result["holds"] else 1)
