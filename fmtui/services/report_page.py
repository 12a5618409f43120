"""The report of an evaluation as one HTML file that needs nothing else: `fmtui run report --to`."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring

from fmtui.errors import FmtuiError, StorageError, UsageError
from fmtui.paths import expanded
from fmtui.runs.process import write_bytes
from fmtui.services import examples, report_plots
from fmtui.services.confusions import Confusion, confusions
from fmtui.services.context import Context
from fmtui.services.examples import Example, Query
from fmtui.services.predictions import open_predictions
from fmtui.services.report import Report, report_of
from fmtui.services.text import between, clean, decimals

_ENDINGS = (".html", ".htm")
_MOST_LABELS = 1000
_EXAMPLES = 25
_CONFUSIONS = 40

METHOD = (
    "Intervals are at 95%: Wilson's (1927) for shares of rows that are right; that of DeLong, "
    "DeLong and Clarke-Pearson (1988) for auc; for all else the percentiles of 1,000 resamples of "
    "the rows (Efron 1979), seeded. A figure without one could not be given any."
)

_STYLE = Path(__file__).with_suffix(".css")
_SCRIPT = Path(__file__).with_suffix(".js")


def write(ctx: Context, ref: str, target: Path) -> Path:
    """Write the report of a run to a file, whole or not at all.

    Raises:
        UsageError: The name does not end in .html.
        StorageError: It can't be written there.
        FmtuiError: As `report_of`.
    """
    if target.suffix.lower() not in _ENDINGS:
        raise UsageError(f"--to {target}: the name must end in .html")
    report = report_of(ctx, ref)
    worst, taken = _rows_of(ctx, report)
    content = render(report, worst, taken)
    target = expanded(target)
    try:
        write_bytes(target, content.encode("utf-8", "replace"))
    except OSError as error:
        raise StorageError(f"can't write {target}: {error.strerror or error}") from error
    return target


def _rows_of(ctx: Context, report: Report) -> tuple[list[Example], list[Confusion]]:
    """The worst examples and confusions; none where the predictions are gone."""
    try:
        predictions = open_predictions(ctx, report.run)
        found = examples.find(predictions, Query())
        return examples.page(predictions, found.positions[:_EXAMPLES]), confusions(predictions)
    except FmtuiError:
        return [], []


def render(report: Report, worst: Sequence[Example] = (), taken: Sequence[Confusion] = ()) -> str:
    """The page as text. It is built as a tree: nothing from data can become markup or script."""
    html = Element("html", {"lang": "en"})
    head = SubElement(html, "head")
    SubElement(head, "meta", {"charset": "utf-8"})
    SubElement(head, "meta", {"name": "viewport", "content": "width=device-width"})
    # Only the script below may run, whatever the data holds; nothing is ever fetched.
    script = _SCRIPT.read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    SubElement(head, "meta", {"http-equiv": "Content-Security-Policy", "content": policy})
    SubElement(head, "title").text = clean(f"{report.run}: {report.model} on {report.data}")
    SubElement(head, "style").text = _STYLE.read_text(encoding="utf-8")
    body = SubElement(html, "body")
    _heading(body, report)
    _metrics(body, report)
    _labels(body, report)
    _confusion(body, report, taken)
    _calibration(body, report)
    _slices(body, report)
    _examples(body, worst)
    _section(body, "How this was measured")
    _add(body, "p", METHOD, "soft")
    SubElement(body, "script").text = script
    return "<!doctype html>\n" + tostring(html, encoding="unicode", method="html")


def _add(parent: Element, tag: str, words: str = "", style: str = "") -> Element:
    element = SubElement(parent, tag, {"class": style} if style else {})
    if words:
        element.text = clean(words)
    return element


def _section(body: Element, title: str) -> None:
    """A heading that can be linked to: `#by-length`."""
    _add(body, "h2", title).set("id", title.lower().replace(" ", "-"))


def _heading(body: Element, report: Report) -> None:
    _add(body, "h1", f"{report.model} on {report.data}")
    words = [report.run, report.task, f"{report.rows:,} rows", *report.manner]
    _add(body, "p", " · ".join([*words, report.ended[:10]]), "soft")
    tiles = _add(body, "div", style="tiles")
    for name in report.headlines():
        tile = _add(tiles, "div", style="tile")
        tile.text = name
        _add(tile, "b", decimals(report.metrics[name]))
        if name in report.intervals:
            _add(tile, "span", between(report.intervals[name], " to "), "soft")


def _metrics(body: Element, report: Report) -> None:
    _section(body, "Metrics")
    rows = [
        (
            name,
            decimals(report.metrics[name]),
            between(report.intervals[name], " to ") if name in report.intervals else "",
        )
        for name in report.ordered()
    ]
    _table(body, ("metric", "value", "95% interval"), rows, numbers=(1, 2))


def _labels(body: Element, report: Report) -> None:
    if not report.per_label:
        return
    _section(body, "By type of entity" if report.unit == "entities" else "By label")
    plot = report_plots.label_bars(report.per_label, report.unit)
    _add(body, "div", style="wide").append(plot)
    shown = sorted(report.per_label, key=lambda row: row.f1)[:_MOST_LABELS]
    if len(shown) < len(report.per_label):
        _add(body, "p", f"The worst {len(shown):,} of {len(report.per_label):,}.", "soft")
    _table(
        body,
        ("label", report.unit, "precision", "recall", "F1"),
        [
            (r.label, f"{r.rows}", f"{r.precision:.4f}", f"{r.recall:.4f}", f"{r.f1:.4f}")
            for r in shown
        ],
        numbers=(1, 2, 3, 4),
        sortable=True,
    )


def _confusion(body: Element, report: Report, taken: Sequence[Confusion]) -> None:
    plot = report_plots.heat_map(report)
    if plot is None and not taken:
        return
    _section(body, "What was taken for what")
    if plot is not None:
        unit = "tokens" if report.task == "token-classification" else "rows"
        words = "Down the true label, across the predicted one; the stronger, the more of its "
        words += f"{unit}."
        _add(body, "p", words, "soft")
        _add(body, "div", style="wide").append(plot)
    if taken:
        if report.unit == "entities":
            words = "Rows in which a token was taken so; the same type twice: only its bounds."
            _add(body, "p", words, "soft")
        _table(
            body,
            ("label", "taken for", "rows", "of its rows"),
            [
                (c.label, c.taken_for, f"{c.rows}", f"{c.rows / max(c.of, 1):.1%}")
                for c in taken[:_CONFUSIONS]
            ],
            numbers=(2, 3),
        )


def _calibration(body: Element, report: Report) -> None:
    if not report.calibration:
        return
    _section(body, "Calibration")
    ece = report.metrics.get("ece")
    words = (
        "A bar is the share that is right among rows of that confidence; the line on it is what "
    )
    words += "their confidence promised."
    _add(
        body,
        "p",
        words + (f" Expected calibration error {ece:.4f}." if ece is not None else ""),
        "soft",
    )
    body.append(report_plots.calibration(report.calibration))


def _slices(body: Element, report: Report) -> None:
    if not report.slices:
        return
    _section(body, "By length")
    first = report.main()
    if first and any(first in part.metrics for part in report.slices):
        plot = report_plots.by_length(report.slices, first, report.metrics.get(first))
        _add(body, "p", f"{first} by tokens of input; the line is the value on all rows.", "soft")
        _add(body, "div", style="wide").append(plot)
    wanted = (*report.headlines(), "loss")
    names = [n for n in report.ordered() if n in wanted and n in report.slices[0].metrics]
    _table(
        body,
        ("length", "rows", *names),
        [
            (
                s.name.removeprefix("length "),
                f"{s.rows}",
                *(decimals(s.metrics[n]) if n in s.metrics else "" for n in names),
            )
            for s in report.slices
        ],
        numbers=range(1, len(names) + 2),
    )


def _examples(body: Element, worst: Sequence[Example]) -> None:
    if not worst:
        return
    _section(body, "The worst examples")
    _table(
        body,
        ("row", "loss", "truth", "prediction", "text"),
        [
            (
                "" if e.row is None else f"{e.row}",
                "" if e.loss is None else f"{e.loss:.3f}",
                e.truth,
                e.prediction,
                e.text,
            )
            for e in worst
        ],
        numbers=(0, 1),
    )


def _table(
    body: Element,
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers: Iterable[int] = (),
    sortable: bool = False,
) -> None:
    right = set(numbers)
    table = SubElement(_add(body, "div", style="tall wide"), "table")
    line = SubElement(SubElement(table, "thead"), "tr")
    for at, title in enumerate(titles):
        cell = SubElement(line, "th", {"scope": "col"} | ({"class": "n"} if at in right else {}))
        (SubElement(cell, "button") if sortable else cell).text = clean(title)
    inside = SubElement(table, "tbody")
    for row in rows:
        line = SubElement(inside, "tr")
        for at, words in enumerate(row):
            _add(line, "td", words, "n" if at in right else "")
