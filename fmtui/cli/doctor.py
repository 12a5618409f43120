"""`fmtui doctor`."""

from __future__ import annotations

import click

from fmtui.cli.output import clean, json_option, print_json
from fmtui.services.context import context

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "red")}


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Say what is found here, and what is wrong. Exit code 4 when something is."""
    from fmtui.services.doctor import examine

    checks = examine(context())
    if as_json:
        print_json([check.as_json() for check in checks])
    for check in () if as_json else checks:
        mark, colour = _MARKS[check.verdict]
        click.echo(f"{click.style(mark, fg=colour)} {check.name:<16} {clean(check.found)}")
        if check.advice:
            click.echo(f"  {'':<16} {check.advice}")
    if any(check.verdict == "error" for check in checks):
        raise click.exceptions.Exit(4)
