"""The list of runs: which, in which order, and what they can be filtered by."""

from __future__ import annotations

import pytest

from fmtui.services.context import Context
from registry import run_list
from registry.errors import UsageError
from registry.labels import set_run_tags
from registry.run_list import ORDERS, Wanted, find_runs

MINUTE = "2026-01-01T00:{:02}:00.000Z"


@pytest.fixture
def filled(ctx: Context) -> Context:
    """Three runs: 1 completed, 2 failed without a metric, 3 waits."""
    rows = (
        ("completed", "finetune", "b:1", '{"f1": 0.1, "accuracy": 0.8}', MINUTE.format(9)),
        ("failed", "evaluate", "A:1", "{}", MINUTE.format(3)),
        ("queued", "finetune", "c:1", '{"loss": 0.5}', None),
    )
    with ctx.db.write() as connection:
        connection.executemany(
            "INSERT INTO run (state, kind, model, metrics, ended, started, backend, data, created)"
            " VALUES (?, ?, ?, ?, ?, iif(?1 = 'queued', NULL, '2026-01-01T00:00:00.000Z'),"
            " 'local', 'words:1', '2026-01-01T00:00:00.000Z')",
            rows,
        )
        set_run_tags(connection, 1, ["baseline", "Paper"])
        set_run_tags(connection, 3, ["baseline"])
    return ctx


def ids(ctx: Context, wanted: Wanted | None = None, **how: object) -> list[int]:
    return [run.id for run in find_runs(ctx.db, wanted, **how)]  # type: ignore[arg-type]


def test_every_order_goes_both_ways_and_what_has_no_value_comes_last(filled: Context) -> None:
    assert ids(filled) == [3, 2, 1]
    assert ids(filled, order="run", down=False) == [1, 2, 3]
    assert ids(filled, order="model") == [2, 1, 3], "whatever the case of the letters"
    assert ids(filled, order="took") == [1, 2, 3]
    assert ids(filled, order="took", down=False) == [2, 1, 3]
    assert ids(filled, order="result") == [1, 3, 2]
    assert ids(filled, order="result", down=False) == [3, 1, 2]
    for order in ORDERS:
        assert sorted(ids(filled, order=order)) == [1, 2, 3]
    assert ids(filled, order="kind", limit=1) == [2]
    with pytest.raises(UsageError, match="can't be ordered by `id; DROP`"):
        ids(filled, order="id; DROP")


def test_runs_are_found_by_what_they_are(filled: Context) -> None:
    assert ids(filled, Wanted(tags=("baseline",))) == [3, 1]
    assert ids(filled, Wanted(tags=("baseline", "Paper"))) == [1]
    assert ids(filled, Wanted(state="failed")) == [2]
    assert ids(filled, Wanted(query="WORDS paper")) == [1]
    assert ids(filled, Wanted(query="r2 evaluate a:1 failed")) == [2]
    assert ids(filled, Wanted(query="%' OR 1")) == []
    assert [ids(filled, Wanted(query=word)) for word in ("%", "_", "!", "?")] == [[]] * 4
    assert ids(filled, Wanted(state="completed", tags=("none",))) == []


def test_the_facets_are_counted(filled: Context) -> None:
    assert run_list.facets(filled.db) == {
        "state": [("completed", 1), ("failed", 1), ("queued", 1)],
        "kind": [("finetune", 2), ("evaluate", 1)],
        "model": [("A:1", 1), ("b:1", 1), ("c:1", 1)],
        "tag": [("baseline", 2), ("Paper", 1)],
    }
