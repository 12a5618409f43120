"""Asking Slurm, through its own commands: what became of a job, and why."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass

from fmtui.errors import RemoteError

_TIMEOUT = 20.0
_FRESH_SECONDS = 2.0
"""An answer is used again for so long: a screen looks every second, Slurm shall not feel it."""

WAITING = frozenset({"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD"})
ALIVE = frozenset(
    {"RUNNING", "COMPLETING", "SUSPENDED", "RESIZING", "SIGNALING", "STAGE_OUT", "STOPPED"}
)

_REASONS = {
    "Resources": "waits for free resources",
    "Priority": "waits behind jobs of higher priority",
    "Dependency": "waits for another job",
    "BeginTime": "was requeued and begins in a moment",
    "PartitionDown": "waits: its partition is down",
    "PartitionTimeLimit": "asks for more time than its partition allows",
    "PartitionNodeLimit": "asks for more nodes than its partition allows",
    "QOSMaxJobsPerUserLimit": "waits: too many jobs of yours at once",
    "AssocGrpCpuLimit": "waits: the account's share of CPUs is used up",
    "AssocGrpGRES": "waits: the account's share of GPUs is used up",
    "JobHeldUser": "is held; `scontrol release` lets it go",
    "JobHeldAdmin": "is held by an administrator",
    "ReqNodeNotAvail": "waits: a node that it needs is not available",
}


@dataclass(frozen=True)
class Job:
    """A job as Slurm tells of it. `code` is EXIT:SIGNAL."""

    id: str
    state: str
    reason: str = ""
    nodes: str = ""
    code: str = ""
    limit: str = ""

    @property
    def waiting(self) -> bool:
        return self.state in WAITING

    @property
    def alive(self) -> bool:
        return self.state in ALIVE

    def why_it_waits(self) -> str:
        """Why it is pending, as a part of a sentence."""
        if self.reason in ("", "None", "(null)"):
            return f"Slurm starts job {self.id} soon"
        words = _REASONS.get(self.reason, f"waits ({self.reason})")
        return f"job {self.id} {words}"

    def why_it_ended(self) -> tuple[str, str]:
        """The state of the run that this job's end makes, and the reason as a sentence."""
        where = f" {self.nodes}" if self.nodes else ""
        ends = {
            "CANCELLED": f"Slurm's job {self.id} was canceled from outside (scancel).",
            "NODE_FAIL": f"the node{where} of Slurm's job {self.id} failed.",
            "TIMEOUT": f"the time limit of Slurm's job {self.id}"
            f"{f' ({self.limit})' if self.limit else ''} is over.",
            "OUT_OF_MEMORY": f"Slurm's job {self.id} ran out of memory; ask for more, as with "
            "--slurm mem=64G.",
            "PREEMPTED": f"Slurm's job {self.id} was preempted by another one.",
            "BOOT_FAIL": f"the node{where} of Slurm's job {self.id} could not be booted.",
            "DEADLINE": f"Slurm's job {self.id} did not end before its deadline.",
            "LAUNCH_FAILED": f"Slurm could not launch its job {self.id}.",
        }
        if self.state in ends:
            return ("canceled" if self.state == "CANCELLED" else "failed"), ends[self.state]
        number, _, signal = self.code.partition(":")
        with_what = f"signal {signal}" if signal not in ("", "0") else f"code {number or '?'}"
        return "failed", f"Slurm's job {self.id} ended with {with_what} ({self.state.lower()})."


_answers: dict[str, tuple[float, Job | None]] = {}


def job(number: str, *, fresh: bool = False) -> Job | None:
    """A job, None when Slurm knows no such job (any more).

    Raises RemoteError when Slurm can't be asked.
    """
    known = _answers.get(number)
    if known is not None and not fresh and time.monotonic() - known[0] < _FRESH_SECONDS:
        return known[1]
    found = _from_controller(number) or _from_accounting(number)
    _answers[number] = (time.monotonic(), found)
    return found


def _from_controller(number: str) -> Job | None:
    done = run("scontrol", "show", "job", number, "--oneliner")
    if done.returncode:
        if "Invalid job id" in done.stderr + done.stdout:
            return None
        raise _silence(done.stderr)
    values = dict(re.findall(r"(?:^|\s)([A-Za-z:/]+)=(\S*)", done.stdout))
    nodes = values.get("NodeList", "")
    return Job(
        number,
        values.get("JobState", "UNKNOWN"),
        values.get("Reason", "").partition(",")[0],
        "" if nodes == "(null)" else nodes,
        values.get("ExitCode", ""),
        values.get("TimeLimit", ""),
    )


def _from_accounting(number: str) -> Job | None:
    """The controller forgets jobs after some minutes (MinJobAge); the accounts, if any, don't."""
    if shutil.which("sacct") is None:
        return None
    done = run("sacct", "-X", "-n", "-P", "-j", number, "-o", "State,ExitCode,NodeList,Timelimit")
    line = done.stdout.strip().splitlines()[:1]
    if done.returncode or not line:
        return None
    state, code, nodes, limit = [*line[0].split("|"), "", "", ""][:4]
    # `CANCELLED by 1000`
    return Job(number, state.split(" ")[0].rstrip("+"), "", nodes, code, limit)


def forget(number: str) -> None:
    """Let the next look ask anew."""
    _answers.pop(number, None)


def signal_steps(number: str, name: str) -> None:
    """Send a signal to all that the job runs, but not to its batch script."""
    run("scancel", f"--signal={name}", number)
    forget(number)


def cancel(number: str) -> None:
    """Take a job out of the queue, or end it. Raises RemoteError when Slurm refuses."""
    done = run("scancel", number)
    forget(number)
    if done.returncode and "Invalid job id" not in done.stderr:
        raise _silence(done.stderr)


def requeue(number: str) -> bool:
    """Put a running job back into the queue, under the same number."""
    forget(number)
    return run("scontrol", "requeue", number).returncode == 0


def address_of(node: str) -> str:
    """Where a node is found: by its name where that resolves, else where Slurm itself finds it."""
    with contextlib.suppress(OSError):
        socket.getaddrinfo(node, None)
        return node
    done = run("scontrol", "show", "node", node, "--oneliner")
    match = re.search(r"\bNodeAddr=(\S+)", done.stdout)
    return match[1] if match else node


def partition_minutes(partition: str | None) -> int | None:
    """The time limit that a partition gives to who asks for none, None when it has no limit.

    Raises RemoteError where there is no such partition.
    """
    done = run("sinfo", "--noheader", "--format=%P|%L|%l")
    if done.returncode:
        raise _silence(done.stderr)
    names = []
    for line in done.stdout.splitlines():
        name, default, most = [part.strip() for part in line.split("|")]
        names.append(name.rstrip("*"))
        if partition == names[-1] or (partition is None and name.endswith("*")):
            return minutes_of(most if default in ("n/a", "") else default)
    if partition is None:
        return None
    raise RemoteError(
        f"Slurm has no partition `{partition}`", hint=f"It has: {', '.join(dict.fromkeys(names))}."
    )


def minutes_of(text: str) -> int | None:
    """Minutes of a time as Slurm writes it (`90`, `1:30:00`, `2-12`, `2-12:30`), None without end.

    Raises ValueError.
    """
    if text.lower() in ("infinite", "unlimited"):
        return None
    match = re.fullmatch(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?", text.strip())
    if match is None:
        raise ValueError(f"`{text}` is no time as Slurm writes it")
    days, *rest = match.groups()
    first, second, third = (int(part) if part else 0 for part in rest)
    if days is not None:
        seconds = int(days) * 86400 + first * 3600 + second * 60 + third
    elif rest[2] is not None:
        seconds = first * 3600 + second * 60 + third
    else:
        seconds = first * 60 + second
    return -(-seconds // 60)


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """One of Slurm's commands. Raises RemoteError when it is not there or says nothing."""
    try:
        return subprocess.run(
            words,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=_TIMEOUT,
            check=False,
        )
    except FileNotFoundError:
        raise RemoteError(
            f"Slurm is not on this machine: no command `{words[0]}`",
            hint="Use the cluster's login node, or leave --backend out.",
        ) from None
    except subprocess.TimeoutExpired:
        raise RemoteError(f"Slurm does not answer (`{words[0]}`)") from None


def _silence(words: str) -> RemoteError:
    line = next((part for part in words.strip().splitlines() if part.strip()), "no reason given")
    return RemoteError(f"Slurm can't be asked: {line.strip()}")
