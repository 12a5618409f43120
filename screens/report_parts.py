"""The parts of a report that are words and bars."""

from __future__ import annotations

from textual.content import Content

from fmtui.services.report import Report
from fmtui.services.text import between, decimals, one_line
from screens.widgets.record_list import fit
from screens.widgets.states import FAINT, MUTED

Parts = list[str | tuple[str, str]]


def metrics_content(found: Report) -> Content:
    """Every metric with its interval; what is told first of the task in bold."""
    parts: Parts = [(f"{'metric':<18}{'value':>10}   95% interval\n", MUTED)]
    first = found.headlines()
    for name in found.ordered():
        pair = found.intervals.get(name)
        style = "bold" if name in first else ""
        parts.append((f"{fit(one_line(name), 17)} {decimals(found.metrics[name]):>10}   ", style))
        parts.append((f"{between(pair, ' to ') if pair else '–'}\n", "" if pair else FAINT))
    if found.intervals:
        parts.append(
            ("\nIntervals by resampling the rows; of shares, Wilson's; of auc, DeLong's.\n", MUTED)
        )
    if found.manner:
        parts.append((f"Measured with {one_line(', '.join(found.manner))}.\n", MUTED))
    return Content.assemble(*parts)


def length_content(found: Report, width: int) -> Content:
    """The main metric by length as bars, then what else is told first."""
    name = found.main()
    if name is None or not any(name in part.metrics for part in found.slices):
        name = next(iter(found.slices[0].metrics), "")
    others = [n for n in (*found.headlines(), "loss") if n != name and n in found.metrics][:3]
    values = [part.metrics.get(name) for part in found.slices]
    most = max([v for v in values if v is not None] + [1e-9])
    room = max(8, min(40, width - 36 - 11 * len(others)))
    head = f"{'length':<14}{'rows':>9}  {one_line(name):<{room + 11}}"
    parts: Parts = [(head + "".join(f"{one_line(n)[:10]:>11}" for n in others) + "\n", MUTED)]
    for part, value in zip(found.slices, values, strict=True):
        bar = "━" * round(room * value / most) if value is not None else ""
        shown = decimals(value) if value is not None else "–"
        parts.append(f"{fit(one_line(part.name.removeprefix('length ')), 13)} {part.rows:>9,}  ")
        parts += [(bar, "$text-primary"), " " * (room - len(bar)), f" {shown:>9} "]
        cells = [
            f"{decimals(part.metrics[n]):>11}" if n in part.metrics else f"{'–':>11}"
            for n in others
        ]
        parts.append("".join(cells) + "\n")
    whole = found.metrics.get(name)
    if whole is not None:
        words = f"\nOn all rows {one_line(name)} is {decimals(whole)}. Length: tokens of input."
        parts.append((words, MUTED))
    return Content.assemble(*parts)


def calibration_content(found: Report, width: int) -> Content:
    """For each bin of confidence the share that is right as a bar, and where it was promised."""
    room = max(10, min(50, width - 44))
    head = f"{'confidence':<13}{'rows':>8}  {'right':<{room + 1}} {'right':>6} {'mean conf.':>10}\n"
    parts: Parts = [(head, MUTED)]
    for b in found.calibration:
        bar, promised = round(room * b.accuracy), round(room * b.confidence)
        cells = ["━" if at < bar else " " for at in range(room + 1)]
        cells[promised] = "┃"
        parts.append(f"{b.low:.2f}–{b.high:.2f}    {b.rows:>8,}  ")
        for at, cell in enumerate(cells):
            parts.append((cell, "$text-warning" if at == promised else "$text-primary"))
        parts.append(f" {b.accuracy:>6.3f} {b.confidence:>10.3f}\n")
    words = "\n━ the share that is right, ┃ what their confidence promised."
    if "ece" in found.metrics:
        words += f" Expected calibration error {found.metrics['ece']:.4f}."
    parts.append((words, MUTED))
    return Content.assemble(*parts)
