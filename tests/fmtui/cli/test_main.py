"""The console script: what nobody foresaw becomes a sentence, its traceback a file."""

from __future__ import annotations

import pytest

from fmtui import cli
from fmtui.paths import Home


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
