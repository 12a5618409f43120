"""How `fmtui data check` prints its report."""

from __future__ import annotations

import click

from fmtui.cli.output import clean
from fmtui.services.data_check import CheckReport, Finding, Lengths, grouped

_SHOWN = 5
"""Findings of a kind that are printed; `--json` has all."""

_LABELS = 20
_BAR = 30


def show_report(report: CheckReport) -> None:
    """Findings by kind, then labels and lengths; errors first."""
    roles = ", ".join(f"{role} = {column}" for role, column in report.columns.items())
    _say(f"{report.ref}  {report.rows:,} rows  {report.task}  {roles}".rstrip())
    if len(report.splits) > 1:
        _say("          " + "  ".join(f"{part} {rows:,}" for part, rows in report.splits.items()))
    _findings("error", report.errors)
    _findings("warning", report.warnings)
    _labels(report.classes)
    for lengths in report.lengths:
        _lengths(lengths)
    if report.errors and not report.rows:
        click.echo("✗ no row could be looked at: no run takes it")
    elif report.errors:
        click.echo(f"✗ {report.invalid:,} of {report.rows:,} rows have a fault: no run takes them")
    else:
        labels = f", {len(report.labels)} labels" if report.labels else ""
        click.echo(f"✓ no faults, {len(report.warnings)} warnings{labels}")


def _findings(word: str, findings: list[Finding]) -> None:
    for group in grouped(findings):
        for finding in group.findings[:_SHOWN]:
            _say(f"{word:<8} {finding}")
        if len(group.findings) > _SHOWN:
            _say(f"{'':<8} … {len(group.findings) - _SHOWN:,} more: {group.kind}")


def _labels(labels: list[tuple[str, int]]) -> None:
    if not labels:
        return
    most = labels[0][1]
    width = min(max(len(label) for label, _ in labels[:_LABELS]), 34)
    click.echo()
    for label, count in labels[:_LABELS]:
        _say(f"  {label[:width]:<{width}} {count:>9,}  {'━' * max(1, round(count / most * _BAR))}")
    if len(labels) > _LABELS:
        fewest = labels[-1]
        _say(f"  … {len(labels) - _LABELS} more, down to {fewest[0]} with {fewest[1]:,}")


def _lengths(lengths: Lengths) -> None:
    unit = lengths.unit + "s"
    counted = f" (of {lengths.counted:,} rows)" if lengths.counted else ""
    click.echo()
    _say(
        f"  {lengths.part}: {unit} median {lengths.median:,}, 95% up to {lengths.p95:,}, "
        f"longest {lengths.longest:,}{counted}"
    )
    most = max(rows for _, _, rows in lengths.bins)
    for low, high, rows in lengths.bins:
        mark = "  ◂ limit" if high == lengths.limit else ""
        bar = "━" * (max(1, round(rows / most * _BAR)) if rows else 0)
        _say(f"  {f'{low:,}-{high:,}':>14} {rows:>9,}  {bar}{mark}")
    if lengths.over:
        what = "read in overlapping windows" if lengths.windows else f"{lengths.cut:.1%} cut"
        _say(f"  {lengths.over:,} rows are beyond the limit of {lengths.limit:,}: {what}")


def _say(text: str) -> None:
    click.echo(clean(text))
