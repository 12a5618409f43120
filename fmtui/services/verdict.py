"""Were evaluations asked the very same rows, and if so: do they differ by more than chance?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from fmtui.errors import FmtuiError
from fmtui.metrics import HEADLINES, MAIN, NEEDED
from fmtui.services import runs
from fmtui.services.context import Context
from fmtui.services.predictions import TRUTH, Predictions, open_predictions
from fmtui.services.significance import Resampled, Test, pair, together

SEED = 42
_TEXTS = "text-classification"
RIGHT = {"text-classification": "accuracy", "question-answering": "exact"}
"""The share of rows that are right, by task: two of these are McNemar's."""

MOST_ROWS = {
    "token-classification": 100_000,
    "question-answering": 100_000,
    "translation": 20_000,
    "summarization": 5_000,
}
"""Of these tasks the figures of a row cost so much that more rows are sampled, by seed."""

Intervals = dict[str, list[tuple[float, float] | None]]


@dataclass(frozen=True)
class Verdict:
    """`rows` is how many all were measured on, None where they were not the same; `note` says why
    not, or what else stands in the way. `intervals` are by metric, in the order of the runs.
    `alike` is False where figures of other rows stand beside each other, so that none is best."""

    rows: int | None = None
    note: str = ""
    intervals: Intervals = field(default_factory=dict)
    tests: tuple[Test, ...] = ()
    incomparable: frozenset[str] = frozenset()
    alike: bool = True


def judge(ctx: Context, found: Sequence[str], specs: Sequence[Mapping[str, Any]]) -> Verdict:
    """Test evaluations against each other; of more than two, the best against each other one."""
    if any(spec.get("kind") != "evaluate" for spec in specs):
        note = differ_in_training(found, specs)
        return Verdict(note=note, alike=not note)
    intervals = _reported(ctx, found)
    note = _differ(found, specs)
    if note:
        return Verdict(note=note, intervals=intervals, alike=False)
    try:
        files = [open_predictions(ctx, run) for run in found]
        note = _other_rows(files)
        if note:
            return Verdict(note=note, intervals=intervals, alike=False)
        return _tested(ctx, files, intervals)
    except FmtuiError as error:
        return Verdict(note=f"No test can be made: {error}", intervals=intervals)


def _differ(found: Sequence[str], specs: Sequence[Mapping[str, Any]]) -> str:
    """Why the rows can't be the same, going by what was asked for."""
    names = _listed(found)
    tasks = {str(spec.get("task")) for spec in specs}
    data = [spec.get("data") or {} for spec in specs]
    if len(tasks) > 1:
        return f"{names} are of different tasks ({', '.join(sorted(tasks))}): no test can be made."
    asked = {(d.get("fingerprint"), d.get("split")) for d in data}
    if len(asked) > 1 or not data[0].get("fingerprint"):
        refs = ", ".join(str(d.get("ref", "?")) for d in data)
        return f"{names} were measured on different rows ({refs}): no test can be made."
    return ""


def differ_in_training(found: Sequence[str], specs: Sequence[Mapping[str, Any]]) -> str:
    """Why figures of finetunings are not of the same rows, going by what was asked for."""
    if len({str(spec.get("kind")) for spec in specs}) > 1:
        return f"{_listed(found)} are of different kinds, measured on different rows: none is best."
    if len({str(spec.get("task")) for spec in specs}) > 1:
        return f"{_listed(found)} are of different tasks: none is best."
    if len({_held_out(spec) for spec in specs}) > 1:
        return f"{_listed(found)} were validated on different rows: none is best."
    return ""


def _held_out(spec: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells the rows that a finetuning was validated on."""
    given = spec.get("validation")
    part = given or spec.get("train") or {}
    asked = (part.get("fingerprint"), part.get("split"), bool(spec.get("drop_invalid")))
    if given:
        return asked
    settings = spec.get("settings") or {}
    return (*asked, settings.get("validation_fraction"), settings.get("seed"))


def _other_rows(files: Sequence[Predictions]) -> str:
    """Why the rows are not the same, going by what was answered."""
    first = files[0]
    for file in files[1:]:
        if file.rows != first.rows:
            return (
                f"{first.run} has {first.rows:,} rows and {file.run} has {file.rows:,}, so that "
                "other rows were left out of one: no test can be made."
            )
        for name in ("row", TRUTH[first.task]):
            if not (first.has(name) and file.has(name)):
                continue
            both = zip_longest(_stream(first, name), _stream(file, name))
            for at, (one, other) in enumerate(both, 1):
                if one != other:
                    return (
                        f"{first.run} and {file.run} differ in `{name}` from the row at place "
                        f"{at:,} on: no test can be made."
                    )
    return ""


def _stream(file: Predictions, name: str) -> Iterator[Any]:
    for batch in file.batches([name]):
        yield from batch.column(0).to_pylist()


def _tested(ctx: Context, files: Sequence[Predictions], intervals: Intervals) -> Verdict:
    task, rows = files[0].task, files[0].rows
    tests: list[Test] = []
    if task in RIGHT and all(file.has("right") for file in files):
        right = [file.column("right").astype(bool) for file in files]
        intervals.setdefault(RIGHT[task], _wilson(right, 100.0 if task != _TEXTS else 1.0))
        first = max(range(len(files)), key=lambda at: int(right[at].sum()))
        tests += together(
            [
                pair(files[a].run, files[b].run, right[a].tolist(), right[b].tolist())
                for a, b in _pairs(len(files), first)
            ]
        )
    found, note, incomparable = _bootstrapped(ctx, files, intervals)
    order = list(HEADLINES[task])
    known = sorted(intervals, key=lambda n: order.index(n) if n in order else len(order))
    ordered = {name: intervals[name] for name in known}
    return Verdict(rows, note, ordered, (*tests, *found), incomparable)


def _bootstrapped(
    ctx: Context, files: Sequence[Predictions], intervals: Intervals
) -> tuple[tuple[Test, ...], str, frozenset[str]]:
    """The paired bootstrap on the main metric; what stands in its way; what can't be compared."""
    from fmtui.metrics import lower_is_better
    from fmtui.metrics.bootstrap import paired

    task, note, incomparable = files[0].task, "", frozenset[str]()
    metric, columns = MAIN[task], _columns(files)
    if task == "text-generation" and columns and "tokens" in columns[0]:
        if any(list(c["tokens"]) != list(columns[0]["tokens"]) for c in columns):
            metric, incomparable = "nll", frozenset({"perplexity", "loss"})
            if note := _read_less(ctx, files):
                return (), note, incomparable
            note = (
                f"{_listed([f.run for f in files])} cut the text into different tokens, so that "
                "their perplexities can't be compared; nll is that of a whole row."
            )
    elif task == "text-generation":
        metric = "rougeL"
    parts = [_part(task, metric, c, f.labels) for c, f in zip(columns, files, strict=False)]
    if not parts or any(part is None for part in parts):
        return (), note, incomparable
    values = [part.values()[metric] for part in parts]
    sign = -1 if lower_is_better(metric) else 1
    first = max(range(len(files)), key=lambda at: sign * values[at])
    tests: list[Test] = []
    for a, b in _pairs(len(files), first):
        it = paired(parts[a], parts[b], metric, seed=SEED)
        tests.append(
            Resampled(
                files[a].run, files[b].run, metric, parts[a].rows.shape[0], files[a].rows,
                it.difference, it.low, it.high, it.p,
            )
        )  # fmt: skip
    _add_interval(intervals, metric, parts, whole=parts[0].rows.shape[0] == files[0].rows)
    return together(tests), note, incomparable


def _read_less(ctx: Context, files: Sequence[Predictions]) -> str:
    """Why not even the likelihood of whole rows can be compared: some were cut at their limit."""
    for file in files:
        limit = (runs.report(ctx, file.run) or {}).get("limit")
        if not isinstance(limit, int) or not file.has("length"):
            continue
        cut = int((file.column("length") >= limit).sum())
        if cut:
            rows = "1 row ends" if cut == 1 else f"{cut:,} rows end"
            return (
                f"{rows} at the {limit:,} tokens that {file.run} reads of each "
                "(max_seq_length), so that it was measured on less of the text: no test can be "
                "made."
            )
    return ""


def _columns(files: Sequence[Predictions]) -> list[dict[str, Any]]:
    """What the main metric is made of: all rows, or the same sample of each; none if missing."""
    task, rows = files[0].task, files[0].rows
    needed: tuple[str, ...] = NEEDED[task]
    if task == "text-generation" and not all(file.has(*needed) for file in files):
        needed = ("text", "prediction")
    if not rows or not all(file.has(*needed) for file in files):
        return []
    most = MOST_ROWS.get(task, rows)
    if rows <= most:
        return [file.read(needed) for file in files]
    import numpy as np

    chosen = np.sort(np.random.default_rng(SEED).choice(rows, most, replace=False)).tolist()
    taken = [file.take(chosen, needed) for file in files]
    return [{name: [row[name] for row in table] for name in needed} for table in taken]


def _part(task: str, metric: str, columns: Mapping[str, Any], labels: Sequence[str]) -> Any:
    """The part that gives a metric, None where the rows do not."""
    from fmtui.metrics import parts_of
    from fmtui.metrics.parts import mean_of

    nll = metric == "nll"
    found = mean_of("nll", columns["nll"]) if nll else parts_of(task, columns, labels)
    return next((part for part in found if metric in part.values()), None)


def _reported(ctx: Context, found: Sequence[str]) -> Intervals:
    """The intervals of what is told first, as the runs' own reports have them."""
    reports = [runs.report(ctx, run) or {} for run in found]
    intervals: Intervals = {}
    for name in HEADLINES.get(str(reports[0].get("task", _TEXTS)), ()):
        pairs = [_interval(report, name) for report in reports]
        if any(pair is not None for pair in pairs):
            intervals[name] = pairs
    return intervals


def _interval(report: Mapping[str, Any], name: str) -> tuple[float, float] | None:
    given = report.get("intervals")
    pair = given.get(name) if isinstance(given, dict) else None
    if isinstance(pair, list) and len(pair) == 2 and all(isinstance(v, int | float) for v in pair):
        return float(pair[0]), float(pair[1])
    return None


def _add_interval(intervals: Intervals, metric: str, parts: Sequence[Any], *, whole: bool) -> None:
    """The interval of the metric that was tested, where no report had one for all rows."""
    from fmtui.metrics.bootstrap import intervals as resample
    from fmtui.metrics.parts import Found

    if whole and metric not in intervals:
        drawn = [resample(Found([part]), seed=SEED, resamples=1000).get(metric) for part in parts]
        intervals[metric] = list(drawn)


def _wilson(right: Sequence[Any], full: float) -> list[tuple[float, float] | None]:
    from fmtui.metrics.shares import wilson

    pairs = [wilson(int(r.sum()), len(r)) for r in right]
    return [(low * full, high * full) for low, high in pairs]


def _pairs(count: int, first: int) -> list[tuple[int, int]]:
    """Which are set against each other: both of two, else the best and each of the others."""
    if count == 2:
        return [(0, 1)]
    return [(first, other) for other in range(count) if other != first]


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
