"""The report of an evaluation, whole or half, and its HTML file that nothing can break out of."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from fmtui.errors import BadInputError, ConflictError, StorageError, UsageError
from fmtui.services import report_page
from fmtui.services.context import Context
from fmtui.services.report import Slice, report_of
from fmtui.services.report_plots import by_length
from tests.evaluations import columns_of, evaluated, of_task
from tests.fmtui.metrics.columns import LABELS, classified, label_names
from tests.screens.tools import make_run

TASKS = (
    "text-classification", "multi-label", "token-classification", "question-answering",
    "summarization", "translation", "text-generation",
)  # fmt: skip


class Page(HTMLParser):
    """What a browser would make of a page: tags with their attributes, and the words."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_a_report_and_a_page(ctx: Context, tmp_path: Path, task: str) -> None:
    run = of_task(ctx, task)
    found = report_of(ctx, run)
    assert found.rows == 40 and found.headlines() and found.main() in found.metrics
    assert all(low <= found.metrics[n] <= high for n, (low, high) in found.intervals.items())
    json.dumps(found.as_json(), allow_nan=False)
    written = report_page.write(ctx, run, tmp_path / "report.html")
    page = Page(written.read_text(encoding="utf-8"))
    words = " ".join(page.words)
    assert all(name in words for name in found.metrics)
    assert page.count("svg") == bool(found.per_label) + bool(found.confusion) + bool(
        found.slices
    ) + bool(found.calibration)
    assert page.count("script") == page.count("style") == 1
    for tag, attributes in page.tags:
        assert not {"src", "href", "onload", "onerror"} & attributes.keys(), tag


def test_what_comes_from_data_is_words_and_nothing_else(ctx: Context, tmp_path: Path) -> None:
    evil = [
        "</script><script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "</style><style>*{display:none}</style>",
        "<!-- <svg/onload=alert(1)>",
        "\x1b]0;title\x07\x00 & 'label'",
    ]
    columns = classified(rows=60)
    for name in ("label", "prediction"):
        columns[name] = [evil[LABELS.index(label)] for label in columns[name]]
    columns["text"] = [evil[i % 5] for i in range(60)]
    run = evaluated(ctx, columns, labels=evil, model=evil[0])
    content = report_page.write(ctx, run, tmp_path / "r.html").read_text(encoding="utf-8")
    page = Page(content)
    assert page.count("script") == page.count("style") == 1 and page.count("img") == 0
    assert any("<img src=x onerror=alert(1)>" in words for words in page.words), "shown as it is"
    assert "\x1b" not in content and "\x00" not in content
    policy = next(a["content"] for t, a in page.tags if t == "meta" and "http-equiv" in a)
    assert policy and "default-src 'none'" in policy


@pytest.mark.stress
def test_a_browser_sorts_the_labels_and_runs_nothing_else(ctx: Context, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("needs a browser of the Chromium family")
    evil = '"><img src=x onerror="document.title=1"><script>document.title=2</script>'
    columns = classified(rows=60)
    columns["text"] = [evil] * 60
    target = report_page.write(ctx, evaluated(ctx, columns, labels=LABELS), tmp_path / "r.html")
    # A hand that clicks on the title `label`, let in by its own hash.
    click = "document.querySelector('th button').click(); document.body.dataset.order = " + (
        "[...document.querySelector('th button').closest('table').tBodies[0].rows]"
        ".map((row) => row.children[0].textContent).join()"
    )
    digest = base64.b64encode(hashlib.sha256(click.encode()).digest()).decode()
    content = target.read_text().replace("script-src ", f"script-src 'sha256-{digest}' ")
    content = content.replace("</body>", f"<script>{click}</script></body>")
    target.write_text(content)
    done = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
         f"--user-data-dir={tmp_path / 'profile'}", target.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    page = Page(done.stdout)
    order = next(a["data-order"] for tag, a in page.tags if tag == "body")
    assert order == ",".join(sorted(LABELS))
    assert page.count("img") == 0
    assert "<title>r1: tiny:1 on test:1</title>" in done.stdout


def test_many_labels_are_drawn_as_far_as_one_can_read(ctx: Context, tmp_path: Path) -> None:
    columns = classified(rows=900, labels=300, right=0.5)
    run = evaluated(ctx, columns, labels=label_names(300))
    page = Page(report_page.write(ctx, run, tmp_path / "r.html").read_text())
    cells = [a for t, a in page.tags if t == "rect" and a.get("class") in ("right", "wrong")]
    assert 0 < len(cells) <= 100 * 100
    rows = len(report_of(ctx, run).per_label)
    assert rows == 300


@pytest.mark.parametrize("whole", [0.01, 0.25, 0.49, 0.5, 0.52, 0.55])
def test_the_line_of_all_rows_strikes_no_value_through(whole: float) -> None:
    values = (0.5, 0.53, 0.02, 0.0)
    drawn = by_length([Slice(f"length {v}", 9, {"f1": v}) for v in values], "f1", whole)
    (line,) = (e for e in drawn if e.get("class") == "mark")
    places = [float(e.get("y", "")) for e in drawn if "." in (e.text or "") and e.get("x") != "46"]
    values_drawn = [y for y in places if y < 200]
    assert len(values_drawn) >= len(values)
    assert not [y for y in values_drawn if y - 8 < float(line.get("y1", "")) < y]


def test_a_page_is_written_whole_or_not_at_all(ctx: Context, tmp_path: Path) -> None:
    run = of_task(ctx, "translation")
    with pytest.raises(UsageError, match=r"must end in \.html"):
        report_page.write(ctx, run, tmp_path / "report.pdf")
    with pytest.raises(StorageError, match="can't write"):
        report_page.write(ctx, run, tmp_path / "nowhere" / "r.html")
    (tmp_path / "taken.html").mkdir()
    with pytest.raises(StorageError):
        report_page.write(ctx, run, tmp_path / "taken.html")
    target = tmp_path / "r.html"
    target.write_text("before")
    report_page.write(ctx, run, target)
    assert target.read_text().startswith("<!doctype html>")
    assert sorted(p.name for p in tmp_path.glob("*.html")) == ["r.html", "taken.html"]
    assert list(tmp_path.glob(".*.part")) == []


def test_a_page_without_rows_tells_what_the_report_holds(ctx: Context, tmp_path: Path) -> None:
    run = of_task(ctx, "text-classification")
    (ctx.home.runs / run / "output" / "predictions.parquet").unlink()
    words = " ".join(Page(report_page.write(ctx, run, tmp_path / "r.html").read_text()).words)
    assert "By label" in words and "The worst examples" not in words


def test_an_older_run_is_measured_for_what_it_did_not_keep(ctx: Context) -> None:
    columns = columns_of("text-classification")
    kept = {"metrics": {"accuracy": 0.123}, "rows": 40, "labels": LABELS, "method": "zero-shot"}
    few = {n: columns[n] for n in ("text", "label", "prediction", "score", "right")}
    found = report_of(ctx, evaluated(ctx, few, report=kept))
    assert found.metrics["accuracy"] == 0.123, "what it says is not changed"
    assert "f1_macro" in found.intervals and found.calibration and found.confusion
    assert found.method == "zero-shot" and found.labels == tuple(LABELS)
    assert found.manner == ["zero-shot"]


@pytest.mark.parametrize(
    "report",
    [
        {},
        {"metrics": None, "intervals": [], "per_label": {}, "slices": 3, "calibration": "x"},
        {"metrics": {"accuracy": "high", "loss": 1.0}, "intervals": {"loss": [1], "x": ["a", 2]}},
        {"metrics": {"accuracy": 1.0}, "per_label": [{"label": "a"}, 7, {"label": "b", "rows": 1}]},
        {"metrics": {"accuracy": 1.0}, "labels": ["a"], "confusion_matrix": [[1, 2], [3]]},
        {"metrics": {"a": 1e400, "b": float("nan")}, "slices": [{"name": "x", "rows": None}]},
        {"metrics": {"accuracy": 1.0}, "slices": [{"name": "length 1-16", "rows": 3}]},
        {"metrics": {}, "task": ["odd"], "rows": "many", "method": 7},
    ],
)
def test_a_report_that_is_not_well_formed_is_read_as_far_as_it_goes(
    ctx: Context, tmp_path: Path, report: dict[str, Any]
) -> None:
    columns = columns_of("text-classification")
    run = evaluated(ctx, columns, report={"intervals": {"loss": [1.0, 2.0]}} | report)
    found = report_of(ctx, run)
    json.dumps(found.as_json(), allow_nan=False)
    Page(report_page.write(ctx, run, tmp_path / "r.html").read_text())


def test_what_has_no_report_says_so(ctx: Context) -> None:
    with pytest.raises(ConflictError, match="has no report"):
        report_of(ctx, make_run(ctx))
    with pytest.raises(ConflictError, match="is failed"):
        report_of(ctx, make_run(ctx, kind="evaluate", state="failed"))
    run = of_task(ctx, "translation")
    for broken in ("{", "[]", ""):
        (ctx.home.runs / run / "output" / "report.json").write_text(broken)
        with pytest.raises(BadInputError, match="missing or broken"):
            report_of(ctx, run)
