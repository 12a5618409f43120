"""How commands print: JSON in documented shapes, tables for people, progress on stderr."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import click

from fmtui.errors import FmtuiError, UsageError
from fmtui.services.text import clean as clean
from fmtui.services.text import number as number
from fmtui.services.text import size as size

F = TypeVar("F", bound=Callable[..., Any])

_RAW = re.compile("[\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What JSON may hold as it is and a terminal would obey, or can't take."""


def json_option(command: F) -> F:
    """`--json`: print the documented shape instead of a table."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def quiet_option(command: F) -> F:
    """`-q`: no progress."""
    return click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")(command)


def print_json(value: Any) -> None:
    text = json.dumps(value, indent=1, ensure_ascii=False)
    click.echo(_RAW.sub(lambda match: f"\\u{ord(match[0]):04x}", text))


def progress(text: str, *, quiet: bool = False) -> None:
    """A line for the person who waits; never on stdout."""
    if not quiet:
        click.echo(clean(text), err=True)


def show_error(error: FmtuiError) -> None:
    """A sentence on stderr; with `--json` on the command line, a JSON object on stdout too."""
    click.echo(f"Error: {clean(str(error))}", err=True)
    if "--json" in sys.argv:
        print_json({"error": error.as_json(), "exit_code": error.exit_code})


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], *, right: str = "") -> None:
    """Columns as wide as their widest cell; headers in `right` name the right-aligned ones."""
    cells = [[clean("" if c is None else str(c)) for c in row] for row in rows]
    widths = [max([len(h), *(len(r[i]) for r in cells)]) for i, h in enumerate(headers)]
    to_right = [h in right.split() for h in headers]

    def line(values: Sequence[str]) -> str:
        parts = [
            v.rjust(w) if r else v.ljust(w)
            for v, w, r in zip(values, widths, to_right, strict=True)
        ]
        return "  ".join(parts).rstrip()

    click.echo(click.style(line(list(headers)), bold=True))
    for row in cells:
        click.echo(line(row))


def pairs(values: Iterable[str], option: str) -> dict[str, str]:
    """`key=value` words, also several joined by commas where no value holds one."""
    result: dict[str, str] = {}
    for word in values:
        key, equals, value = word.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"{option} {word}: expected key=value")
        result[key.strip()] = value.strip()
    return result


def column_pairs(values: Iterable[str]) -> dict[str, str]:
    """`--columns text=message,label=intent`, and the option given several times."""
    return pairs((part for value in values for part in value.split(",") if part), "--columns")
