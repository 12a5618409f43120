"""The check of data: what refuses a run, what is shown, and the figures."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from fmtui.errors import NotFoundError, UsageError
from fmtui.services import data, data_check, models
from fmtui.services.context import Context
from tests.fmtui.data.readers.test_arrow import saved_dict
from tests.tiny import POSITIONS, write_messages


def test_a_clean_file_has_figures_and_no_errors(ctx: Context, tmp_path: Path) -> None:
    report = data_check.check(ctx, str(write_messages(tmp_path / "m.csv", 60)))
    assert report.errors == []
    assert (report.task, report.rows, report.invalid) == ("text-classification", 60, 0)
    assert report.columns == {"text": "text", "label": "label"}
    assert dict(report.labels) == {"card": 20, "loan": 20, "rate": 20}
    assert report.lengths[0].unit == "word"


def test_the_shape_that_others_rely_on(ctx: Context, tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("text,label\nhello,a\n,a\nworld,b\nhello,b\n")
    shape = data_check.check(ctx, str(path)).as_json()
    assert {"ref", "rows", "errors", "warnings", "columns", "labels"} <= set(shape)
    assert shape["errors"] == [
        {
            "file": "d.csv",
            "row": 2,
            "column": "text",
            "message": "the text is empty",
            "kind": "the text is empty",
            "rows": [2],
        }
    ]
    assert {f["kind"] for f in shape["warnings"]} >= {"rows that contradict an earlier one"}
    assert (shape["rows"], shape["invalid"]) == (4, 1)


def test_a_model_s_tokens_and_limit_are_counted(ctx: Context, bert: Path, tmp_path: Path) -> None:
    models.import_model(ctx, str(bert), name="tiny")
    path = tmp_path / "d.csv"
    path.write_text("text,label\n" + "card " * 100 + ",a\nmy card,b\n")
    report = data_check.check(ctx, str(path), model="tiny")
    assert (report.lengths[0].unit, report.lengths[0].limit) == ("token", POSITIONS)
    assert any("1 of 2 rows are longer than 64 tokens" in w.message for w in report.warnings)
    report = data_check.check(ctx, str(path), model="tiny", max_length=8)
    assert report.lengths[0].limit == 8


def test_data_is_set_against_other_data(ctx: Context, tmp_path: Path) -> None:
    train, test = tmp_path / "train.csv", tmp_path / "test.csv"
    train.write_text("text,label\none,a\ntwo,b\nthree,a\n")
    test.write_text("text,category\nTWO,b\nfour,c\n,c\n")
    report = data_check.check(ctx, str(train), against=[str(test)])
    assert report.splits == {"train.csv": 3, "test.csv": 2}
    assert [(f.file, f.row, f.column) for f in report.errors] == [("test.csv", 3, "text")]
    messages = [f"{f.file}: {f.message}" for f in report.warnings]
    assert "test.csv: 1 row of test.csv is in train.csv too (50.0%)" in messages
    assert "test.csv: 1 label of test.csv not in train.csv: `c`" in messages


def test_the_splits_of_data_are_set_against_each_other(ctx: Context, tmp_path: Path) -> None:
    folder = saved_dict(
        tmp_path / "d",
        train={"text": ["one", "two", "three"], "label": ["a", "b", "a"]},
        test={"text": ["two", "four"], "label": ["b", "c"]},
    )
    for ref in (str(folder), data.add(ctx, folder, name="mine").ref):
        report = data_check.check(ctx, ref)
        assert report.splits == {"train": 3, "test": 2}
        leak = next(f for f in report.warnings if "too" in f.message)
        assert (leak.file.endswith("@test"), leak.rows) == (True, (4,))
    assert data_check.check(ctx, "mine@test").rows == 2


def test_a_file_that_can_not_be_read_is_a_finding(ctx: Context, tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text('{"text":"a"}\n{"text":\n')
    report = data_check.check(ctx, str(path))
    assert [(f.file, f.row) for f in report.errors] == [("d.jsonl", 2)]
    assert report.rows == 0


def test_what_is_not_there_is_no_finding(ctx: Context, tmp_path: Path) -> None:
    path = write_messages(tmp_path / "m.csv", 20)
    with pytest.raises(NotFoundError):
        data_check.check(ctx, "nothing")
    with pytest.raises(NotFoundError):
        data_check.check(ctx, str(path), model="nothing")
    with pytest.raises(NotFoundError):
        data_check.check(ctx, str(path), against=["nothing"])
    with pytest.raises(UsageError):
        data_check.check(ctx, str(path), task="nothing")


def test_rows_come_by_their_numbers(ctx: Context, tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("text,label\none,a\ntwo,b\nthree,a\n")
    assert data_check.rows_of(ctx, str(path), [3, 1]) == [
        (1, {"text": "one", "label": "a"}),
        (3, {"text": "three", "label": "a"}),
    ]


def test_the_check_loads_neither_torch_nor_transformers(tmp_path: Path) -> None:
    path = write_messages(tmp_path / "m.csv", 20)
    code = (
        "import sys\nfrom pathlib import Path\nfrom fmtui.services import data_check\n"
        "from fmtui.services.context import context\n"
        f"data_check.check(context(), {str(path)!r})\n"
        "print([m for m in ('torch', 'transformers', 'datasets') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.stress
def test_a_million_rows_are_checked(ctx: Context, tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    with path.open("w") as file:
        file.write("text,label\n")
        for i in range(1_000_000):
            file.write(f"this is the text of row {i},label{i % 77}\n")
    began = time.process_time()
    report = data_check.check(ctx, str(path))
    assert report.errors == []
    assert report.rows == 1_000_000
    print(f"{time.process_time() - began:.1f} s")
