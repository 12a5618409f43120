"""What runs inside a Slurm job: on each node one `Carrier`, called by submitit.

On the first node it does what the supervisor does at home. When the time limit is near, submitit
calls `checkpoint`: the worker writes one and ends, and submitit puts the job back into the queue.
The next time the job runs, the run goes on from there.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from fmtui.errors import FmtuiError
from fmtui.runs import ranks
from fmtui.runs.backends import scheduler
from fmtui.runs.backends.slurm import SlurmOptions, job_of, note_job
from fmtui.runs.checkpoints import checkpoint_step
from fmtui.runs.folder import Exit, RunFolder
from fmtui.runs.journal import Journal
from fmtui.runs.layout import Layout
from fmtui.runs.process import TOKEN, Identity, become_subreaper, sweep, token_of
from fmtui.runs.start import INTERRUPTIBLE, start_workers
from fmtui.runs.supervisor import explain, grace_of
from registry.database import now

_PORTS = range(20000, 40000)


class Carrier:
    """Carries the run in `folder`; submitit pickles it, so it holds nothing but the path."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __call__(self) -> None:
        global _carrying
        _carrying = _Carrying(RunFolder(Path(self.folder)))
        _carrying.carry()

    def checkpoint(self) -> Any:
        """Called by submitit, on the first node, in the middle of `__call__`: the time is nearly
        over. What it returns is queued again; None ends the run."""
        import submitit

        if _carrying is None or not _carrying.interrupt():
            return None
        return submitit.helpers.DelayedSubmission(Carrier(self.folder))


_carrying: _Carrying | None = None


class _Carrying:
    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.spec = folder.spec()
        self.options = SlurmOptions.of(self.spec)
        self.job = os.environ["SLURM_JOB_ID"]
        self.node = int(os.environ.get("SLURM_NODEID", "0"))
        self.stopping = False
        self.worker: subprocess.Popen[bytes] | None = None
        self.watch = ranks.Watch(folder, Layout.of(self.spec).ranks_of(self.node))
        self.journal = Journal(folder.journal if self.node == 0 else Path(os.devnull))
        self.first_step = _step(folder)

    def carry(self) -> None:
        if self.folder.exit() is not None or job_of(self.folder) not in (None, self.job):
            return  # it was canceled, or another job has it
        become_subreaper()
        signal.signal(signal.SIGTERM, self._on_term)
        if self.node == 0:
            note_job(self.folder, self.job)
            self.journal.state("starting", job=self.job, node=os.environ.get("SLURMD_NODENAME"))
        self.worker = start_workers(
            self.folder,
            env={TOKEN: token_of(self.folder.path), INTERRUPTIBLE: "1"},
            machine=self.node,
            address=self._address(),
        )
        identity = Identity.of(self.worker.pid)
        if self.node == 0 and identity is not None:
            identity.save(self.folder.path / "worker.json")
        code = self._wait()
        self.watch.look()
        sweep(self.folder.path)
        if self.node == 0:
            self._end(code)

    def _address(self) -> str | None:
        """Where the ranks of several nodes meet: on the first one, at a port of the job's own."""
        if Layout.of(self.spec).machines == 1:
            return None
        import submitit

        port = _PORTS[int(self.job) % len(_PORTS)]
        return f"{scheduler.address_of(submitit.JobEnvironment().hostnames[0])}:{port}"

    def _on_term(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    def _wait(self) -> int:
        """Wait for the worker, which hears signals by itself: Slurm sends them to all."""
        assert self.worker is not None
        deadline = None
        while True:
            try:
                return self.worker.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                self.watch.look()
            if deadline is None and (self.stopping or self.folder.cancel_request.exists()):
                deadline = time.monotonic() + grace_of(self.folder)
                self._tell(signal.SIGTERM)
            elif deadline is not None and time.monotonic() > deadline:
                self._tell(signal.SIGKILL)

    def _tell(self, number: int) -> None:
        assert self.worker is not None
        self.watch.stop()
        identity = Identity.of(self.worker.pid)
        if identity is not None:
            identity.signal_group(number)

    def interrupt(self) -> bool:
        """Have a checkpoint written; whether the run shall be queued again."""
        self.stopping = True
        if self.worker is not None:
            # `wait` may hold its lock right below this frame: look at the process instead.
            identity = Identity.of(self.worker.pid)
            self._tell(signal.SIGTERM)
            deadline = time.monotonic() + grace_of(self.folder)
            while identity is not None and identity.alive() and time.monotonic() < deadline:
                self.watch.look()
                time.sleep(0.05)
            sweep(self.folder.path)
        if self.folder.exit() is not None or self.folder.cancel_request.exists():
            return False
        step = _step(self.folder)
        if not self.options.requeue:
            self._fail(self._over())
        elif step <= self.first_step:
            self._fail("its time in Slurm ended before a checkpoint was reached; give it more.")
        else:
            self._back_to_queue(step)
            return True
        return False

    def _over(self) -> str:
        """That the time limit is over, in the words for a job that Slurm itself had to end."""
        job = None
        with contextlib.suppress(FmtuiError):
            job = scheduler.job(self.job, fresh=True)
        job = replace(job, state="TIMEOUT") if job else scheduler.Job(self.job, "TIMEOUT")
        return job.why_it_ended()[1]

    def _back_to_queue(self, step: int) -> None:
        self.journal.write("note", message=f"requeued by Slurm at step {step}")
        self.journal.state("queued")

    def _fail(self, words: str) -> None:
        end = Exit("failed", now(), words, self.folder.last_checkpoint() is not None, True)
        self.folder.write_exit(end)
        self.journal.state(end.state, error=end.error)

    def _end(self, code: int) -> None:
        """The worker is gone: it wrote its end, was told to stop by Slurm, or failed."""
        if self.folder.exit() is None:
            if self.stopping and not self.folder.cancel_request.exists():
                self._leave()
                return
            self.folder.write_exit(explain(code, self.folder))
        end = self.folder.exit()
        if end is not None:
            self.journal.state(end.state, error=end.error)

    def _leave(self) -> None:
        """Slurm asked for an end. Where it only warns (a preemption's grace time), a job that ends
        by itself would not be requeued, so that is done here; else Slurm has decided already."""
        job = None
        with contextlib.suppress(FmtuiError):
            job = scheduler.job(self.job, fresh=True)
        if job is not None and job.state == "RUNNING" and self.options.requeue:
            self._back_to_queue(_step(self.folder))
            scheduler.requeue(self.job)
        elif self.options.requeue:
            self._back_to_queue(_step(self.folder))
        raise SystemExit(1)


def _step(folder: RunFolder) -> int:
    last = folder.last_checkpoint()
    return checkpoint_step(last) if last is not None else 0
