"""A real Slurm of two nodes on this machine, in a folder of its own, with its own ports and key."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.cli import until

_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "squeue")
_NODES = ("n1", "n2")
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])

_CONFIG = """\
ClusterName=fmtui
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerNode=3000
KillWait=5
ReturnToService=2
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=1
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=60 State=UP
PartitionName=closed Nodes=ALL MaxTime=60 State=DOWN
"""


def missing() -> str | None:
    """The first program that a Slurm needs and that is not here."""
    return next((name for name in _PROGRAMS if shutil.which(name, path=_PATH) is None), None)


@dataclass(frozen=True)
class Cluster:
    """A running Slurm; `env` is what its commands need."""

    env: dict[str, str]

    def run(self, *words: str) -> str:
        done = subprocess.run(
            words, env={**os.environ, **self.env}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout.strip()

    def state(self, job: str) -> str:
        return self.run("squeue", "-h", "--states=all", "-j", job, "-o", "%T")

    def lose_node(self, node: str) -> None:
        """Let a node be down, as when it crashed; its jobs are lost."""
        self.run("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test")

    def restore_node(self, node: str) -> None:
        """Wait until it serves again: it registers anew, or is told to."""

        def idle() -> bool:
            words = ["scontrol", "update", f"NodeName={node}", "State=RESUME"]
            env = {**os.environ, **self.env}
            subprocess.run(words, env=env, capture_output=True, check=False)
            return _is_idle(self)

        until(idle, seconds=30)

    def jobs(self) -> str:
        return self.run("squeue", "-h", "-o", "%i %T")


def _node(name: str, host: str) -> str:
    """A line of the config: a daemon with a port of its own, each on this same host."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20 // len(_NODES)
    return (
        f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={_free_port()} "
        f"CPUs={os.cpu_count() or 1} RealMemory={memory} State=UNKNOWN"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Start munged, slurmctld and slurmd as children of this process, and end them."""
    # Short: the path of a socket has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="fmtui-slurm-"))
    folder.chmod(0o755)
    for name in ("state", *(f"spool-{node}" for node in _NODES)):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(128))
    host = socket.gethostname().partition(".")[0]
    config = folder / "slurm.conf"
    config.write_text(
        _CONFIG.format(
            host=host,
            controller=_free_port(),
            nodes="\n".join(_node(name, host) for name in _NODES),
            folder=folder,
            user=getpass.getuser(),
        )
    )
    env = {"SLURM_CONF": str(config), "PATH": _PATH}
    munge = ["munged", "--foreground", "--force", "--num-threads=1"]
    for option, name in (
        ("socket", "munge.socket"), ("key-file", "munge.key"), ("pid-file", "munge.pid"),
        ("log-file", "munge.log"), ("seed-file", "munge.seed"),
    ):  # fmt: skip
        munge.append(f"--{option}={folder / name}")
    started: list[subprocess.Popen[bytes]] = []
    made = Cluster(env)
    daemons = [["slurmd", "-D", "-N", node] for node in _NODES]
    try:
        for words in (munge, ["slurmctld", "-D", "-i"], *daemons):
            started.append(_start(words, env, folder))
            if words is munge:
                until((folder / "munge.socket").exists, seconds=20)
        until(lambda: _is_idle(made), seconds=30)
        yield made
    finally:
        if len(started) == 2 + len(_NODES) and made.jobs():
            made.run("scancel", "--user", getpass.getuser())
            until(lambda: not made.jobs(), seconds=30)
        for process in reversed(started):
            process.terminate()
            process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _start(words: list[str], env: dict[str, str], folder: Path) -> subprocess.Popen[bytes]:
    with (folder / f"{words[0]}.said").open("ab") as said:
        return subprocess.Popen(
            words,
            executable=shutil.which(words[0], path=_PATH),
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _is_idle(made: Cluster) -> bool:
    done = subprocess.run(
        ["sinfo", "-h", "-p", "main", "-o", "%T"],
        env={**os.environ, **made.env},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() == "idle"
