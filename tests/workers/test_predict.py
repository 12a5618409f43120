"""Trying a model: a child process loads it, answers, and its end is a sentence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fmtui.errors import BadInputError, NotFoundError, RunFailedError
from fmtui.services.context import Context
from fmtui.services.predict import PredictSession, describe, predict, similarities
from tests.serving_tools import eventually, register_model, write_classifier
from tests.tiny import HIDDEN, TOPICS


def test_an_encoder_embeds_and_what_is_alike_is_near(ctx: Context, bert: Path) -> None:
    register_model(ctx, "base", bert)
    found = predict(ctx, "base", ["my card is lost", "my card is lost", "the rate"])
    assert [p.input for p in found] == ["my card is lost", "my card is lost", "the rate"]
    assert describe(found[0].output).startswith(f"embedding of {HIDDEN} numbers: ")
    likeness = similarities(found)
    assert likeness[0][1] == pytest.approx(1, abs=1e-5)
    assert likeness[0][2] < 0.999


def test_a_session_answers_again_and_outlives_bad_input_and_a_crash(
    ctx: Context, tmp_path: Path
) -> None:
    register_model(ctx, "topics", write_classifier(tmp_path / "classifier"))
    with PredictSession(ctx, "topics:1") as session:
        assert session.task is None  # nothing is loaded before it is asked
        (first,) = session.predict(["a loan"])
        assert first.output["label"] in TOPICS
        assert session.task == "text-classification"
        (scores,) = session.predict(["a loan"], params={"return_all_scores": True})
        assert scores.output[0] == first.output
        (pair,) = session.predict(["a loan"], context="the rate")
        assert pair.output != first.output
        with pytest.raises(BadInputError, match="unknown parameter `colour`"):
            session.predict(["a loan"], params={"colour": 1})

        process = session._process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert session.predict(["a loan"]) == [first]

        process = session._process
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)
    assert process.poll() is not None  # closed while it hung
    assert similarities([first]) == []


def test_a_crash_while_it_answers_is_a_sentence(
    ctx: Context, bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_model(ctx, "base", bert)
    child = 'import os, sys; print(\'{"task": "t"}\', flush=True); sys.stdin.readline(); '
    child += "sys.stderr.write('out of cheese\\n'); sys.stderr.flush(); os.kill(os.getpid(), 9)"
    real = subprocess.Popen

    def popen(command: list[str], **options: object) -> object:
        return real([sys.executable, "-c", child], **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", popen)
    with pytest.raises(RunFailedError, match=r"base:1 ended \(signal 9\): out of cheese") as error:
        predict(ctx, "base", ["x"])
    assert "memory" in str(error.value)


def test_what_cannot_be_tried_is_refused_without_a_process(ctx: Context, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        predict(ctx, "nothing", ["x"])
    register_model(ctx, "empty")
    with pytest.raises(BadInputError, match=r"config\.json can't be read"):
        predict(ctx, "empty", ["x"])


def test_weights_that_are_damaged_are_a_sentence(ctx: Context, tmp_path: Path) -> None:
    folder = register_model(ctx, "torn", write_classifier(tmp_path / "torn"))
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(RunFailedError, match="torn:1 failed: ") as error:
        predict(ctx, "torn", ["x"])
    assert "\n" not in str(error.value)


def test_the_child_ends_with_whoever_asked(bert: Path) -> None:
    command = [sys.executable, "-m", "fmtui.workers.predict", str(bert)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stdout.readline() == b'{"task": "feature-extraction"}\n'
    child.stdin.close()
    assert eventually(lambda: child.poll() is not None)
    assert child.returncode == 0
    child.stdout.close()
