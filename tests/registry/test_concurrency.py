"""Many processes at one registry: nobody is told that it is locked, and no row is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SYNCS, WRITERS, READERS = 2, 8, 2

WORK = """
import json, sys, time
from pathlib import Path
from registry import queries, search
from registry.catalog.entries import Entry
from registry.catalog.sync import sync
from registry.database import Database

class Listed:
    def __init__(self, name, count):
        self.name, self.count = name, count
    def entries(self):
        return (Entry(f"{self.name}-{at}", str(at), downloads=at) for at in range(self.count))

role, number, path, seconds = sys.argv[1], sys.argv[2], Path(sys.argv[3]), float(sys.argv[4])
db = Database(path)
sys.stdin.readline()
end, done = time.monotonic() + seconds, 0
while time.monotonic() < end:
    if role == "sync":
        # Two sizes in turn: a reader that sees neither saw half a sync.
        sync(db, Listed(f"source{number}", (300, 500)[done % 2]))
    elif role == "write" and done % 2:
        with db.session() as session:
            from registry.tables import Model
            session.add(Model(name=f"w{number}-{done}", created=""))
    elif role == "write":
        with db.write() as connection:
            connection.execute(
                "INSERT INTO model (name, created) VALUES (?, '')", (f"w{number}-{done}",)
            )
    else:
        queries.list_models(db.read())
        for source in ("source0", "source1"):
            total = search.search(db.read(), source=source, limit=5).total
            assert total in (0, 300, 500), total
    done += 1
print(json.dumps(done))
"""


@pytest.mark.parametrize("seconds", [4, pytest.param(60, marks=pytest.mark.stress)])
def test_processes_that_sync_write_and_read_at_once_lose_nothing(
    tmp_path: Path, seconds: int
) -> None:
    path = tmp_path / "registry.db"
    roles = [("sync", SYNCS), ("write", WRITERS), ("read", READERS)]
    processes = [
        (
            role,
            number,
            subprocess.Popen(
                [sys.executable, "-c", WORK, role, str(number), str(path), str(seconds)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            ),
        )
        for role, count in roles
        for number in range(count)
    ]
    for _, _, process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    done = {}
    for role, number, process in processes:
        out, error = process.communicate(timeout=seconds + 120)
        assert (process.returncode, error) == (0, ""), f"{role} {number}"
        done[role, number] = json.loads(out)
    assert all(done.values()), done

    from registry import search
    from registry.database import Database

    db = Database(path)
    names = {row["name"] for row in db.read().execute("SELECT name FROM model")}
    expected = {f"w{n}-{at}" for n in range(WRITERS) for at in range(done["write", n])}
    assert names == expected
    for number in range(SYNCS):
        last = (300, 500)[(done["sync", number] - 1) % 2]
        assert search.search(db.read(), source=f"source{number}").total == last
    db.close()
    assert not list(tmp_path.glob(".catalog*"))
