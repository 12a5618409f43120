"""DeepSpeed by its setting is DeepSpeed by its option: the processes are started with its stage."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from fmtui.errors import UsageError
from fmtui.runs import accelerate, layout
from fmtui.runs.layout import Layout
from fmtui.services import where as where_service
from fmtui.services.context import Context
from fmtui.services.where import Where


def test_the_stage_that_was_asked_for_is_in_the_config(
    ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout.Layout, "check", lambda self: None)  # it may not be installed
    monkeypatch.setattr(where_service.slots, "gpus", lambda: ["0", "1"])
    spec = Where(processes=2).as_spec(ctx, zero_stage=3)
    found = Layout.of(spec)
    assert (found.distributed, found.zero_stage) == ("deepspeed", 3)
    config = yaml.safe_load(accelerate.config_text(found))
    assert config["distributed_type"] == "DEEPSPEED"
    assert config["deepspeed_config"]["zero_stage"] == 3
    plain = Layout.of(Where(processes=2).as_spec(ctx))
    assert plain.distributed == "ddp"


def test_one_process_or_no_gpu_is_told(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout.Layout, "check", lambda self: None)
    with pytest.raises(UsageError, match="Say how many: --num-processes 2"):
        Where().as_spec(ctx, zero_stage=2)
    monkeypatch.setattr(where_service.slots, "gpus", list)
    with pytest.raises(UsageError, match="this machine has none"):
        Where(processes=2).as_spec(ctx, zero_stage=2)


def test_a_spec_of_an_older_version_has_the_second_stage() -> None:
    old = {"layout": {"processes": 2, "machines": 1, "distributed": "deepspeed", "address": None}}
    assert Layout.of(old).zero_stage == 2


def test_it_is_refused_where_it_can_not_be(ctx: Context, bert: Path) -> None:
    from fmtui.services import models, settings

    ctx.db.prepare()
    info = models.import_model(ctx, str(bert), name="tiny")
    with pytest.raises(UsageError, match="apply_deepspeed=true needs"):
        settings.chosen_for(ctx, info, "text-classification", {"apply_deepspeed": "true"})
