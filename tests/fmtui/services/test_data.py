"""Data is kept whole or not at all, in every form, and read again from where it is kept."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest

from fmtui.errors import BadInputError, ConflictError, NotFoundError, StorageError
from fmtui.services import data, data_check
from fmtui.services.context import Context
from tests.fmtui.data.readers.test_arrow import ROWS, saved, saved_dict
from tests.tiny import write_messages


def stored(ctx: Context) -> list[str]:
    """What lies under the home's data, for comparing."""
    root = ctx.home.data
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())


def lines(folder: Path, **texts: str) -> list[Path]:
    paths = []
    for language, text in texts.items():
        path = folder / f"corpus.{language}.txt"
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


def test_aligned_texts_are_kept_as_one_version(ctx: Context, tmp_path: Path) -> None:
    paths = lines(tmp_path, eng="one day\ntwo days\n", deu="ein Tag\nzwei Tage\n")
    info = data.add(ctx, paths, name="pairs")
    assert (info.ref, info.rows, info.columns) == ("pairs:1", 2, ("eng", "deu"))
    assert info.size_bytes > 30
    for path in paths:
        path.unlink()
    table = data.resolve(ctx, "pairs").table()
    assert table.rows == [("one day", "ein Tag"), ("two days", "zwei Tage")]
    assert table.fingerprint() == info.fingerprint
    assert data.add(ctx, lines(tmp_path, eng="one day\ntwo days\n", deu="ein Tag\nzwei Tage\n"),
                    name="pairs").ref == "pairs:1"  # fmt: skip
    assert data.add(ctx, lines(tmp_path, eng="one\n", deu="eins\n")).name == "eng-deu"


def test_a_saved_folder_keeps_its_splits(ctx: Context, tmp_path: Path) -> None:
    folder = saved_dict(tmp_path / "saved", train=ROWS, test={"text": ["x"], "label": ["y"]})
    (folder / "notes.txt").write_text("not data")
    info = data.add(ctx, folder, name="mine")
    assert (info.rows, info.splits) == (3, {"train": 2, "test": 1})
    shutil.rmtree(folder)
    assert data.resolve(ctx, "mine@test").table().rows == [("x", "y")]
    assert [row[0] for row in data.resolve(ctx, "mine").table().rows] == ["hello", "you", "x"]
    assert not any("notes.txt" in path for path in stored(ctx))
    with pytest.raises(NotFoundError, match=r"Its splits: train, test"):
        data.resolve(ctx, "mine@dev").table()


def test_a_folder_s_split_is_read_where_it_lies(ctx: Context, tmp_path: Path) -> None:
    folder = saved_dict(tmp_path / "saved", train=ROWS, test={"text": ["x"], "label": ["y"]})
    assert data.resolve(ctx, f"{folder}@test").table().rows == [("x", "y")]


def test_splitting_a_folder_or_aligned_texts_makes_a_version(ctx: Context, tmp_path: Path) -> None:
    text = "".join(f"line {i}\n" for i in range(40))
    data.add(ctx, lines(tmp_path, eng=text, deu=text), name="pairs")
    info = data.split(ctx, "pairs", validation=0.25)
    assert (info.ref, info.splits) == ("pairs:2", {"train": 30, "validation": 10})
    assert len(data.resolve(ctx, "pairs@validation").table().rows) == 10
    columns = {"text": [f"t {i}" for i in range(20)], "label": ["a", "b"] * 10}
    data.add(ctx, saved(tmp_path / "one", columns), name="one")
    assert data.split(ctx, "one", test=0.2).splits == {"train": 14, "validation": 2, "test": 4}


@pytest.mark.parametrize("name", ["m.csv", "splits.json", "lines.jsonl.gz"])
def test_the_copy_has_a_name_of_its_own(ctx: Context, tmp_path: Path, name: str) -> None:
    rows = [{"text": f"row {i}", "label": "ab"[i % 2]} for i in range(20)]
    content = json.dumps(rows).encode()
    if name.endswith(".csv"):
        content = b"text,label\n" + b"".join(f"{r['text']},{r['label']}\n".encode() for r in rows)
    if name.endswith(".gz"):
        content = gzip.compress(b"".join(json.dumps(r).encode() + b"\n" for r in rows))
    (tmp_path / name).write_bytes(content)
    info = data.add(ctx, tmp_path / name, name="d")
    data.split(ctx, "d", validation=0.2)
    assert len(data.resolve(ctx, "d@train").table().rows) == 16
    assert data.resolve(ctx, "d").table().fingerprint() == info.fingerprint


def test_labels_keep_their_share_in_a_split(ctx: Context, tmp_path: Path) -> None:
    rows = "".join(f"text {i},{'a' if i % 10 else 'b'}\n" for i in range(200))
    (tmp_path / "d.csv").write_text("text,label\n" + rows)
    data.add(ctx, tmp_path / "d.csv")
    data.split(ctx, "d", validation=0.2)
    labels = data.resolve(ctx, "d@validation").table().column("label")
    assert (labels.count("a"), labels.count("b")) == (36, 4)


def test_no_context_is_in_two_parts_of_a_split_also_in_dirty_data(
    ctx: Context, tmp_path: Path
) -> None:
    rows = [
        {
            "context": f"Context number {i // 4}.",
            "question": f"Question {i}?",
            "answers": {"text": ["Context"], "answer_start": [0 if i % 3 else 1]},
        }
        for i in range(80)
    ]
    (tmp_path / "qa.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data.add(ctx, tmp_path / "qa.jsonl")
    info = data.split(ctx, "qa", validation=0.2, test=0.2)
    assert sum(info.splits.values()) == 80
    contexts = [
        set(map(str, data.resolve(ctx, f"qa@{part}").table().column("context")))
        for part in info.splits
    ]
    assert sum(map(len, contexts)) == 20
    assert all(contexts)


def test_a_part_without_a_row_is_refused(ctx: Context, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("text,label\none,a\ntwo,b\n")
    data.add(ctx, tmp_path / "d.csv")
    before = stored(ctx)
    with pytest.raises(BadInputError, match="the part `validation` would have no row"):
        data.split(ctx, "d")
    assert stored(ctx) == before
    assert len(data.list_datasets(ctx)) == 1


def test_what_has_one_cure_is_mended_in_the_copy(ctx: Context, tmp_path: Path) -> None:
    answer = {"text": "wrote", "answer_start": 3}
    qas = [{"id": "q", "question": "What?", "answers": [answer]}]
    article = {"title": "T", "paragraphs": [{"context": "Ada wrote it.", "qas": qas}]}
    (tmp_path / "squad.json").write_text(json.dumps({"data": [article]}))
    report = data_check.check(ctx, str(tmp_path / "squad.json"))
    assert "--repair" in report.errors[0].kind
    assert data_check.check(ctx, str(tmp_path / "squad.json"), repair=True).errors == []
    info = data.add(ctx, tmp_path / "squad.json", repair=True)
    table = data.resolve(ctx, "squad").table()
    assert table.column("answers") == [{"text": ["wrote"], "answer_start": [4]}]
    assert table.fingerprint() == info.fingerprint
    assert "1 rows repaired" in info.source
    assert data.add(ctx, tmp_path / "squad.json", repair=True).ref == info.ref


def test_a_nested_column_can_have_a_role(ctx: Context, tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text('{"t":{"en":"one day","ro":"o zi"}}\n')
    given = {"source": "t.ro", "target": "t.en"}
    assert data.add(ctx, tmp_path / "d.jsonl", columns=given).roles == given
    report = data_check.check(ctx, "d", task="translation")
    assert report.columns == given
    with pytest.raises(BadInputError, match=r"no column `t\.fr`"):
        data.add(ctx, tmp_path / "d.jsonl", name="e", columns={"source": "t.fr"})


def test_nothing_is_left_where_storing_fails(
    ctx: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = lines(tmp_path, eng="one\n", deu="eins\n")

    def full(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("registry.datasets.shutil.copyfile", full)
    with pytest.raises(StorageError, match="No space left"):
        data.add(ctx, paths, name="pairs")
    assert stored(ctx) == []
    assert list(ctx.home.data.iterdir()) == []
    assert data.list_datasets(ctx) == []


def test_other_rows_need_a_version(ctx: Context, tmp_path: Path) -> None:
    data.add(ctx, write_messages(tmp_path / "m.csv", 20), name="m")
    with pytest.raises(ConflictError, match="--new-version"):
        data.add(ctx, lines(tmp_path, eng="one\n", deu="eins\n"), name="m")
    info = data.add(ctx, lines(tmp_path, a="x\n", b="y\n"), name="m", new_version=True)
    assert info.ref == "m:2"


def test_removing_deletes_every_file(ctx: Context, tmp_path: Path) -> None:
    data.add(ctx, saved_dict(tmp_path / "saved", train=ROWS, test=ROWS), name="mine")
    data.remove(ctx, "mine")
    assert stored(ctx) == []
