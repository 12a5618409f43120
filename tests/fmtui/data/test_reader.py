"""Files of data are read strictly, and a fault is told by file, row and column."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fmtui.data.reader import read_table
from fmtui.errors import BadInputError, FmtuiError, NotFoundError


def write(tmp_path: Path, content: bytes, name: str = "data.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b'text,label\nhello,x\n"a, b""c",y\n'),
        ("bom.csv", b'\xef\xbb\xbftext,label\nhello,x\n"a, b""c",y\n'),
        ("crlf.csv", b'text,label\r\nhello,x\r\n"a, b""c",y\r\n'),
        ("semicolon.csv", b'text;label\nhello;x\n"a, b""c";y\n'),
        ("tabs.tsv", b'text\tlabel\nhello\tx\n"a, b""c"\ty\n'),
        ("blank.csv", b'text,label\n\nhello,x\n\n"a, b""c",y\n\n'),
        ("lines.jsonl", b'{"text":"hello","label":"x"}\n\n{"label":"y","text":"a, b\\"c"}\n'),
    ],
)
def test_the_same_rows_come_out_of_every_form(tmp_path: Path, name: str, content: bytes) -> None:
    table = read_table(write(tmp_path, content, name))
    assert table.columns == ("text", "label")
    assert table.rows == [("hello", "x"), ('a, b"c', "y")]
    other = read_table(write(tmp_path, b'text,label\nhello,x\n"a, b""c",y\n', "plain.csv"))
    assert table.fingerprint() == other.fingerprint()


@pytest.mark.parametrize(
    ("name", "content", "row", "column", "words"),
    [
        ("d.csv", b"", None, None, "empty"),
        ("d.csv", b" \n\n", None, None, "empty"),
        ("d.csv", b"text,label\n", None, None, "no rows"),
        ("d.csv", b"text,label\na,x\nb\xff\xfee,y\n", 2, "text", "0xff is no valid UTF-8"),
        ("d.csv", b"te\xffxt,label\na,x\n", None, None, "header is no valid UTF-8"),
        ("d.csv", b"\xff\xfet\0e\0", None, None, "UTF-16"),
        ("d.csv", b"\x1f\x8b\x08\0", None, None, "compressed"),
        ("d.csv", b"text,label\na,x\nb\n", 2, None, "has 1 fields, the header has 2"),
        ("d.csv", b"text,label\na,x,z\n", 1, None, "has 3 fields"),
        ("d.csv", b'text,label\na,x\n"open,y\nc,z\n', 2, None, "can't be parsed"),
        ("d.csv", b"text,text\na,x\n", None, None, "names `text` twice"),
        ("d.csv", b"text,\na,x\n", None, None, "column 2 of the header has no name"),
        ("d.csv", b"text,label\na\0b,x\n", 1, "text", "NUL"),
        ("d.txt", b"text\n", None, None, "no known form"),
        ("d.jsonl", b'{"text":1}\n{"text":\n', 2, None, "no valid JSON"),
        ("d.jsonl", b"[1]\n", 1, None, "no JSON object"),
        ("d.jsonl", b'{"text":"\xc3("}\n', 1, None, "no valid UTF-8"),
        ("d.jsonl", b'{"a":' + b"[" * 100_000 + b"\n", 1, None, "no valid JSON"),
    ],
)
def test_a_fault_is_told_with_its_place(
    tmp_path: Path, name: str, content: bytes, row: int | None, column: str | None, words: str
) -> None:
    with pytest.raises(BadInputError) as caught:
        read_table(write(tmp_path, content, name))
    assert words in str(caught.value)
    assert (caught.value.file, caught.value.row, caught.value.column) == (name, row, column)


def test_a_row_counts_records_not_lines(tmp_path: Path) -> None:
    path = write(tmp_path, b'text,label\n"two\nlines",x\nbad\xff,y\n')
    with pytest.raises(BadInputError) as caught:
        read_table(path)
    assert caught.value.row == 2


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        read_table(tmp_path / "missing.csv")
    folder = tmp_path / "folder.csv"
    folder.mkdir()
    with pytest.raises(BadInputError, match="folder"):
        read_table(folder)
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    with pytest.raises(BadInputError, match="no regular file"):
        read_table(pipe)


def test_a_gigantic_field_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, b"text,label\n" + b"a" * 3_000_000 + b",x\n")
    assert len(str(read_table(path).rows[0][0])) == 3_000_000


def test_errors_share_one_root() -> None:
    assert issubclass(BadInputError, FmtuiError)
    assert BadInputError("x").exit_code == 4
