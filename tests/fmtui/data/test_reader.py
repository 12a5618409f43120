"""Files of data are read strictly, and a fault is told by file, row and column."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from fmtui.data.reader import is_data, read_aligned, read_table
from fmtui.errors import BadInputError, FmtuiError, NotFoundError


def packed(content: bytes) -> bytes:
    """As gzip writes it, without the time: that would give a test another name each second."""
    return gzip.compress(content, mtime=0)


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
        ("mac.csv", b'text,label\rhello,x\r"a, b""c",y\r'),
        ("excel.csv", b'\xef\xbb\xbfsep=;\r\ntext;label\r\nhello;x\r\n"a, b""c";y\r\n'),
        ("bars.csv", b'text|label\nhello|x\n"a, b""c"|y\n'),
        ("unquoted.tsv", b'text\tlabel\nhello\tx\na, b"c\ty\n'),
        ("lines.jsonl", b'{"text":"hello","label":"x"}\n\n{"label":"y","text":"a, b\\"c"}\n'),
        ("bom.jsonl", b'\xef\xbb\xbf{"text":"hello","label":"x"}\n{"label":"y","text":"a, b\\"c"}'),
        ("lines.json", b'{"text":"hello","label":"x"}\n{"label":"y","text":"a, b\\"c"}\n'),
        ("list.json", b'[{"text":"hello","label":"x"},\n{"label":"y","text":"a, b\\"c"}]'),
        (
            "data.json",
            b'{"v":1,"data":[{"text":"hello","label":"x"},{"text":"a, b\\"c","label":"y"}]}',
        ),
        ("columns.json", b'{"text":["hello","a, b\\"c"],"label":["x","y"]}'),
        ("pandas.json", b'{"text":{"0":"hello","1":"a, b\\"c"},"label":{"0":"x","1":"y"}}'),
        ("rows.json", b'{"0":{"text":"hello","label":"x"},"1":{"text":"a, b\\"c","label":"y"}}'),
        ("split.json", b'{"columns":["text","label"],"data":[["hello","x"],["a, b\\"c","y"]]}'),
        ("packed.csv.gz", packed(b'text,label\nhello,x\n"a, b""c",y\n')),
        ("packed.json.gz", packed(b'{"text":["hello","a, b\\"c"],"label":["x","y"]}')),
    ],
)
def test_the_same_rows_come_out_of_every_form(tmp_path: Path, name: str, content: bytes) -> None:
    path = write(tmp_path, content, name)
    table = read_table(path)
    assert is_data(path)
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
        ("d.csv", b"text,label\na,x\nb\n", 2, "label", "has 1 field, the header has 2"),
        ("d.csv", b"text,label\na,x,z\n", 1, None, "has 3 fields"),
        ("d.csv", b'text,label\na,x\n"open,y\nc,z\n', 2, None, "can't be parsed"),
        ("d.csv", b"text,text\na,x\n", None, None, "names `text` twice"),
        ("d.csv", b"text,\na,x\n", None, None, "column 2 of the header has no name"),
        ("d.csv", b"text,label\na\0b,x\n", 1, "text", "NUL"),
        ("d.doc", b"text\n", None, None, "no known form"),
        ("d.jsonl", b'{"text":1}\n{"text":\n', 2, None, "no valid JSON"),
        ("d.jsonl", b"[1]\n", 1, None, "no JSON object"),
        ("d.jsonl", b'{"text":"\xc3("}\n', 1, None, "no valid UTF-8"),
        ("d.jsonl", b'{"a":' + b"[" * 100_000 + b"\n", 1, None, "no valid JSON"),
        ("d.jsonl", b'{"text":"\\ud83d"}\n', 1, "text", "half a character"),
        ("d.jsonl", b'{"text":["a","b\\u0000"]}\n', 1, "text", "NUL"),
        ("d.json", b'[{"text":"a"},{"text":"b"},{"text":}]', 3, None, "line 1, character 36"),
        ("d.json", b'[{"text":"a"},{"text":"b"', 2, None, "no valid JSON"),
        ("d.json", b'[{"text":"a"},5]', 2, None, "no JSON object"),
        ("d.json", b'{"text":["a","b"],"label":["x"]}', 2, "label", "has 1 values, `text` has 2"),
        ("d.json", b'{"text":"a"}', None, "text", "no list of values"),
        ("d.json", b'{"a":[{"text":"a"}],"b":[{"text":"b"}]}', None, None, "2 lists of rows: a, b"),
        ("d.json", b"[]", None, None, "no rows"),
        ("d.json", b"3", None, None, "holds no rows"),
        ("d.jsonl", b'{"text":' + b"9" * 5000 + b"}\n", 1, None, "JSON: a number has too many"),
        ("d.csv", b"version https://git-lfs.github.com/spec/v1\noid", None, None, "git lfs pull"),
        ("d.parquet", b"version https://git-lfs.github.com/spec/v1\n", None, None, "git lfs pull"),
        ("d.csv", b"\0" * 600, None, None, "nothing but NUL bytes"),
        ("d.csv.gz", packed(b"text,label\n" + b"a,x\n" * 9)[:-9], None, None, "cut short"),
        ("d.csv.gz", b"text,label\na,x\n", None, None, "damaged: Not a gzipped file"),
        ("d.csv.gz", packed(b""), None, None, "empty"),
        ("d.csv", b"PAR1....", None, None, "is parquet"),
        ("d.csv", b"PK\x03\x04....", None, None, "zip archive"),
        ("d.csv", "text,label\na,x\n".encode("utf-16-le"), None, None, "UTF-16"),
        ("d.parquet", b"PAR1" + b"0" * 50, None, None, "can't be read as parquet"),
        ("d.xlsx", b"PK\x03\x04....", None, None, "zip archive"),
        ("d.pkl", b"\x80\x04N.", None, None, "a pickle can run code"),
    ],
)
def test_a_fault_is_told_with_its_place(
    tmp_path: Path, name: str, content: bytes, row: int | None, column: str | None, words: str
) -> None:
    with pytest.raises(BadInputError) as caught:
        read_table(write(tmp_path, content, name))
    assert words in str(caught.value)
    assert (caught.value.file, caught.value.row, caught.value.column) == (name, row, column)


def test_the_numbers_that_pandas_writes_first_are_a_column(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, b",text,label\r\n0,one,a\r\n1,two,b\r\n"))
    assert table.columns == ("index", "text", "label") and table.rows[1] == ("1", "two", "b")
    with pytest.raises(BadInputError, match="column 1 of the header has no name"):
        read_table(write(tmp_path, b",index,text\n1,2,x\n"))


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


def test_a_line_beyond_all_measure_is_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fmtui.data.readers.file.LONGEST", 1000)
    path = write(tmp_path, b'{"text":"a"}\n' + b"b" * 2000 + b"\n", "d.jsonl")
    with pytest.raises(BadInputError, match="line 2 is longer"):
        read_table(path)


def test_what_is_nested_is_reached_by_dots(tmp_path: Path) -> None:
    table = read_table(
        write(tmp_path, b'{"t":{"en":"a","ro":"b"}}\n{"t":{"en":"c"}}\n{"t":3}\n', "d.jsonl")
    )
    assert table.column("t.en") == ["a", "c", None]
    assert table.column("t.ro") == ["b", None, None]
    assert table.has("t.en")
    assert not table.has("t.fr")
    assert not table.has("u.en")


def test_one_text_is_a_row_a_line(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, b"\xef\xbb\xbfone\r\n\r\n two \r\n", "d.txt"))
    assert table.columns == ("text",)
    assert table.rows == [("one",), (" two ",)]
    assert table.numbers == [1, 3]


def test_aligned_texts_make_a_column_each(tmp_path: Path) -> None:
    paths = [
        write(tmp_path, b"one\n\nthree\n", "src.eng.txt"),
        write(tmp_path, packed(b"eins\nzwei\ndrei"), "ref.deu.txt.gz"),
        write(tmp_path, b"un\ndeux\ntrois\n", "ref.fra"),
    ]
    table = read_aligned(paths)
    assert table.columns == ("eng", "deu", "fra")
    assert table.rows == [("one", "eins", "un"), ("", "zwei", "deux"), ("three", "drei", "trois")]


def test_aligned_texts_of_different_length_are_told_with_both_counts(tmp_path: Path) -> None:
    paths = [
        write(tmp_path, b"one\ntwo\nthree\n", "src.eng.txt"),
        write(tmp_path, b"eins\nzwei\n", "ref.deu.txt"),
    ]
    with pytest.raises(BadInputError) as caught:
        read_aligned(paths)
    assert "has 2 lines, src.eng.txt has 3" in str(caught.value)
    assert (caught.value.file, caught.value.row, caught.value.column) == ("ref.deu.txt", 3, "deu")


def test_aligned_texts_need_names_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    paths = [write(tmp_path, b"one\n", "a.txt"), write(tmp_path / "b", b"one\n", "a.txt")]
    with pytest.raises(BadInputError, match="two files would make the column `a`"):
        read_aligned(paths)
    with pytest.raises(BadInputError, match="no plain text"):
        read_aligned([paths[0], write(tmp_path, b"a,b\n", "c.csv")])
