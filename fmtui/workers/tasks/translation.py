"""Translation: a sentence to the same in another language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmtui.errors import BadInputError
from fmtui.workers.tasks.base import Loaded, learnt
from fmtui.workers.tasks.seq2seq import Seq2Seq


@dataclass(frozen=True)
class Translation(Seq2Seq):
    def load(self, path: Path, spec: Mapping[str, Any]) -> Loaded:
        loaded = super().load(path, spec)
        if spec["kind"] == "finetune" and _many_languages(loaded.tokenizer):
            _choose_languages(loaded)
        return loaded

    def known(self, model: Any, task: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """T5's prefix is that of the pair of languages."""
        pair = f"translation_{settings.get('source_lang')}_to_{settings.get('target_lang')}"
        return dict(learnt(model, pair)) | super().known(model, task, settings)


def _wanted(loaded: Loaded, side: str) -> str:
    return str(loaded.settings.get(f"{side}_lang") or "")


def _many_languages(tokenizer: Any) -> bool:
    """Whether a language's name is a token before the text (mBART, M2M100, NLLB)."""
    return hasattr(tokenizer, "src_lang") and hasattr(tokenizer, "tgt_lang")


def _choose_languages(loaded: Loaded) -> None:
    """Set the two languages; both are saved with the model. Raises BadInputError."""
    tokenizer = loaded.tokenizer
    for side, attribute in (("source", "src_lang"), ("target", "tgt_lang")):
        wanted = _wanted(loaded, side)
        if not wanted:
            if getattr(tokenizer, attribute, None):
                continue
            raise BadInputError(
                f"this model writes many languages: which is the {side}?",
                hint=f"--set {side}_lang=CODE, as the model writes it (en_XX, eng_Latn, en).",
            )
        setattr(tokenizer, attribute, _code(tokenizer, wanted))
    first = tokenizer.convert_tokens_to_ids(_token(tokenizer, tokenizer.tgt_lang))
    loaded.model.generation_config.forced_bos_token_id = first


def _code(tokenizer: Any, wanted: str) -> str:
    """The model's own code for a language: itself, or the only one that begins with it."""
    vocabulary = tokenizer.get_vocab()
    if _token(tokenizer, wanted) in vocabulary:
        return wanted
    codes = [code for code in tokenizer.all_special_tokens if code.startswith(f"{wanted}_")]
    if len(codes) == 1:
        return str(codes[0])
    raise BadInputError(
        f"the model knows no language `{wanted}`",
        hint=f"It knows: {', '.join(sorted(codes or tokenizer.all_special_tokens)[:12])} …",
    )


def _token(tokenizer: Any, code: str) -> str:
    """M2M100 writes `__en__` for `en`."""
    marked = f"__{code}__"
    return marked if marked in tokenizer.get_vocab() else code


PROCEDURE = Translation("AutoModelForSeq2SeqLM", longest=512, task="translation")
