"""`fmtui model predict`."""

from __future__ import annotations

import sys

import click

from fmtui.cli.output import clean, json_option, print_json, progress, quiet_option, table
from fmtui.errors import UsageError
from fmtui.services.context import context as make_context


@click.command()
@click.argument("model")
@click.option("--text", "texts", multiple=True, help="What to answer; - reads lines from stdin.")
@click.option("--context", help="What a question is about, or the second text of a pair.")
@click.option("--all-scores", is_flag=True, help="Every class with its score, best first.")
@quiet_option
@json_option
def predict(
    model: str,
    texts: tuple[str, ...],
    context: str | None,
    all_scores: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Try a model on a text."""
    from fmtui.services import predict as service

    given = [line for text in texts for line in _lines(text)]
    if not given:
        raise UsageError("there is no text to answer", hint="Give one with --text.")
    progress(f"loading {model}", quiet=quiet)
    params = {"return_all_scores": True} if all_scores else None
    found = service.predict(make_context(), model, given, context=context, params=params)
    if as_json:
        print_json([prediction.as_json() for prediction in found])
        return
    for prediction in found:
        click.echo(clean(f"{prediction.input}\n  {service.describe(prediction.output)}"))
    likeness = service.similarities(found)
    if len(likeness) > 1:
        click.echo("\ncosine similarity")
        numbers = [str(n) for n in range(1, len(found) + 1)]
        rows = ((n, *(f"{x:.3f}" for x in row)) for n, row in zip(numbers, likeness, strict=True))
        table(("", *numbers), rows, right=" ".join(numbers))


def _lines(text: str) -> list[str]:
    if text != "-":
        return [text]
    return [line.rstrip("\n") for line in sys.stdin if line.strip()]
