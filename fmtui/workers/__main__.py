"""`python -m fmtui.workers FOLDER`: carry out the run in FOLDER."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

from fmtui.runs.folder import RunFolder
from fmtui.workers.lean import leave_out

KINDS = {"finetune": "fmtui.workers.finetune", "evaluate": "fmtui.workers.evaluation"}


def main() -> int:
    from fmtui.workers.harness import Worker, carry_out

    # Nothing that a worker loads needs the network: its model and data are on this disk.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    # Threads that spin while they wait steal the core from those that work: on two cores that
    # others use too, training was five to seven times slower without this.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    folder = RunFolder(Path(sys.argv[1]))

    def work(worker: Worker) -> None:
        worker.say(f"{worker.spec['kind']} {worker.spec['run']} begins")
        leave_out(worker.spec)
        import_module(KINDS[worker.spec["kind"]]).run(worker)

    return carry_out(folder, work)


if __name__ == "__main__":
    sys.exit(main())
