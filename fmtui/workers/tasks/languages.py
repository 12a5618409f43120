"""Models that write many languages, each named by a token before the text."""

from __future__ import annotations

from typing import Any

from fmtui.errors import BadInputError
from fmtui.workers.tasks.base import Loaded


def has_many(tokenizer: Any) -> bool:
    """Whether a language's name is a token before the text (mBART, M2M100, NLLB)."""
    return hasattr(tokenizer, "src_lang") and hasattr(tokenizer, "tgt_lang")


def choose(loaded: Loaded, wanted: tuple[str, str], asks: tuple[str, str]) -> None:
    """Set the languages of source and target; both are saved with the model.

    Args:
        wanted: As a person calls them; empty where the model's own are meant.
        asks: The settings that say so.

    Raises:
        BadInputError: a language that the model doesn't know, or none where it has none itself.
    """
    tokenizer = loaded.tokenizer
    for language, setting, attribute in zip(wanted, asks, ("src_lang", "tgt_lang"), strict=True):
        if not language:
            if getattr(tokenizer, attribute, None):
                continue
            raise BadInputError(
                f"this model writes many languages: which is the {_SIDES[attribute]}?",
                hint=f"--set {setting}=CODE, as the model writes it (en_XX, eng_Latn, en).",
            )
        setattr(tokenizer, attribute, _code(tokenizer, language))
    first = tokenizer.convert_tokens_to_ids(_token(tokenizer, tokenizer.tgt_lang))
    loaded.model.generation_config.forced_bos_token_id = first


_SIDES = {"src_lang": "source", "tgt_lang": "target"}


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
