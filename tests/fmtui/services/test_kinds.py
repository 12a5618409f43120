"""A model of a kind that can't learn a task is refused before anything starts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fmtui.errors import BadInputError
from fmtui.services import finetune, models, runs
from fmtui.services.context import Context
from fmtui.services.finetune import FinetuneRequest
from registry.architectures import has_head
from tests.models import write_causal, write_seq2seq
from tests.rows import documents, prompts
from tests.tiny import write_bert

TEXTS = ["what is lost", "the card"]


@pytest.mark.parametrize(
    ("write", "task", "rows", "kind"),
    [
        (write_bert, "summarization", documents, "bert"),
        (lambda folder: write_seq2seq(folder, TEXTS), "text-generation", prompts, "t5"),
        (lambda folder: write_causal(folder, TEXTS), "summarization", documents, "llama"),
    ],
    ids=["bert", "t5", "llama"],
)
def test_it_is_told_what_it_is_and_where_others_are(
    write: Callable[[Path], Path], task: str, rows: Callable[..., list[dict[str, object]]],
    kind: str, ctx: Context, tmp_path: Path,
) -> None:  # fmt: skip
    ctx.db.prepare()
    models.import_model(ctx, str(write(tmp_path / "model")), name="tiny")
    data = tmp_path / "train.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows(20, 0)))
    with pytest.raises(BadInputError, match=f"of the type {kind}, which can't learn {task}") as it:
        finetune.start(ctx, FinetuneRequest("tiny", task, str(data)))
    assert f"--finetune-task {task}" in (it.value.hint or "")
    assert runs.list_runs(ctx) == []


def test_what_transformers_does_not_know_is_not_judged() -> None:
    assert has_head("of-its-own", "CAUSAL_LM") is None
    assert has_head("marian", "SEQ_TO_SEQ_CAUSAL_LM") is True
