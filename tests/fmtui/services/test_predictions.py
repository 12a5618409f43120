"""Predictions are read by page: the rows and columns that are asked for, and no others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fmtui.errors import BadInputError, ConflictError, NotFoundError
from fmtui.services import predictions
from fmtui.services.context import Context
from fmtui.services.predictions import open_predictions, read_file
from tests.evaluations import columns_of, evaluated, of_task
from tests.screens.tools import make_run, running


def file_of(path: Path, rows: int = 100, group: int = 7) -> predictions.Predictions:
    columns = {
        "text": [f"text {i}" for i in range(rows)],
        "label": ["a" if i % 3 else "b" for i in range(rows)],
        "scores": [[i / rows, 1 - i / rows] for i in range(rows)],
    }
    pq.write_table(pa.table(columns), path / "p.parquet", row_group_size=group)
    return read_file("r1", "text-classification", path / "p.parquet", ("a", "b"))


@pytest.mark.parametrize("group", [1, 7, 100, 1000])
def test_rows_come_in_the_order_that_they_were_asked_for(tmp_path: Path, group: int) -> None:
    found = file_of(tmp_path, group=group)
    rows = found.take([99, 0, 41, 41, 7], ["text"])
    assert rows == [{"text": f"text {i}"} for i in (99, 0, 41, 41, 7)]
    assert found.take([]) == [] and found.take([100]) == [], "there is no such row"
    assert found.take([3])[0].keys() == {"text", "label", "scores"}


def test_a_page_of_a_large_group_holds_no_more_than_some_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictions, "_BATCH", 8)
    found = file_of(tmp_path, rows=1000, group=1000)
    assert [row["text"] for row in found.take([999, 500])] == ["text 999", "text 500"]
    assert max(batch.num_rows for batch in found.batches(["text"])) <= 8


def test_whole_columns_are_what_measuring_takes(tmp_path: Path) -> None:
    found = file_of(tmp_path)
    columns = found.read(["label", "scores", "loss"])
    assert columns.keys() == {"label", "scores"}, "there is no loss"
    assert columns["scores"].shape == (100, 2) and columns["scores"].dtype == float
    assert columns["label"][:3] == ["b", "a", "a"]


def test_scores_of_unequal_length_are_none(tmp_path: Path) -> None:
    for scores in ([[1.0], [0.5, 0.5]], [[0.5, 0.5], None], [[1.0, 2.0], [3.0, 4.0, 5.0, 6.0]]):
        pq.write_table(pa.table({"scores": scores}), tmp_path / "p.parquet")
        assert read_file("r1", "x", tmp_path / "p.parquet").read(["scores"]) == {}


def test_what_is_no_evaluation_says_so(ctx: Context) -> None:
    finetune = make_run(ctx)
    with pytest.raises(ConflictError, match=r"is a finetune run.*fmtui evaluate MODEL"):
        open_predictions(ctx, finetune)
    with pytest.raises(NotFoundError):
        open_predictions(ctx, "r99")
    gone = make_run(ctx, kind="evaluate")
    with pytest.raises(NotFoundError, match="left no predictions"):
        open_predictions(ctx, gone)
    with running(ctx) as run:
        with ctx.db.write() as connection:
            connection.execute("UPDATE run SET kind = 'evaluate' WHERE id = ?", (int(run[1:]),))
        with pytest.raises(ConflictError, match="is running"):
            open_predictions(ctx, run)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet at all", b"PAR1" + bytes(60)])
def test_a_broken_file_is_one_sentence(ctx: Context, content: bytes) -> None:
    run = of_task(ctx, "text-classification")
    path = ctx.home.runs / run / "output" / "predictions.parquet"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match="Evaluate the model again") as told:
        open_predictions(ctx, run)
    assert "\n" not in str(told.value)


def test_a_file_that_breaks_while_it_is_read_is_one_sentence(ctx: Context) -> None:
    run = of_task(ctx, "text-classification", rows=400)
    found = open_predictions(ctx, run)
    raw = found.path.read_bytes()
    found.path.write_bytes(raw[:200] + bytes(len(raw) // 2) + raw[200 + len(raw) // 2 :])
    with pytest.raises(BadInputError, match="can't be read"):
        found.read(["text", "label", "prediction", "scores"])


def test_labels_of_a_broken_report_are_unknown(ctx: Context) -> None:
    columns: dict[str, Any] = columns_of("text-classification")
    for labels in (None, "a", [1, 2], {"a": 1}):
        run = evaluated(ctx, columns, report={"metrics": {}, "labels": labels})
        assert open_predictions(ctx, run).labels == ()
    assert np.array(open_predictions(ctx, of_task(ctx, "text-classification")).labels).shape == (5,)
