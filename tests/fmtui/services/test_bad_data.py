"""Bad data of every kind: a sentence with file, row and column; nothing starts, nothing is left.

Each case is what a person might hand to `fmtui finetune`, and where it must be told to fail.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fmtui.errors import BadInputError, FmtuiError, NotFoundError
from fmtui.services import data as data_service
from fmtui.services import data_check, finetune, models, runs
from fmtui.services.context import Context
from fmtui.services.finetune import FinetuneRequest
from tests.fmtui.data.readers.test_arrow import ROWS, saved, saved_dict

TEXT, TOKENS, ANSWERS = "text-classification", "token-classification", "question-answering"
SUMMARY, TRANSLATION, WRITING = "summarization", "translation", "text-generation"

Make = Callable[[Path], Path]


@dataclass(frozen=True)
class Bad:
    """What is made, for which task, and how the error must read."""

    make: Make
    words: str
    row: int | None = None
    column: str | None = None
    task: str = TEXT
    file: str | None = None
    columns: tuple[tuple[str, str], ...] = ()


def file(name: str, content: bytes | str) -> Make:
    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return make


def csv(*rows: str, head: str = "text,label") -> Make:
    """Twenty good rows, then these."""
    good = [f"a text {i},{'xy'[i % 2]}" for i in range(20)]
    return file("d.csv", "\n".join([head, *good, *rows, ""]))


def jsonl(*rows: Any, good: Any = None) -> Make:
    lines = [*([good] * 2 if good is not None else []), *rows]
    return file("d.jsonl", "".join(json.dumps(row) + "\n" for row in lines))


def conll(text: str) -> Make:
    return file("d.conll", f"a\tO\nAda\tB-person\n\nb\tO\nBob\tB-person\n\n{text}")


def squad(answer: Any, *, context: Any = "Ada wrote it.", question: Any = "Who?") -> Make:
    def qa(number: int, ask: Any, answers: Any) -> dict[str, Any]:
        return {"id": f"q{number}", "question": ask, "answers": answers}

    good = [qa(1, "Who?", [{"text": "Ada", "answer_start": 0}])]
    paragraphs = [
        {"context": "Ada wrote it.", "qas": good},
        {"context": context, "qas": [qa(2, question, [answer])]},
    ]
    return file("d.json", json.dumps({"data": [{"title": "T", "paragraphs": paragraphs}]}))


def parquet(**columns: Any) -> Make:
    def make(folder: Path) -> Path:
        pq.write_table(pa.table(columns), folder / "d.parquet")
        return folder / "d.parquet"

    return make


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "d.csv")
    return folder / "d.csv"


def device(folder: Path) -> Path:
    (folder / "d.csv").symlink_to("/dev/null")
    return folder / "d.csv"


def plain_folder(folder: Path) -> Path:
    (folder / "d.csv").mkdir()
    return folder / "d.csv"


def dangling(folder: Path) -> Path:
    (folder / "d.csv").symlink_to(folder / "gone.csv")
    return folder / "d.csv"


def cut_saved(folder: Path) -> Path:
    made = saved(folder / "d", ROWS)
    path = made / "data-00000-of-00001.arrow"
    path.write_bytes(path.read_bytes()[:-40])
    return made


def empty_split(folder: Path) -> Path:
    none = {"text": pa.array([], pa.string()), "label": pa.array([], pa.string())}
    return saved_dict(folder / "d", train=ROWS, test=none)


def cut_parquet(folder: Path) -> Path:
    path = parquet(**ROWS)(folder)
    path.write_bytes(path.read_bytes()[:-20])
    return path


PACKED = gzip.compress(b"text,label\n" + b"some words,a\n" * 5000 + b"others,b\n" * 5000)
SPOILT = PACKED[:200] + bytes([PACKED[200] ^ 0xFF]) + PACKED[201:]
CHAT = {"messages": [{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Hi!"}]}
PAIR = {"text": "a text", "label": "x"}
TAGGED = {"tokens": ["a", "Ada"], "tags": ["O", "B-person"]}

BAD: dict[str, Bad] = {
    # What is no file
    "a folder": Bad(plain_folder, "is a folder"),
    "a pipe": Bad(pipe, "is no regular file"),
    "a device": Bad(device, "is no regular file"),
    # Encodings
    "windows-1252": Bad(file("d.csv", b"text,label\none,a\ncaf\xe9,b\n"),
                        "byte 0xe9 is no valid UTF-8", 2, "text"),
    "utf-16 with its mark": Bad(file("d.csv", "text,label\none,a\n".encode("utf-16")), "UTF-16"),
    "utf-16 without": Bad(file("d.csv", "text,label\none,a\n".encode("utf-16-be")), "UTF-16"),
    "utf-8 cut in a character": Bad(file("d.csv", "text,label\none,a\ntwo,é".encode()[:-1]),
                                    "byte 0xc3 is no valid UTF-8", 2, "label"),
    "a header that is no utf-8": Bad(file("d.csv", b"t\xff,label\na,b\n"),
                                      "the header is no valid"),
    "half a character in json": Bad(jsonl(PAIR, {"text": "\ud83d", "label": "y"}),
                                    "half a character", 2, "text"),
    "nul in csv": Bad(file("d.csv", b"text,label\none,a\ntw\0o,b\n"), "NUL", 2, "text"),
    "nul in nested json": Bad(jsonl(TAGGED, {"tokens": ["a\0"], "tags": ["O"]}), "NUL", 2, "tokens",
                              TOKENS),
    # Forms that break
    "an empty file": Bad(file("d.csv", b""), "empty"),
    "a mark alone": Bad(file("d.csv", b"\xef\xbb\xbf"), "empty"),
    "white space alone": Bad(file("d.csv", b" \n\n \n"), "empty"),
    "a header alone": Bad(file("d.csv", b"text,label\n"), "no rows"),
    "an open quote": Bad(csv('"open,x'), "can't be parsed", 21),
    "a quote in the middle": Bad(csv('"a" b,x'), "can't be parsed", 21),
    "too few fields": Bad(csv("alone"), "has 1 field, the header has 2", 21, "label"),
    "too many fields": Bad(csv("one, two,x"), "has 3 fields", 21),
    "a name twice in the header": Bad(file("d.csv", b"text,text\na,b\n"), "names `text` twice"),
    "no name in the header": Bad(file("d.csv", b"text,\na,b\n"), "column 2 of the header"),
    "no json": Bad(file("d.jsonl", b'{"text":"a","label":"x"}\n{"text":\n'), "no valid JSON", 2),
    "json that is no object": Bad(file("d.jsonl", b'{"text":"a","label":"x"}\n[1]\n'),
                                  "no JSON object", 2),
    "json nested too deep": Bad(file("d.jsonl", b'{"text":' + b"[" * 99_999 + b"\n"),
                                "nested too deep", 1),
    "a json document cut short": Bad(file("d.json", b'[{"text":"a","label":"x"},{"text":"b"'),
                                     "no valid JSON", 2),
    "columns of different length": Bad(file("d.json", b'{"text":["a","b"],"label":["x"]}'),
                                       "has 1 values, `text` has 2", 2, "label"),
    "a json list without rows": Bad(file("d.json", b"[]"), "no rows"),
    "gz cut short": Bad(file("d.csv.gz", PACKED[:-30]), "cut short after line"),
    "gz with a wrong byte": Bad(file("d.csv.gz", SPOILT), "the gzip file is damaged"),
    "gz that is none": Bad(file("d.csv.gz", b"text,label\na,b\n"), "Not a gzipped file"),
    "gz without its ending": Bad(file("d.csv", PACKED), "compressed (gzip)"),
    "parquet cut short": Bad(cut_parquet, "can't be read as parquet"),
    "parquet by a wrong name": Bad(file("d.csv", b"PAR1" + b"x" * 40), "is parquet"),
    "a spreadsheet": Bad(file("d.xlsx", b"PK\x03\x04" + b"x" * 40), "zip archive"),
    "a pickle": Bad(file("d.pkl", b"\x80\x04N."), "no known form"),
    "bytes in parquet": Bad(parquet(text=["a", "b"], label=["x", "y"], image=[None, b"\x89"]),
                            "holds bytes", 2, "image"),
    "a saved folder cut short": Bad(cut_saved, "is cut short"),
    "an empty split": Bad(empty_split, "the split `test` has no rows"),
    # Columns
    "an unknown column": Bad(csv(), "there is no column `intent` for the role label", None,
                             "intent", columns=(("label", "intent"),)),
    "an unknown role": Bad(csv(), "no column role `lable`", None, "label",
                           columns=(("lable", "label"),)),
    "no label column": Bad(file("d.csv", b"text\none\ntwo\n"), "no column for the role label"),
    # Rows of text classification
    "an empty text": Bad(csv(",x"), "the text is empty", 21, "text"),
    "a missing label": Bad(csv("one,"), "the label is empty", 21, "label"),
    "one label alone": Bad(file("d.csv", b"text,label\none,a\ntwo,a\n"), "all rows have the label",
                           None, "label"),
    "a text that is a number": Bad(jsonl(PAIR, {"text": 5, "label": "y"}), "the text is a number",
                                   2, "text"),
    "a text that is nested": Bad(jsonl(PAIR, {"text": {"a": "b"}, "label": "y"}),
                                 "the text is a JSON object", 2, "text"),
    "labels of different kinds": Bad(jsonl({"text": "b", "label": 3}, good=PAIR),
                                     "the label is a number, `3`; in other rows it is a text", 3,
                                     "label"),
    "a list among labels": Bad(jsonl({"text": "b", "label": ["y"]}, good=PAIR),
                               "the label is a JSON list", 3, "label"),
    # Tokens and tags
    "tokens and tags of different length": Bad(
        jsonl({"tokens": ["a", "b"], "tags": ["O"]}, good=TAGGED), "2 tokens have 1 tags", 3,
        "tags", TOKENS),
    "tags that are numbers": Bad(jsonl({"tokens": ["a"], "tags": [3]}, good=TAGGED),
                                 "the tags are numbers", 3, "tags", TOKENS),
    "a span that was not begun": Bad(conll("x\tO\ny\tI-person\n"), "follows `O`", 3, "tags",
                                     TOKENS),
    "a tag without a prefix": Bad(conll("x\tperson\n"), "has no B- or I-", 3, "tags", TOKENS),
    "a token without a tag": Bad(conll("x\tO\ny\n"), "line 8 has 1 column", 3, "tags", TOKENS),
    "a tag without a token": Bad(conll("x\tO\n\tO\n"), "an empty column", 3, "tokens", TOKENS),
    "nothing but O": Bad(file("d.conll", b"a\tO\nb\tO\n\nc\tO\n"), "all tags are `O`", None, "tags",
                         TOKENS),
    # Questions and answers
    "an answer beside its place": Bad(squad({"text": "Ada", "answer_start": 1}),
                                      "does not stand at 1: `da` does; it occurs at 0", 2,
                                      "answers", ANSWERS),
    "an answer outside its context": Bad(squad({"text": "Bob", "answer_start": 4}),
                                         "it does not occur at all", 2, "answers", ANSWERS),
    "an answer beyond its context": Bad(squad({"text": "Ada", "answer_start": 400}),
                                        "the context has 13 characters", 2, "answers", ANSWERS),
    "an answer without its start": Bad(squad({"text": "Ada"}), "has no `answer_start`", 2,
                                       "answers", ANSWERS),
    "a start that is a text": Bad(squad({"text": "Ada", "answer_start": "0"}),
                                  "paragraph 2, question 1, answer 1 is not a whole number", 2,
                                  "answers", ANSWERS),
    "an empty question": Bad(squad({"text": "Ada", "answer_start": 0}, question=" "),
                             "the question is empty", 2, "question", ANSWERS),
    "a context that is none": Bad(squad({"text": "Ada", "answer_start": 0}, context=None),
                                  "`context` of article 1, paragraph 2 is not a text", 2, "context",
                                  ANSWERS),
    # What is to be written
    "an empty summary": Bad(jsonl({"document": "b", "summary": []},
                                  good={"document": "a b c", "summary": "a"}),
                            "the summary is empty", 3, "summary", SUMMARY),
    "an empty translation": Bad(jsonl({"translation": {"en": "b"}},
                                      good={"translation": {"en": "a", "ro": "b"}}),
                                "the target is empty", 3, "translation.ro", TRANSLATION),
    "a message from nobody known": Bad(
        jsonl({"messages": [{"role": "oracle", "content": "Hi."}]}, good=CHAT),
        "message 1 is from `oracle`", 3, "messages", WRITING),
    "a chat without an answer": Bad(jsonl({"messages": CHAT["messages"][:1]}, good=CHAT),
                                    "the assistant says nothing", 3, "messages", WRITING),
}  # fmt: skip


@pytest.fixture
def tiny(ctx: Context, bert: Path) -> Context:
    models.import_model(ctx, str(bert), name="tiny")
    return ctx


def left(ctx: Context) -> tuple[list[str], int, int]:
    """What lies in the home beside the registry and its models, and the rows of data and runs."""
    files = [
        str(path.relative_to(ctx.home.root))
        for part in (ctx.home.data, ctx.home.runs)
        for path in part.rglob("*")
    ]
    return files, len(data_service.list_datasets(ctx)), len(runs.list_runs(ctx))


def test_there_are_many_kinds() -> None:
    assert len(BAD) >= 60


@pytest.mark.parametrize("kind", BAD)
def test_a_run_is_refused_with_the_place_and_leaves_nothing(
    tiny: Context, tmp_path: Path, kind: str
) -> None:
    bad = BAD[kind]
    (tmp_path / "in").mkdir()
    path = bad.make(tmp_path / "in")
    before = left(tiny)
    request = FinetuneRequest("tiny", bad.task, str(path), columns=dict(bad.columns))
    with pytest.raises(BadInputError) as caught:
        finetune.start(tiny, request)
    assert bad.words in str(caught.value)
    assert (caught.value.file, caught.value.row, caught.value.column) == (
        bad.file or path.name, bad.row, bad.column,
    )  # fmt: skip
    assert caught.value.exit_code == 4
    assert left(tiny) == before


@pytest.mark.parametrize("kind", BAD)
def test_the_check_finds_the_same(tiny: Context, tmp_path: Path, kind: str) -> None:
    bad = BAD[kind]
    (tmp_path / "in").mkdir()
    path = bad.make(tmp_path / "in")
    report = data_check.check(tiny, str(path), task=bad.task, columns=dict(bad.columns))
    assert (bad.row, bad.column) in [(f.row, f.column) for f in report.errors]
    assert any(bad.words in f.message for f in report.errors)
    assert left(tiny)[1:] == (0, 0)


def test_what_is_not_there_is_told_as_well(tiny: Context, tmp_path: Path) -> None:
    for path in (tmp_path / "gone.csv", dangling(tmp_path)):
        with pytest.raises(NotFoundError, match="there is no file"):
            finetune.start(tiny, FinetuneRequest("tiny", TEXT, str(path)))
    assert left(tiny)[1:] == (0, 0)


def test_aligned_texts_that_are_not_leave_nothing(tiny: Context, tmp_path: Path) -> None:
    paths = [file("a.en.txt", "one\ntwo\n")(tmp_path), file("a.de.txt", "eins\n")(tmp_path)]
    with pytest.raises(BadInputError) as caught:
        data_service.add(tiny, paths, name="pairs")
    assert (caught.value.file, caught.value.row, caught.value.column) == ("a.de.txt", 2, "de")
    assert left(tiny)[1:] == (0, 0)


def test_one_gigantic_line_is_told_before_it_is_held(
    tiny: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fmtui.data.readers.file.LONGEST", 10_000)
    bomb = zlib.compressobj(wbits=31)
    packed = bomb.compress(b'{"text":"' + b"a" * 50_000_000) + bomb.flush()
    path = file("d.jsonl.gz", packed)(tmp_path)
    with pytest.raises(BadInputError, match="line 1 is longer than"):
        finetune.start(tiny, FinetuneRequest("tiny", TEXT, str(path)))
    assert left(tiny)[1:] == (0, 0)


def test_all_faults_can_be_dropped_but_not_all_rows(tiny: Context, tmp_path: Path) -> None:
    path = file("d.csv", "text,label\n,a\n,b\n")(tmp_path)
    with pytest.raises(FmtuiError, match="no row is left"):
        finetune.start(tiny, FinetuneRequest("tiny", TEXT, str(path), drop_invalid=True))
    assert left(tiny)[1:] == (0, 0)


def test_a_label_that_training_lacks_has_its_row(tiny: Context, tmp_path: Path) -> None:
    train = csv()(tmp_path)
    other = file("v.csv", "text,label\none,x\ntwo,z\nthree,z\n")(tmp_path)
    with pytest.raises(BadInputError, match="`z` is not in the training data") as caught:
        finetune.start(tiny, FinetuneRequest("tiny", TEXT, str(train), validation=str(other)))
    assert (caught.value.file, caught.value.row, caught.value.column) == ("v.csv", 2, "label")
    assert left(tiny)[1:] == (0, 0)
