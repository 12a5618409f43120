"""A journal is read as far as it is whole, and forgets what a resumed run did over."""

from __future__ import annotations

import json
from pathlib import Path

from fmtui.runs.journal import Journal, Story
from registry.views import RunInfo


def test_a_story_goes_on_where_it_stopped(tmp_path: Path) -> None:
    journal, story = Journal(tmp_path / "j"), Story(tmp_path / "j")
    journal.state("running")
    assert story.read().state == "running"
    journal.metrics(5, 0.5, "train", {"loss": 2.0})
    assert [(p.step, p.name, p.value) for p in story.read().points] == [(5, "loss", 2.0)]
    assert len(story.read().points) == 1


def test_half_a_line_waits_for_its_other_half(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_bytes(b'{"event":"state","state":"running"}\n{"event":"state","sta')
    story = Story(path).read()
    assert story.state == "running"
    with path.open("ab") as file:
        file.write(b'te":"finalizing"}\n')
    assert story.read().state == "finalizing"


def test_a_killed_writer_s_half_line_harms_no_other(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_bytes(b'{"event":"state","state":"running"}\n{"event":"metr')
    Journal(path).state("queued")
    assert Story(path).read().state == "queued"


def test_steps_after_the_checkpoint_are_forgotten_on_resume(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    for step in (1, 2, 3):
        journal.metrics(step, None, "train", {"loss": float(step)})
    journal.write("resumed", step=2)
    journal.metrics(3, None, "train", {"loss": 30.0})
    story = Story(tmp_path / "j").read()
    assert [(p.step, p.value) for p in story.points] == [(1, 1.0), (2, 2.0), (3, 30.0)]


def test_the_result_is_that_of_the_model_that_was_kept(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.metrics(1, None, "validation", {"accuracy": 0.9})
    journal.metrics(2, None, "validation", {"accuracy": 0.7})
    assert Story(tmp_path / "j").read().final_metrics() == {"accuracy": 0.7}
    journal.write("kept", step=1)
    assert Story(tmp_path / "j").read().final_metrics() == {"accuracy": 0.9}


def test_what_is_no_number_is_no_point(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.metrics(1, None, "train", {"loss": float("nan"), "grad_norm": float("inf")})
    assert Story(tmp_path / "j").read().points == []


def at(minute: int, event: str, **values: object) -> str:
    return json.dumps({"t": f"2026-01-01T00:{minute:02}:00.000Z", "event": event, **values}) + "\n"


def test_time_between_attempts_is_not_counted(tmp_path: Path) -> None:
    path = tmp_path / "j"
    first = [at(0, "state", state="starting"), at(1, "state", state="running"), at(3, "metric",
             step=1, split="train", values={})]  # fmt: skip
    path.write_text("".join(first))
    story = Story(path)
    assert (story.read().started, story.away) == ("2026-01-01T00:01:00.000Z", 0.0)
    # Killed after minute 3; somebody looks at minute 20 and goes on with it at 30.
    later = [at(20, "state", state="failed", error="killed"), at(30, "state", state="queued"),
             at(31, "state", state="starting"), at(32, "state", state="running")]  # fmt: skip
    with path.open("a") as file:
        file.write("".join(later))
    assert (story.read().started, story.away) == ("2026-01-01T00:01:00.000Z", 29 * 60.0)
    with path.open("a") as file:
        file.write(at(40, "state", state="finalizing") + at(41, "state", state="completed"))
    assert story.read().away == 29 * 60.0
    info = RunInfo(
        1, "finetune", "local", None, "completed", None, None, None, None, started=story.started,
        ended="2026-01-01T00:41:00.000Z", away=story.away,
    )  # fmt: skip
    assert info.seconds == 11 * 60.0, "two minutes, then nine"


def test_a_run_that_waits_to_go_on_does_not_run(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_text(at(1, "state", state="running") + at(4, "state", state="canceled"))
    with path.open("a") as file:
        file.write(at(9, "state", state="queued"))
    story = Story(path).read()
    info = RunInfo(
        1, "finetune", "local", None, "queued", None, None, None, None, started=story.started,
        away=story.away,
    )  # fmt: skip
    assert info.seconds is not None and info.seconds < 5 * 60


def test_what_is_no_event_is_passed_over(tmp_path: Path) -> None:
    """A bundle brings the journals of its runs, which may say anything."""
    path = tmp_path / "j"
    lines = [
        "[]", "3", "null", '"state"', '{"event": "metric"}', '{"event": "state"}',
        '{"event": "resource", "t": "never", "values": {}}', '{"event": "progress", "step": 1}',
        '{"event": "state", "state": "running", "t": "never"}',
        '{"event": "state", "state": "running", "t": 3}',
        '{"event": "state", "state": "running", "t": "2026-01-01T00:00:00"}',
        '{"event": "metric", "step": 1, "split": "train", "values": {"loss": "high"}}',
    ]  # fmt: skip
    path.write_text("\n".join(lines) + "\n" + at(1, "state", state="running"))
    with path.open("a") as file:
        file.write(at(2, "metric", step=1, split="train", values={"loss": 0.5}))
    story = Story(path).read()
    assert (story.state, story.started) == ("running", "2026-01-01T00:01:00.000Z")
    assert [(p.name, p.value) for p in story.points] == [("loss", 0.5)]


def test_a_time_that_is_none_gives_no_duration() -> None:
    for started in ("never", "2026-01-01T00:00:00"):
        info = RunInfo(
            1, "finetune", "local", None, "completed", None, None, None, None, started=started,
            ended="2026-01-01T00:41:00.000Z",
        )  # fmt: skip
        assert info.seconds is None
