"""`fmtui screenshot`: a screen in a file, that asks no network for its letters."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from fmtui.cli.screenshot import screenshot
from fmtui.errors import NotFoundError, UsageError
from fmtui.services.context import Context


def draw(*words: str) -> None:
    CliRunner().invoke(screenshot, list(words), catch_exceptions=False, standalone_mode=False)


def test_an_svg_holds_the_words_of_the_screen(stocked: Context, tmp_path: Path) -> None:
    target = tmp_path / "model.svg"
    draw("model:tiny", "--to", str(target), "--size", "80x24")
    svg = target.read_text()
    assert "BertModel" in svg and "tiny:1" in svg
    assert "http" not in svg.replace("http://www.w3.org", "").replace("https://www.textual", "")


def test_a_png_is_one(here: Context, tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    target = tmp_path / "catalog.png"
    draw("catalog", "--to", str(target), "--size", "80x24")
    assert target.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert target.stat().st_size > 20_000


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["nowhere", "--to", "x.svg"], UsageError),
        (["catalog", "--to", "x.gif"], UsageError),
        (["catalog", "--to", "x.svg", "--size", "big"], UsageError),
        (["run:r99", "--to", "x.svg"], NotFoundError),
        (["model:none", "--to", "x.svg"], NotFoundError),
    ],
)
def test_what_can_not_be_drawn_is_an_error(
    words: list[str], error: type[Exception], here: Context, tmp_path: Path
) -> None:
    words = [str(tmp_path / w) if w.startswith("x.") else w for w in words]
    with pytest.raises(error):
        draw(*words)
    assert list(tmp_path.glob("x.*")) == []
