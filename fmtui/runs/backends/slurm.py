"""Runs on a cluster: handed to Slurm by submitit, their states read from Slurm.

The run's folder, which all nodes must see, is the same as at home. `slurm.json` in it names the
job; `slurm/` holds what submitit writes: the batch script, and what a job prints before the worker
has the run's own log.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from fmtui.config import run_config
from fmtui.errors import FmtuiError, RemoteError
from fmtui.runs import ranks
from fmtui.runs.backends import Status, scheduler
from fmtui.runs.folder import ENDED, Exit, RunFolder
from fmtui.runs.journal import Journal, story_of
from fmtui.runs.process import sweep, try_lock, write_json
from fmtui.runs.state import is_silent
from registry.database import now

_END_SECONDS = 90.0
"""How long Slurm may take to end a job that was canceled (KillWait is 30 by default)."""

_NO_LIMIT = 365 * 24 * 60


@dataclass(frozen=True)
class SlurmOptions:
    """What is asked of Slurm. `time_limit` is as Slurm writes it; `gpus` and `cpus` are for each
    node; `more` holds any other option of sbatch by its long name."""

    partition: str | None = None
    nodes: int = 1
    gpus: int = 0
    cpus: int | None = None
    time_limit: str | None = None
    account: str | None = None
    qos: str | None = None
    requeue: bool = False
    more: dict[str, str] = field(default_factory=dict)

    def as_spec(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, spec: dict[str, Any]) -> SlurmOptions:
        return cls(**spec.get("slurm") or {})


class _Slurm:
    def submit(self, folder: RunFolder) -> None:
        lock = try_lock(folder.lock)
        try:
            number = _submit(folder, SlurmOptions.of(folder.spec()))
            note_job(folder, number)
        finally:
            if lock is not None:
                os.close(lock)

    def status(self, folder: RunFolder) -> Status:
        end = folder.exit()
        if end is not None:
            return Status(end.state, end.error)
        number = job_of(folder)
        if number is None:
            return self._without_job(folder)
        try:
            job = scheduler.job(number)
        except RemoteError as error:
            return Status("not_responding", str(error))
        if job is None:
            words = f"Slurm knows no job {number} any more, and how it ended is not written."
            return self._close(folder, Exit("failed", now(), words, interrupted=True))
        if job.waiting:
            return Status("queued", job.why_it_waits())
        if job.alive:
            return Status(_alive_state(folder))
        if job.state == "FAILED" and _took_too_much(folder, number):
            job = replace(job, state="OUT_OF_MEMORY")
        state, words = job.why_it_ended()
        if state == "failed" and job.state in ("FAILED", "COMPLETED"):
            first = ranks.culprit(folder)
            words = first.sentence() if first else f"{words} {_last_words(folder, number)}"
        if folder.cancel_request.exists():
            state, words = "canceled", "canceled"
        outside = state == "failed" and job.state not in ("FAILED", "COMPLETED", "OUT_OF_MEMORY")
        return self._close(folder, Exit(state, now(), words, interrupted=outside))

    def logs(self, folder: RunFolder) -> list[Path]:
        numbers = [rank.rank for rank in ranks.all_ranks(folder) if rank.rank]
        return [folder.log, *(ranks.log_of(folder, number) for number in numbers)]

    def cancel(self, folder: RunFolder) -> None:
        folder.cancel_request.touch()
        number = job_of(folder)
        if number is not None:
            _end_job(folder, number)
        sweep(folder.path)
        if folder.exit() is None:
            self._close(folder, Exit("canceled", now(), "canceled"))

    def collect(self, folder: RunFolder) -> Exit | None:
        return folder.exit() if self.status(folder).state in ENDED else None

    def _without_job(self, folder: RunFolder) -> Status:
        """It was never handed over; unless somebody is just about to."""
        lock = try_lock(folder.lock)
        if lock is None:
            return Status("queued", "is being handed to Slurm")
        try:
            if job_of(folder) is not None or folder.exit() is not None:
                return self.status(folder)
            words = "it was never handed to Slurm."
            return self._close(folder, Exit("failed", now(), words, interrupted=True))
        finally:
            os.close(lock)

    def _close(self, folder: RunFolder, end: Exit) -> Status:
        """Write the end that Slurm tells of, unless the run has written its own meanwhile."""
        written = folder.exit()
        if written is None:
            resumable = folder.last_checkpoint() is not None
            written = Exit(end.state, end.ended, end.error, resumable, end.interrupted)
            with contextlib.suppress(OSError):
                folder.write_exit(written)
                journal = Journal(folder.journal)
                journal.state(written.state, error=written.error)
                journal.close()
        return Status(written.state, written.error)


BACKEND = _Slurm()


def job_of(folder: RunFolder) -> str | None:
    """The number of the run's job, None while it has none."""
    try:
        return str(json.loads((folder.path / "slurm.json").read_text())["job"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def note_job(folder: RunFolder, number: str) -> None:
    write_json(folder.path / "slurm.json", {"job": number, "submitted": now()})


def _submit(folder: RunFolder, options: SlurmOptions) -> str:
    """Have submitit write the batch script, hand it to sbatch, and return the job's number."""
    limit = options.time_limit
    minutes = (
        scheduler.minutes_of(limit) if limit else scheduler.partition_minutes(options.partition)
    )
    (folder.path / "slurm.json").unlink(missing_ok=True)
    scheduler.run("sbatch", "--version")

    import submitit
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    from fmtui.runs.backends.carrier import Carrier

    minutes = minutes or _NO_LIMIT
    more: dict[str, Any] = {key.replace("_", "-"): value for key, value in options.more.items()}
    # Slurm requeues by itself what it preempts or what lost its node, unless told not to.
    more["requeue" if options.requeue else "no-requeue"] = True
    values: dict[str, Any] = {
        "job_name": f"fmtui-{folder.path.name}",
        "partition": options.partition,
        "nodes": options.nodes,
        "ntasks_per_node": 1,
        "gpus_per_node": options.gpus or None,
        "cpus_per_task": options.cpus,
        "account": options.account,
        "qos": options.qos,
        "time": minutes,
        "signal_delay_s": min(120, max(10, minutes * 15)),
        "additional_parameters": more,
    }
    said = io.StringIO()
    try:
        executor = submitit.SlurmExecutor(folder.path / "slurm", max_num_timeout=1000)
        executor.update_parameters(**{k: v for k, v in values.items() if v is not None})
        with contextlib.redirect_stderr(said):  # what sbatch says is in the error, too
            job = executor.submit(Carrier(str(folder.path)))
    except (FailedJobError, FailedSubmissionError, RuntimeError) as error:
        raise RemoteError(
            f"Slurm refused the run: {_reason(str(error) or said.getvalue())}",
            hint="`sinfo` shows its partitions and limits.",
        ) from None
    return str(job.job_id)


def _reason(words: str) -> str:
    """What sbatch complains about, without its name and its advice."""
    lines = [line.removeprefix("sbatch: ").removeprefix("error: ") for line in words.splitlines()]
    told = [line for line in lines if line.strip() and not line.startswith("Try ")]
    return told[-1] if told else "no reason given"


def _alive_state(folder: RunFolder) -> str:
    story = story_of(folder.journal)
    state = story.state if story.state in ("starting", "running", "finalizing") else "starting"
    return "not_responding" if state != "starting" and is_silent(folder) else state


def _took_too_much(folder: RunFolder, number: str) -> bool:
    """Whether Slurm ended the job for its memory, where no cgroup is there to count it: then the
    state is only FAILED."""
    return "Exceeded job memory limit" in " ".join(_said(folder, number))


def _last_words(folder: RunFolder, number: str) -> str:
    """The last line that the job printed outside the run's log, else where that log is."""
    said = _said(folder, number)
    return f"It said last: {said[0].splitlines()[-1][:200]}" if said else "See its log."


def _said(folder: RunFolder, number: str) -> list[str]:
    """What the job printed outside the run's log, on stderr and stdout, as far as it did."""
    found = []
    for name in (f"{number}_0_log.err", f"{number}_0_log.out"):
        with contextlib.suppress(OSError):
            words = (folder.path / "slurm" / name).read_text("utf-8", "replace").strip()
            found += [words] if words else []
    return found


def _end_job(folder: RunFolder, number: str) -> None:
    """First the signal that asks for a checkpoint, then Slurm's own end."""
    try:
        grace = run_config(folder.home).grace
    except FmtuiError:
        grace = 60.0
    job = scheduler.job(number, fresh=True)
    if job is not None and job.alive and folder.exit() is None:
        scheduler.signal_steps(number, "TERM")
        deadline = time.monotonic() + grace
        while folder.exit() is None and time.monotonic() < deadline:
            job = scheduler.job(number)
            if job is None or not (job.alive or job.waiting):
                break
            time.sleep(0.2)
    scheduler.cancel(number)
    deadline = time.monotonic() + _END_SECONDS
    while time.monotonic() < deadline:
        job = scheduler.job(number, fresh=True)
        if job is None or not (job.alive or job.waiting):
            return
        time.sleep(0.2)
    raise RemoteError(
        f"Slurm's job {number} does not end", hint=f"Ask Slurm: `scontrol show job {number}`."
    )
