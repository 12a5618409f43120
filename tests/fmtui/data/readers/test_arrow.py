"""Parquet and saved datasets: the same rows as in text, with the names of their labels."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fmtui.data.reader import parts, read_table
from fmtui.errors import BadInputError

ROWS = {"text": ["hello", "you"], "label": ["x", None]}
FEATURES = {
    "tags": {"_type": "List", "feature": {"_type": "ClassLabel", "names": ["O", "B-a"]}},
    "label": {"_type": "ClassLabel", "names": ["no", "yes"]},
}


def saved(
    folder: Path, columns: dict[str, list[Any]], features: Any = None, shards: int = 1
) -> Path:
    """A folder as `datasets.save_to_disk` writes it."""
    folder.mkdir(parents=True)
    table = pa.table(columns)
    size = -(-len(table) // shards)
    names = []
    for shard in range(shards):
        name = f"data-{shard:05}-of-{shards:05}.arrow"
        part = table.slice(shard * size, size)
        with pa.ipc.new_stream(str(folder / name), table.schema) as stream:
            stream.write_table(part)
        names.append({"filename": name})
    (folder / "state.json").write_text(json.dumps({"_data_files": names}))
    (folder / "dataset_info.json").write_text(json.dumps({"features": features or {}}))
    return folder


def saved_dict(folder: Path, **splits: dict[str, list[Any]]) -> Path:
    for split, columns in splits.items():
        saved(folder / split, columns)
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": list(splits)}))
    return folder


def test_parquet_has_the_rows_of_jsonl(tmp_path: Path) -> None:
    pq.write_table(pa.table(ROWS), tmp_path / "d.parquet")
    (tmp_path / "d.jsonl").write_text('{"text":"hello","label":"x"}\n{"text":"you","label":null}\n')
    packed = tmp_path / "e.parquet.gz"
    packed.write_bytes(gzip.compress((tmp_path / "d.parquet").read_bytes()))
    table = read_table(tmp_path / "d.parquet")
    assert table.rows == [("hello", "x"), ("you", None)]
    assert table.fingerprint() == read_table(tmp_path / "d.jsonl").fingerprint()
    assert table.fingerprint() == read_table(packed).fingerprint()


def test_what_json_has_no_type_for_becomes_text_or_nothing(tmp_path: Path) -> None:
    import datetime

    table = pa.table(
        {
            "when": [datetime.date(2026, 1, 2)],
            "score": [float("nan")],
            "kind": pa.array(["a"]).dictionary_encode(),
            "many": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
            "__index_level_0__": [7],
        }
    )
    pq.write_table(table, tmp_path / "d.parquet")
    read = read_table(tmp_path / "d.parquet")
    assert read.columns == ("when", "score", "kind", "many")
    assert read.rows == [("2026-01-02", None, "a", {"k": 1})]


def test_a_saved_dataset_is_read_with_the_names_of_its_labels(tmp_path: Path) -> None:
    columns = {"tags": [[0, 1], [0], []], "label": [1, 0, -1]}
    table = read_table(saved(tmp_path / "d", columns, FEATURES, shards=2))
    assert table.columns == ("tags", "label")
    assert table.rows == [(["O", "B-a"], "yes"), (["O"], "no"), ([], None)]


def test_a_number_without_a_name_has_its_row(tmp_path: Path) -> None:
    folder = saved(tmp_path / "d", {"tags": [[0], [2]], "label": [0, 1]}, FEATURES)
    with pytest.raises(BadInputError) as caught:
        read_table(folder)
    assert (caught.value.row, caught.value.column) == (2, "tags")


def test_the_real_library_s_folder_is_read(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {
            "tags": datasets.List(datasets.ClassLabel(names=["O", "B-a"])),
            "qa": {"text": datasets.List(datasets.Value("string"))},
        }
    )
    rows = {"tags": [[0, 1], [1]], "qa": [{"text": ["a"]}, {"text": []}]}
    whole = datasets.Dataset.from_dict(rows, features=features)
    datasets.DatasetDict({"train": whole, "test": whole.select([1])}).save_to_disk(tmp_path / "d")
    whole.to_parquet(tmp_path / "d.parquet")
    table = read_table(tmp_path / "d")
    expected = [(["O", "B-a"], {"text": ["a"]}), (["B-a"], {"text": []})]
    assert table.rows == [*expected, expected[1]]
    assert table.splits == {"train": [0, 1], "test": [2]}
    assert table.places == ["row 1 of train", "row 2 of train", "row 1 of test"]
    assert read_table(tmp_path / "d.parquet").rows == expected


def test_only_the_files_of_a_saved_dataset_are_part_of_it(tmp_path: Path) -> None:
    folder = saved_dict(tmp_path / "d", train=ROWS, test=ROWS)
    (folder / "secret.key").write_text("x")
    assert sorted(parts(folder)) == [
        "d/dataset_dict.json",
        *(
            f"d/{split}/{name}"
            for split in ("test", "train")
            for name in ("data-00000-of-00001.arrow", "dataset_info.json", "state.json")
        ),
    ]


def _cut(folder: Path) -> None:
    path = folder / "data-00000-of-00001.arrow"
    path.write_bytes(path.read_bytes()[:-8])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_cut, "data-00000-of-00001.arrow is cut short"),
        (lambda f: (f / "data-00000-of-00001.arrow").unlink(), "is not there"),
        (lambda f: (f / "dataset_info.json").unlink(), "dataset_info.json"),
        (lambda f: (f / "state.json").write_text("{"), "state.json is no valid JSON"),
        (lambda f: (f / "state.json").write_text("[]"), "state.json is no JSON object"),
        (
            lambda f: (f / "state.json").write_text('{"_data_files":[{"filename":"../x"}]}'),
            "names no files of this folder",
        ),
    ],
)
def test_a_spoilt_folder_is_refused(tmp_path: Path, spoil: Any, words: str) -> None:
    folder = saved(tmp_path / "d", ROWS)
    spoil(folder)
    with pytest.raises(BadInputError) as caught:
        read_table(folder)
    assert words in str(caught.value)
    assert caught.value.file == "d"


def test_splits_must_be_alike_and_have_rows(tmp_path: Path) -> None:
    empty = {"text": pa.array([], pa.string()), "label": pa.array([], pa.string())}
    with pytest.raises(BadInputError, match="the split `test` has no rows"):
        read_table(saved_dict(tmp_path / "a", train=ROWS, test=empty))
    with pytest.raises(BadInputError, match="the split `test` has the columns x"):
        read_table(saved_dict(tmp_path / "b", train=ROWS, test={"x": [1]}))
    folder = saved_dict(tmp_path / "c", train=ROWS)
    shutil.rmtree(folder / "train")
    with pytest.raises(BadInputError, match=r"train/dataset_info.json"):
        read_table(folder)


def test_bytes_are_no_text(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"text": ["a", "b"], "image": [None, b"\x89PNG"]}), tmp_path / "d.parquet"
    )
    with pytest.raises(BadInputError) as caught:
        read_table(tmp_path / "d.parquet")
    assert (caught.value.row, caught.value.column) == (2, "image")
