"""The console script: what nobody foresaw becomes a sentence, its traceback a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from fmtui import cli
from fmtui.paths import Home
from tests.command import fmtui


def test_an_unforeseen_error_is_a_sentence(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(ctx: object) -> None:
        raise ZeroDivisionError("nobody\x1b[31m foresaw this")

    monkeypatch.setattr("fmtui.services.doctor.examine", broken)
    monkeypatch.setattr("sys.argv", ["fmtui", "doctor"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    said = capsys.readouterr()
    assert caught.value.code == 1
    assert "ZeroDivisionError: nobody foresaw this" in said.err
    assert "\x1b" not in said.err
    assert "Traceback" not in said.err
    assert "Traceback" in (home.root / "errors.log").read_text()


def test_a_command_s_exit_code_is_the_process_s(home: Home, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("text,label\none,\ntwo,b\n")
    (tmp_path / "good.csv").write_text("text,label\none,a\ntwo,b\n")
    done = fmtui("data", "check", str(tmp_path / "bad.csv"))
    assert done.code == 4
    assert "error    bad.csv, row 1, column label: the label is empty" in done.out
    assert fmtui("data", "check", str(tmp_path / "bad.csv"), "--json").code == 4
    assert fmtui("data", "check", str(tmp_path / "good.csv")).code == 0
    assert fmtui("--version").code == 0
    assert fmtui("data", "check", "--help").code == 0
