"""Ten thousand runs and ten million metric points are listed, opened and taken in at once.

The registry is filled with runs that have ended; their points go in as they do when a run is
settled. Queries are those of the services behind the list's first page (as the command reads it,
as the screen does, and narrowed by every filter and a search) and a run's page: of a run whose
folder is gone, and of one whose journal is read. Ingestion reads a journal as a run writes it
(three values a step, and progress) and settles it into the full registry: from lines of JSON to
rows on the disk.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

LIST_LIMIT, PAGE_LIMIT, INGEST_LIMIT = 0.050, 0.100, 100_000

_RUN = (
    "INSERT INTO run (id, kind, backend, task, state, name, model, data, metrics, created, "
    "started, ended) VALUES (?, ?, 'local', 'text-classification', ?, ?, ?, 'messages:1', ?, "
    "'2026-01-01T00:00:00.000Z', '2026-01-01T00:00:01.000Z', '2026-01-01T00:10:00.000Z')"
)


def fill(home: Path, runs: int, points: int) -> None:
    """A registry with that many settled runs, and that many points in all."""
    from fmtui.services.context import Context
    from registry import runs as rows

    ctx = _context(home)
    assert isinstance(ctx, Context)
    each = points // runs
    states = ("completed", "completed", "completed", "failed", "canceled")
    with ctx.db.write() as connection:
        connection.executemany(
            _RUN,
            (
                (
                    n,
                    "evaluate" if n % 7 == 0 else "finetune",
                    states[n % 5],
                    f"model-{n % 50}",
                    f"base-{n % 20}:1",
                    json.dumps({"accuracy": n % 100 / 100, "loss": 0.4, "f1_macro": 0.9}),
                )
                for n in range(1, runs + 1)
            ),
        )
        connection.execute(
            "INSERT INTO run_tag (run_id, tag) SELECT id, 'good' FROM run WHERE id % 3 = 0"
        )
        for number in range(1, runs + 1):
            rows.insert_points(
                connection,
                number,
                [(step, step / 100, "train", "loss", 1.0 / (step + 1)) for step in range(each)],
            )


def write_journal(path: Path, points: int) -> int:
    """A journal with at least that many points; how many there are."""
    count = 0
    with path.open("w") as file:
        file.write('{"t": "2026-01-01T00:00:00.000Z", "event": "state", "state": "running"}\n')
        for step in range(1, points // 3 + 2):
            values = {"loss": 1.0 / step, "learning_rate": 2e-4 / step, "grad_norm": 1.5 + 1 / step}
            event = {"t": "2026-01-01T00:00:01.000Z", "event": "metric", "step": step,
                     "epoch": step / 313, "split": "train", "values": values}  # fmt: skip
            file.write(json.dumps(event) + "\n")
            count += len(values)
            if step % 20 == 0:
                event = {"t": "2026-01-01T00:00:01.000Z", "event": "progress", "step": step,
                         "total": points // 3, "epoch": 0.1, "epochs": 3, "rate": 98.1}  # fmt: skip
                file.write(json.dumps(event) + "\n")
    return count


def _context(home: Path):  # type: ignore[no-untyped-def]
    from fmtui.paths import Home
    from fmtui.services.context import Context
    from registry.database import Database

    place = Home(home)
    context = Context(place, Database(place.registry))
    context.db.prepare()
    return context


def median(job: Callable[[], object], times: int = 15) -> float:
    """Median seconds of `job`, after one that warms the disk's cache."""
    job()
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        job()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def ingest(home: Path, number: int, points: int) -> float:
    """Points a second, from a journal's lines to committed rows."""
    from fmtui.runs.folder import RunFolder
    from fmtui.runs.journal import Story
    from registry import runs as rows

    ctx = _context(home)
    folder = RunFolder.create(home / "runs", number, {"run": f"r{number}"})
    count = write_journal(folder.journal, points)
    with ctx.db.write() as connection:
        connection.execute(_RUN, (number, "finetune", "running", "m", "base:1", "{}"))
    began = time.perf_counter()
    story = Story(folder.journal).read()
    rows.settle(
        ctx.db,
        number,
        state="completed",
        started=story.started,
        ended="2026-01-01T00:10:00.000Z",
        error=None,
        metrics=story.final_metrics(),
        points=[*story.points, *story.resources],
        output_version_id=None,
    )
    seconds = time.perf_counter() - began
    assert len(rows.metrics(ctx.db, number)) == count
    return count / seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--points", type=int, default=10_000_000)
    parser.add_argument("--journal", type=int, default=300_000, help="points to take in at once")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="fmtui-bench-"))
    try:
        began = time.perf_counter()
        fill(home, options.runs, options.points)
        filled = time.perf_counter() - began
        from fmtui.runs import journal
        from fmtui.runs.folder import RunFolder
        from fmtui.services import queue, runs
        from fmtui.services.runs import Wanted

        ctx = _context(home)
        each = options.points // options.runs
        bare, whole = options.runs // 2, options.runs // 2 + 1
        folder = RunFolder.create(home / "runs", whole, {"run": f"r{whole}"})
        written = write_journal(folder.journal, each)

        def page(number: int, points: int) -> None:
            journal._stories.clear()  # as a process that never saw this run
            runs.status(ctx, f"r{number}")
            assert len(runs.metrics(ctx, f"r{number}")) == points
            runs.resources(ctx, f"r{number}")

        narrow = Wanted("completed", "finetune", "base-5:1", tags=("good",), query="base messages")
        assert runs.list_runs(ctx, narrow)

        def screen(wanted: Wanted, order: str) -> None:
            proofs = runs.reap(ctx)
            queue.reasons(ctx)
            ids = runs.order_runs(ctx, wanted, order=order)
            assert len(runs.read_runs(ctx, ids[:100], proofs)) == min(len(ids), 100)

        listing = max(
            median(lambda: runs.list_runs(ctx, limit=50)), median(lambda: screen(Wanted(), "run"))
        )
        filtered = max(
            median(lambda wanted=wanted: screen(wanted, "run"))
            for wanted in (narrow, Wanted(query="base messages"))
        )
        ordered = max(
            median(lambda order=order: screen(Wanted(), order)) for order in ("took", "result")
        )
        opening = max(median(lambda: page(bare, each)), median(lambda: page(whole, written)))
        rates = [ingest(home, options.runs + n, options.journal) for n in (1, 2, 3)]
        size = sum(f.stat().st_size for f in home.iterdir() if f.is_file())
    finally:
        shutil.rmtree(home)
    rate = statistics.median(rates)
    holds = (
        max(listing, filtered, ordered) <= LIST_LIMIT
        and opening <= PAGE_LIMIT
        and rate >= INGEST_LIMIT
    )
    result = {
        "claim": "with 10,000 runs and 10 million metric points the list's first page takes at "
        f"most {LIST_LIMIT * 1000:.0f} ms, a run's page {PAGE_LIMIT * 1000:.0f} ms, and a journal "
        f"is taken in at {INGEST_LIMIT:,} points a second or more",
        "measured": {
            "runs": options.runs,
            "points": options.points,
            "list_ms": round(listing * 1000, 2),
            "filtered_list_ms": round(filtered * 1000, 2),
            "ordered_list_ms": round(ordered * 1000, 2),
            "page_ms": round(opening * 1000, 2),
            "ingested_points_s": round(rate),
            "filling_s": round(filled, 1),
            "registry_mb": round(size / 1e6),
        },
        "holds": holds,
    }
    print(json.dumps(result))
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
