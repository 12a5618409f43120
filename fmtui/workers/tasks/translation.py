"""Translation: a sentence to the same in another language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fmtui.workers.tasks.base import learnt
from fmtui.workers.tasks.seq2seq import Seq2Seq


@dataclass(frozen=True)
class Translation(Seq2Seq):
    asks: tuple[str, str] = ("source_lang", "target_lang")

    def languages(self, settings: Mapping[str, Any]) -> tuple[str, str]:
        return settings["source_lang"], settings["target_lang"]

    def known(self, model: Any, task: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """T5's prefix is that of the pair of languages."""
        pair = f"translation_{settings['source_lang']}_to_{settings['target_lang']}"
        return dict(learnt(model, pair)) | super().known(model, task, settings)


PROCEDURE = Translation("AutoModelForSeq2SeqLM", longest=512, task="translation")
