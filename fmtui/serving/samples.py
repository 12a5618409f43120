"""Sample requests, so that a person who tries an endpoint need not know its shapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fmtui.serving.scripts import task_of
from registry.errors import BadInputError

_SAMPLES: dict[str, dict[str, Any]] = {
    "text-classification": {
        "input_data": ["I lost my card yesterday", "When will my transfer arrive?"],
        "params": {"return_all_scores": False},
    },
    "token-classification": {"input_data": {"input_string": ["Ada Lovelace lived in London"]}},
    "question-answering": {
        "input_data": {
            "question": ["Where did Ada live?"],
            "context": ["Ada Lovelace was a mathematician who lived in London."],
        }
    },
    "fill-mask": {"input_data": ["Lisbon is the [MASK] of Portugal."]},
    "feature-extraction": {"input_data": ["I lost my card", "My card is gone"]},
    "text2text-generation": {"input_data": ["The house is big."], "params": {}},
    "chat-completion": {
        "messages": [{"role": "user", "content": "What is the capital of Portugal?"}],
        "max_tokens": 60,
    },
    "text-generation": {
        "input_data": ["The capital of Portugal is"],
        "params": {"max_new_tokens": 30},
    },
}


def sample_body(folder: Path | None) -> str:
    """A request that the model in `folder` answers, as indented JSON."""
    body: dict[str, Any] = {"input_data": ["..."]}
    if folder is not None:
        try:
            task = task_of(folder)
        except BadInputError:
            task = ""
        body = _SAMPLES.get(task, body)
        if task == "fill-mask":
            body = {"input_data": [f"Lisbon is the {mask_token(folder)} of Portugal."]}
    return json.dumps(body, indent=1, ensure_ascii=False)


def sample_of(task: str | None, model: str = "") -> str:
    """A request for a task, for a model whose files are not here; as indented JSON."""
    body = _SAMPLES.get(_ALIASES.get(task or "", task or ""), {"input_data": ["..."]})
    if task == "fill-mask" and any(word in model.lower() for word in ("roberta", "bart")):
        body = {"input_data": ["Lisbon is the <mask> of Portugal."]}
    return json.dumps(body, indent=1, ensure_ascii=False)


_ALIASES = {
    "summarization": "text2text-generation",
    "translation": "text2text-generation",
    "text-summarization": "text2text-generation",
    "text-translation": "text2text-generation",
}


def mask_token(folder: Path) -> str:
    """The model's own word for the gap to fill: `[MASK]`, `<mask>`."""
    try:
        values = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        token = values["mask_token"]
    except (OSError, ValueError, KeyError, TypeError):
        return "[MASK]"
    return str(token["content"]) if isinstance(token, dict) else str(token)
