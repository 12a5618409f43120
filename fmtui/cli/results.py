"""What evaluations found: `fmtui run report`, `fmtui run errors`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmtui.cli.output import json_option, print_json, progress, table
from fmtui.services.context import context
from fmtui.services.text import between, clean, decimals, one_line

if TYPE_CHECKING:
    from fmtui.services.predictions import Predictions
    from fmtui.services.report import Report

_WORST = 10
_WIDTH = 60


@click.command()
@click.argument("ref")
@click.option(
    "--to",
    "target",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write all of it to one .html file that needs nothing else.",
)
@json_option
def report(ref: str, target: Path | None, as_json: bool) -> None:
    """What an evaluation found: metrics with 95% intervals, by label, by length, calibration."""
    from fmtui.services import report as service

    if target is not None:
        from fmtui.services import report_page

        written = report_page.write(context(), ref, target)
        if as_json:
            print_json({"path": str(written), "bytes": written.stat().st_size})
        else:
            click.echo(str(written))
        return
    found = service.report_of(context(), ref)
    if as_json:
        print_json(found.as_json())
        return
    manner = "".join(f", {clean(words)}" for words in found.manner)
    click.echo(f"{found.run}  {found.model} on {found.data}, {found.rows:,} rows{manner}\n")
    _print(found)


def _print(found: Report) -> None:
    """Those parts that a report has, each as a table."""
    table(
        ("metric", "value", "95% interval"),
        [
            (
                name,
                decimals(found.metrics[name]),
                between(found.intervals[name]) if name in found.intervals else "–",
            )
            for name in found.ordered()
        ],
        right="value",
    )
    if found.per_label:
        worst = sorted(found.per_label, key=lambda row: row.f1)[:_WORST]
        more = len(found.per_label) > len(worst)
        click.echo(f"\nthe {_WORST} worst of {len(found.per_label)} labels" if more else "")
        table(
            ("label", found.unit, "precision", "recall", "F1"),
            [
                (r.label, r.rows, f"{r.precision:.3f}", f"{r.recall:.3f}", f"{r.f1:.3f}")
                for r in worst
            ],
            right="rows entities precision recall F1",
        )
    if found.slices:
        names = [n for n in found.headlines() if any(n in s.metrics for s in found.slices)]
        click.echo()
        table(
            ("length", "rows", *names),
            [
                (
                    part.name.removeprefix("length "),
                    part.rows,
                    *(decimals(part.metrics[n]) if n in part.metrics else "–" for n in names),
                )
                for part in found.slices
            ],
            right=" ".join(("rows", *names)),
        )
    if found.calibration:
        click.echo()
        table(
            ("confidence", "rows", "mean", "right"),
            [
                (f"{b.low:.2f}–{b.high:.2f}", b.rows, f"{b.confidence:.3f}", f"{b.accuracy:.3f}")
                for b in found.calibration
            ],
            right="rows mean right",
        )


@click.command()
@click.argument("ref")
@click.option("--label", metavar="L", help="Only rows with this label, or type of entity.")
@click.option("--taken-for", metavar="M", help="Only rows that were taken for this one.")
@click.option("--text", default="", metavar="WORDS", help="Only rows that hold all these words.")
@click.option(
    "--sort",
    default="loss",
    show_default=True,
    metavar="KEY",
    help="loss, confidence (what the model was surest of first) or length.",
)
@click.option("--all", "every", is_flag=True, help="Also rows that are right.")
@click.option("--limit", default=20, show_default=True, metavar="N", type=click.IntRange(1))
@click.option("--confusions", "pairs", is_flag=True, help="What was taken for what, and how often.")
@json_option
def errors(
    ref: str,
    label: str | None,
    taken_for: str | None,
    text: str,
    sort: str,
    every: bool,
    limit: int,
    pairs: bool,
    as_json: bool,
) -> None:
    """The rows that an evaluation got wrong, the worst first.

    Tasks without right and wrong (summaries, translations, texts) show all rows, by loss.
    """
    from fmtui.services import examples
    from fmtui.services.predictions import open_predictions

    predictions = open_predictions(context(), ref)
    if pairs:
        _confusions(predictions, limit, as_json)
        return
    query = examples.Query(label, taken_for, sort, every, text)
    found = examples.find(predictions, query)
    chosen = [int(position) for position in found.positions[:limit]]
    if as_json:
        print_json([_record(predictions, position) for position in chosen])
        return
    if found.sort != sort and found.rows:
        kept = f"sorted by {found.sort}" if found.sort else "in the order of the data"
        progress(f"this run kept no {sort}: {kept}")
    if not chosen:
        progress("No row is like this.")
        return
    table(
        ("row", "loss", "confidence", "truth", "prediction", "text"),
        [
            (
                e.row or e.position + 1,
                "–" if e.loss is None else f"{e.loss:.3f}",
                "–" if e.confidence is None else f"{e.confidence:.3f}",
                *(_cut(words) for words in (e.truth, e.prediction, e.text)),
            )
            for e in examples.page(predictions, chosen)
        ],
        right="row loss confidence",
    )
    if found.rows > len(chosen):
        progress(f"{len(chosen)} of {found.rows:,} rows; --limit shows more")


def _confusions(predictions: Predictions, limit: int, as_json: bool) -> None:
    from fmtui.services.confusions import confusions

    found = confusions(predictions)[:limit]
    if as_json:
        print_json([confusion.as_json() for confusion in found])
    elif not found:
        progress("Nothing was taken for anything else.")
    else:
        table(
            ("label", "taken for", "rows", "of"),
            [(one_line(c.label), one_line(c.taken_for), c.rows, c.of) for c in found],
            right="rows of",
        )


def _record(predictions: Predictions, position: int) -> dict[str, Any]:
    """All columns of a row; of the scores, those of the labels that were scored highest."""
    from fmtui.services import examples

    record = examples.whole(predictions, position)
    best = examples.best_scores(predictions.labels, record)
    if best:
        record["scores"] = dict(best)
    return {"position": position, **record}


def _cut(words: str) -> str:
    words = one_line(words)
    return words if len(words) <= _WIDTH else words[: _WIDTH - 1] + "…"
