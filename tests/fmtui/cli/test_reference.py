"""The reference of the commands is what the commands say."""

from __future__ import annotations

from fmtui.cli.reference import FILE, reference


def test_the_reference_is_up_to_date() -> None:
    said = FILE.read_text(encoding="utf-8")
    assert said == reference(), "make it anew: python -m fmtui.cli.reference"
