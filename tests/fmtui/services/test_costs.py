"""What a run will need is told before, what would make it fit, and after it what it took."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fmtui.estimate import machine as machines
from fmtui.runs.folder import RunFolder
from fmtui.runs.journal import Journal
from fmtui.services import estimate as service
from fmtui.services import finetune, models, queue, reality, runs
from fmtui.services.context import Context
from fmtui.services.finetune import FinetunePlan, FinetuneRequest
from tests.command import fmtui
from tests.tiny import HIDDEN, write_bert, write_messages


@pytest.fixture
def rows(ctx: Context, bert: Path, tmp_path: Path) -> Path:
    ctx.db.prepare()
    models.import_model(ctx, str(bert), name="tiny")
    queue.set_paused(ctx, None, True)
    return write_messages(tmp_path / "rows.csv", 60)


def planned(ctx: Context, rows: Path, **settings: str) -> FinetunePlan:
    plan = finetune.plan(
        ctx, FinetuneRequest("tiny", "text-classification", str(rows), settings=settings)
    )
    assert plan.errors == ()
    return plan


def costs(plan: FinetunePlan) -> service.Estimate:
    assert plan.costs is not None
    return plan.costs


def test_more_work_takes_more(ctx: Context, rows: Path) -> None:
    usual = costs(planned(ctx, rows, num_train_epochs="4"))
    longer = costs(planned(ctx, rows, num_train_epochs="8"))
    assert longer.steps == 2 * usual.steps and longer.tokens == 2 * usual.tokens
    assert longer.seconds is not None and usual.seconds is not None
    assert longer.seconds > usual.seconds
    padded = costs(planned(ctx, rows, num_train_epochs="4", pad_to_max_length="true"))
    assert padded.memory.activations > usual.memory.activations
    lora = costs(planned(ctx, rows, num_train_epochs="4", apply_lora="true"))
    assert lora.trainable < usual.trainable
    assert lora.memory.optimizer < usual.memory.optimizer


def test_tokens_are_those_that_the_tokenizer_makes(ctx: Context, rows: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(models.show(ctx, "tiny").path)
    texts = [line.rpartition(",")[0] for line in rows.read_text().splitlines()[1:]]
    lengths = [len(ids) for ids in tokenizer(texts)["input_ids"]]
    found = costs(planned(ctx, rows))
    assert found.counted and found.cut == 0
    assert found.longest == max(lengths)
    assert found.mean == pytest.approx(sum(lengths) / len(lengths), rel=0.1)
    short = costs(planned(ctx, rows, max_seq_length="6"))
    assert short.longest == 6
    assert short.cut == pytest.approx(sum(n > 6 for n in lengths) / len(lengths))


def test_words_that_no_row_has_need_no_optimizer(ctx: Context, rows: Path, tmp_path: Path) -> None:
    from transformers import AutoConfig, AutoTokenizer

    width, whole = HIDDEN, models.show(ctx, "tiny").parameters
    assert costs(planned(ctx, rows)).trainable == whole, "the rows have nearly all of them"
    models.import_model(ctx, str(write_bert(tmp_path / "wide", others=500)), name="wide")
    request = FinetuneRequest("wide", "text-classification", str(rows))
    found = costs(finetune.plan(ctx, request))
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "wide")
    texts = [line.rpartition(",")[0] for line in rows.read_text().splitlines()[1:]]
    words = len({i for ids in tokenizer(texts)["input_ids"] for i in ids})
    unused = AutoConfig.from_pretrained(tmp_path / "wide").vocab_size - words
    assert found.trainable == (models.show(ctx, "wide").parameters or 0) - unused * width
    assert found.memory.optimizer == 8 * found.trainable
    lora = FinetuneRequest(
        "wide", "text-classification", str(rows), settings={"apply_lora": "true"}
    )
    assert (
        costs(finetune.plan(ctx, lora)).trainable
        == costs(planned(ctx, rows, apply_lora="true")).trainable
    )


def test_what_does_not_fit_says_what_to_change(
    ctx: Context, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = machines.Machine(name="small", cores=1, memory=634_000_000)
    monkeypatch.setattr(machines, "here", lambda: small)
    plan = planned(ctx, rows, per_device_train_batch_size="64")
    found = costs(plan)
    assert not found.fits and found.changes
    assert "Fits with" in plan.warnings[0], "it stands first"
    first = found.changes[0]
    assert first.fits and first.memory_bytes <= small.memory
    again = costs(planned(ctx, rows, **{"per_device_train_batch_size": "64", **first.settings}))
    assert again.fits, "and it is true"


def test_the_plan_is_shown_and_nothing_starts(ctx: Context, rows: Path) -> None:
    words = ["finetune", "tiny", "--task", "text-classification", "--train", str(rows)]
    done = fmtui(*words, "--dry-run")
    assert done.code == 0
    assert "memory of" in done.out and "num_train_epochs" in done.out
    assert f"$ fmtui finetune tiny --task text-classification --train {rows}" in done.out
    told: dict[str, Any] = fmtui(*words, "--dry-run", "--json").json
    assert told["estimate"]["memory_bytes"] == sum(told["estimate"]["memory"].values())
    assert told["sources"]["num_train_epochs"] == "default for so few rows"
    assert runs.list_runs(ctx) == []


def test_after_the_run_estimate_and_reality_stand_side_by_side(ctx: Context, rows: Path) -> None:
    info = finetune.start(ctx, FinetuneRequest("tiny", "text-classification", str(rows)))
    told = runs.spec(ctx, info.run)["estimate"]
    journal = Journal(RunFolder(ctx.home.runs / info.run).journal)
    for memory, disk in ((5e8, 1e6), (7e8, 3e6), (6e8, 2e6)):
        journal.write("resource", values={"memory_bytes": memory, "disk_bytes": disk})
    journal.close()
    sides = {side.name: side for side in reality.beside(ctx, info.run)}
    assert (sides["memory"].estimated, sides["memory"].measured) == (told["memory_bytes"], 7e8)
    assert sides["disk"].measured == 3e6, "the most, not the last"
    assert sides["time"].measured is None
    assert sides["memory"].words().startswith("700 MB of ~")
    shown = fmtui("run", "show", info.run)
    assert "took: memory 700 MB of ~" in shown.out
    kept = {side["name"]: side for side in fmtui("run", "show", info.run, "--json").json["costs"]}
    assert kept["memory"]["measured"] == 7e8
