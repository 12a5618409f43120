"""What a model's folder holds: which files belong to the model, and what they say about it."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry import weights
from registry.errors import BadInputError
from registry.untrusted import parse_json, parse_yaml

ADAPTER = ("adapter_config.json", "adapter_model.safetensors")
"""An adapter that lies beside the weights of its base: transformers loads both."""

CONFIG = "config.json"
CARD = "README.md"
TOKENIZER = "tokenizer_config.json"

_TAKEN = (
    CONFIG,
    CARD,
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    "preprocessor_config.json",
    "processor_config.json",
    "vocab.json",
    "vocab.txt",
    "vocab.bpe",
    "vocab-src.json",
    "vocab-tgt.json",
    "merges.txt",
    "bpe.codes",
    "dict.txt",
    "*.spm",
    "spiece.model",
    "sentencepiece.bpe.model",
    "sentencepiece.model",
    "spm.model",
    "LICENSE*",
    "LICENCE*",
    "NOTICE*",
)
_TASKS = (
    ("ForSequenceClassification", "text-classification"),
    ("ForTokenClassification", "token-classification"),
    ("ForQuestionAnswering", "question-answering"),
    ("ForMaskedLM", "fill-mask"),
    ("ForMultipleChoice", "multiple-choice"),
    ("ForCausalLM", "text-generation"),
    ("LMHeadModel", "text-generation"),
    ("ForImageClassification", "image-classification"),
    ("ForSpeechSeq2Seq", "automatic-speech-recognition"),
    ("ForCTC", "automatic-speech-recognition"),
    ("ForObjectDetection", "object-detection"),
)
_SEQ2SEQ_TASKS = {"marian": "translation", "m2m_100": "translation", "pegasus": "summarization"}
_SEQ2SEQ = ("summarization", "translation", "text2text-generation", "automatic-speech-recognition")


_LONGEST_CARD = 200_000
_LONGEST_FRONT = 2_000_000
"""Characters; those of embedding models list hundreds of results."""
_LABEL_ID = re.compile(r"[0-9]{1,9}")
_FRONT = re.compile(r"\A\s*---\n.*?\n---[^\S\n]*(\n|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Description:
    """A model as its own files describe it.

    `files` are the names that belong to it, all at the top of the folder. `parameters` is None
    where quantization hides how many there are. `labels` are a classifier's, in their order.
    """

    files: tuple[str, ...]
    model_type: str
    architecture: str | None
    task: str | None
    labels: tuple[str, ...]
    parameters: int | None
    license: str | None


def names_in(folder: Path) -> list[str]:
    """The files at the top of a folder. Raises BadInputError when it can't be read."""
    try:
        return [path.name for path in folder.iterdir() if path.is_file()]
    except OSError as error:
        raise BadInputError(f"can't be read: {error.strerror}", file=str(folder)) from error


def beside_weights(names: Collection[str]) -> list[str]:
    """Of the names at the top of a folder those that belong to a model, the weights left out.

    A name that a terminal would obey, or that is no text, is none of them.
    """
    return sorted(
        n for n in names if n.isprintable() and any(fnmatch.fnmatchcase(n, p) for p in _TAKEN)
    )


def read_config(path: Path, where: str | None = None, *, trust: bool = False) -> dict[str, Any]:
    """A model's configuration, fit to be loaded without code of its own.

    Args:
        path: The file.
        where: Its name for the person, when that is another.
        trust: Whether code of its own is allowed.

    Raises:
        BadInputError: it is missing or broken, names no model type, or wants remote code.
    """
    where = where or str(path)
    try:
        config = parse_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadInputError(
            "no config.json, so this is no model's folder",
            file=where,
            hint="Give the folder that save_pretrained wrote, with config.json, "
            "model.safetensors and the tokenizer's files.",
        ) from error
    except OSError as error:
        raise BadInputError(f"can't be read: {error.strerror}", file=where) from error
    except ValueError as error:
        raise BadInputError(f"is no JSON: {error}", file=where) from error
    if not isinstance(config, dict):
        raise BadInputError("is no model's configuration", file=where)
    if config.get("auto_map") and not trust:
        raise BadInputError(
            "the model wants to run code of its own (auto_map), which is not run here",
            file=where,
            hint="Choose a model whose code is part of transformers, or read its code and "
            "import it from the hub with --trust-remote-code.",
        )
    _own_code(config, where)
    model_type = config.get("model_type")
    if not isinstance(model_type, str) or not model_type:
        raise BadInputError(
            "names no model_type, so nothing can tell how to load the model",
            file=where,
            hint='Add the "model_type" that transformers knows it by, such as "bert".',
        )
    return config


def tokenizer_code(path: Path, where: str, *, trust: bool) -> bool:
    """Whether a tokenizer wants to run code of its own.

    Raises BadInputError when it does without `trust`, or when its configuration is broken.
    """
    try:
        config = parse_json(path.read_text(encoding="utf-8"))
        wants = bool(config.get("auto_map"))
    except (OSError, AttributeError):
        return False
    except ValueError as error:
        raise BadInputError(f"is no JSON: {error}", file=f"{where}/{TOKENIZER}") from error
    if wants and not trust:
        raise BadInputError(
            "the tokenizer wants to run code of its own (auto_map), which is not run here",
            file=f"{where}/{TOKENIZER}",
            hint="Read its code, then import it from the hub with --trust-remote-code.",
        )
    _own_code(config, where)
    return wants


def _own_code(config: dict[str, Any], where: str) -> None:
    """Refuse code of another repository (`ORG/NAME--file.Class`): no revision pins it."""
    if "--" in json.dumps(config.get("auto_map")) or _names_kernel(config):
        raise BadInputError(
            "the model wants to run code of another repository, which can't be pinned", file=where
        )


def _names_kernel(config: dict[str, Any]) -> bool:
    """Whether a configuration, or one within it, has its attention computed by a repository
    (`ORG/NAME`), from which transformers would load a kernel."""
    parts: list[Any] = [config]
    while parts:
        part = parts.pop()
        for key, value in part.items() if isinstance(part, dict) else ():
            if isinstance(value, str) and key.strip("_").endswith("_implementation"):
                if "/" in value:
                    return True
            elif isinstance(value, dict):
                if "attn_implementation" in key and "/" in "".join(map(str, value.values())):
                    return True
                parts.append(value)
    return False


def describe(folder: Path, *, trust: bool = False) -> Description:
    """Read a folder's configuration, weights' headers and card; nothing is loaded or run.

    Args:
        folder: The model's.
        trust: Whether code of its own is allowed.

    Raises:
        BadInputError: the folder holds no model that can be used here; the error names the file.
    """
    names = names_in(folder)
    where = str(folder) if CONFIG not in names else None
    config = read_config(folder / CONFIG, where, trust=trust)
    tokenizer_code(folder / TOKENIZER, str(folder), trust=trust)
    main = weights.choose(names, str(folder))
    held = [main] if main == weights.SINGLE else weights.shards(folder / main)
    parameters = 0
    for name in held:
        if name not in names:
            raise BadInputError(f"{main} names {name}, which is missing", file=str(folder))
        parameters += weights.read(folder / name).parameters
    beside = beside_weights(names)
    if all(name in names for name in ADAPTER):
        weights.read(folder / ADAPTER[1])
        beside += ADAPTER
    card = read_card(folder / CARD)
    made_for = architecture(config)
    return Description(
        files=tuple(sorted({*beside, main, *held})),
        model_type=config["model_type"],
        architecture=made_for,
        task=guess_task(made_for, config["model_type"], card.get("pipeline_tag")),
        labels=_labels(config, made_for),
        parameters=None if config.get("quantization_config") else parameters,
        license=card_license(card),
    )


def guess_task(architecture: str | None, model_type: str, tag: Any = None) -> str | None:
    """The task that an architecture was made for.

    `tag` is the card's `pipeline_tag`: it decides where the architecture leaves it open.
    """
    if not architecture:
        return None
    for ending, task in _TASKS:
        if architecture.endswith(ending):
            return task
    if architecture.endswith(("ForConditionalGeneration", "MTModel")):
        if tag in _SEQ2SEQ:
            return str(tag)
        return _SEQ2SEQ_TASKS.get(model_type, "text2text-generation")
    return "feature-extraction" if architecture.endswith("Model") else None


def card_text(path: Path) -> str:
    """What a model card says to people, its front matter left out; "" where there is none."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            text = file.read(_LONGEST_CARD)
    except OSError:
        return ""
    return _FRONT.sub("", text, count=1).strip()


def read_card(path: Path) -> dict[str, Any]:
    """The front matter of a model card, {} where there is none that can be read."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            text = file.read(_LONGEST_FRONT)
    except OSError:
        return {}
    if not text.startswith("---"):
        return {}
    head = text[3:].split("\n---", 1)[0]
    try:
        card = parse_yaml(head)
    except ValueError:
        return {}
    return card if isinstance(card, dict) else {}


def card_license(card: dict[str, Any]) -> str | None:
    """The licence that a card states, in the hub's lower-case words."""
    stated = card.get("license")
    if isinstance(stated, list):
        stated = stated[0] if stated else None
    # Of anything but a word nothing is made: lists that hold each other are a text without end.
    if not isinstance(stated, str):
        return None
    return stated.encode(errors="replace").decode().strip().lower() or None


def architecture(config: dict[str, Any]) -> str | None:
    """The class that a configuration names first."""
    named = config.get("architectures")
    if isinstance(named, list) and named and isinstance(named[0], str):
        return named[0]
    return None


def _labels(config: dict[str, Any], architecture: str | None) -> tuple[str, ...]:
    if not (architecture or "").endswith(("ForSequenceClassification", "ForTokenClassification")):
        return ()
    labels = config.get("id2label")
    if not isinstance(labels, dict) or not all(_LABEL_ID.fullmatch(key) for key in labels):
        return ()
    return tuple(str(labels[key]) for key in sorted(labels, key=int))
