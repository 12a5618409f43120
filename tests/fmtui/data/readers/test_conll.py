"""CoNLL's columns become sentences of tokens and tags."""

from __future__ import annotations

from pathlib import Path

import pytest

from fmtui.data.reader import read_table
from fmtui.errors import BadInputError


def write(tmp_path: Path, content: str, name: str = "d.conll") -> Path:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize(
    "content",
    [
        "#tag\tO\nAda\tB-person\n\nhi\tO\n",
        "#tag O\r\nAda B-person\r\n\r\nhi O\r\n",
        "-DOCSTART- -X- O\n\n# id = 1\n#tag O\nAda B-person\n\n# a comment\n\nhi O\n",
        "\n\n#tag\tO\nAda\tB-person\n\t\n \nhi\tO\n\n\n",
    ],
)
@pytest.mark.parametrize("name", ["d.conll", "d.txt", "d.bio", "d.tsv"])
def test_a_sentence_is_a_row(tmp_path: Path, content: str, name: str) -> None:
    table = read_table(write(tmp_path, content, name))
    assert table.columns == ("tokens", "tags")
    assert table.rows == [(["#tag", "Ada"], ["O", "B-person"]), (["hi"], ["O"])]


def test_the_last_of_many_columns_is_the_tag(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "EU NNP B-NP B-ORG\nrejects VBZ B-VP O\n"))
    assert table.columns == ("tokens", "column_2", "column_3", "tags")
    assert table.rows == [(["EU", "rejects"], ["NNP", "VBZ"], ["B-NP", "B-VP"], ["B-ORG", "O"])]


@pytest.mark.parametrize("first", [0, 1])
def test_a_first_column_that_counts_is_not_the_tokens(tmp_path: Path, first: int) -> None:
    lines = [f"{first}\tAda\tB-PER", f"{first + 1}\twrote\tO", "", f"{first}\tYes\tO", ""]
    table = read_table(write(tmp_path, "\n".join(lines)))
    assert table.columns == ("column_1", "tokens", "tags")
    assert table.column("tokens") == [["Ada", "wrote"], ["Yes"]]
    numbers = read_table(write(tmp_path, "1\tNUM\tO\n\n3\tNUM\tB-AGE\n"))
    assert numbers.columns == ("tokens", "column_2", "tags")


def test_a_token_may_hold_a_space_between_tabs(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "New York\tB-place\n# 5\tO\n\u3000\tO\n"))
    assert table.rows == [(["New York", "# 5", "\u3000"], ["B-place", "O", "O"])]


@pytest.mark.parametrize(
    ("content", "row", "column", "words"),
    [
        ("a O\nb O\n\nc O\nd\n", 2, "tags", "line 5 has 1 column, the lines before have 2"),
        ("a O\nb c O\n", 1, None, "line 2 has 3 columns"),
        ("a\tO\n\tO\n", 1, "tokens", "line 2 has an empty column"),
        ("alone\n", 1, "tags", "line 1 has 1 column, a token and its tag are two"),
        ("# nothing\n\n", None, None, "no rows"),
    ],
)
def test_a_fault_is_told_with_its_line(
    tmp_path: Path, content: str, row: int | None, column: str | None, words: str
) -> None:
    with pytest.raises(BadInputError) as caught:
        read_table(write(tmp_path, content))
    assert words in str(caught.value)
    assert (caught.value.row, caught.value.column) == (row, column)


def test_prose_is_no_conll(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "A line with words\nand another\n", "d.txt"))
    assert table.columns == ("text",)
