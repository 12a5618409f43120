"""A registered model as an MLflow model folder: what Azure ML deploys without code.

Laid out and described as the models of its catalogue are (see `_mlmodel`), so that it also goes
into Azure ML's own finetuning and evaluation as `mlflow_model_path`.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fmtui.errors import BadInputError, ConflictError, UsageError
from fmtui.runs.process import sync_folder
from fmtui.services import family, launch, models
from fmtui.services._mlmodel import (
    FLAVORS,
    TASKS,
    Facts,
    conda,
    flavor_of,
    folders,
    mlmodel,
    python_env,
    requirements,
)
from fmtui.services.context import Context
from registry.database import storage_errors
from registry.folder import CONFIG, read_config
from registry.views import ModelInfo

__all__ = ["FLAVORS", "export_mlflow"]

Report = Callable[[int, int], None]

_ADAPTER = "adapter_config.json"
_MERGED = ".merged"
_WEIGHTS = (".safetensors", ".safetensors.index.json")
_GENERATION = "generation_config.json"
_OF_TOKENIZERS = (
    "added_tokens.json", "chat_template.jinja", "special_tokens_map.json", "vocab.json",
    "vocab.txt", "merges.txt",
)  # fmt: skip
_SENTENCEPIECE = (".spm", ".model", ".bpe")
_OURS = ("prefix", "max_seq_length", "doc_stride", "max_answer_length", "after_prompt",
         "version_2_with_negative", "null_score_diff_threshold")  # fmt: skip
"""What a configuration says of a task that no pipeline takes for a wish of how to generate."""


_WRITING = ("max_new_tokens", "num_beams", "do_sample")


def export_mlflow(
    ctx: Context,
    ref: str,
    folder: Path,
    *,
    flavor: str | None = None,
    link: bool = False,
    progress: Report | None = None,
) -> Path:
    """Write a registered model to a new folder in MLflow's form. All of it or nothing.

    Args:
        ref: A model that is registered here.
        folder: Where it goes; it must not exist.
        flavor: One of `FLAVORS`; left out it is the one whose answers are those of the task.
        link: Whether weights may be linked rather than copied: for what is only read, then
            deleted.
        progress: Called with the bytes done and those in all.

    Returns:
        The folder.

    Raises:
        NotFoundError: there is no such model.
        UsageError: there is no such flavour.
        BadInputError: its task has no MLflow form, its files are gone, or it needs code of its own.
        ConflictError: the folder exists.
        StorageError: it can't be written.
    """
    if flavor is not None and flavor not in FLAVORS:
        raise UsageError(f"no flavor `{flavor}`", hint=f"One of {', '.join(FLAVORS)}.")
    info = models.show(ctx, ref)
    launch.check_files(info)
    if info.task not in TASKS:
        raise BadInputError(
            f"{info.ref} is made for {info.task or 'no task'}: MLflow models answer one of "
            + ", ".join(TASKS),
            hint="Finetune it for one of them.",
        )
    source = Path(info.path)
    config = read_config(source / CONFIG, trust=True)
    if config.get("auto_map"):
        raise BadInputError(
            f"{info.ref} runs code of its own, which is not taken along",
            hint="Export a model that transformers knows.",
        )
    folder = folder.expanduser()
    if folder.exists():
        raise ConflictError(f"{folder} exists", hint="Choose another folder, or remove it.")
    files = [source / file.path for file in models.files(ctx, info.ref)]
    for file in files:
        if not file.is_file():
            raise BadInputError(
                "is missing",
                file=str(file),
                hint=f"`fmtui model verify {info.ref}` says what else is; import it again.",
            )
    chosen = flavor or flavor_of(info.task, config)
    temp = folder.with_name(f".{folder.name}.part")
    with storage_errors(folder.parent):
        shutil.rmtree(temp, ignore_errors=True)
        try:
            temp.mkdir(parents=True)
            if any(file.name == _ADAPTER for file in files):
                files, link = _merged(source, files, temp / _MERGED), True
            _put_files(temp, files, chosen, info.task, config, link, progress)
            _put_words(temp, _facts(ctx, info, files, config), chosen)
            shutil.rmtree(temp / _MERGED, ignore_errors=True)
            temp.rename(folder)
            sync_folder(folder.parent)
        finally:
            shutil.rmtree(temp, ignore_errors=True)
    return folder


def _merged(source: Path, files: Sequence[Path], folder: Path) -> list[Path]:
    """A model's files with its adapter in its weights: what loads MLflow models looks for an
    adapter's base elsewhere."""
    from fmtui.services.convert import convert

    folder.mkdir()
    convert("adapter", source, folder)
    weights = [f for f in folder.iterdir() if f.name.endswith(_WEIGHTS)]
    others = [f for f in files if not f.name.endswith(_WEIGHTS) and f.name != _ADAPTER]
    return [*others, *sorted(weights)]


def _put_files(
    target: Path,
    files: Sequence[Path],
    flavor: str,
    task: str,
    config: dict[str, Any],
    link: bool,
    progress: Report | None,
) -> None:
    places = {part: target / name for part, name in folders(flavor).items()}
    for place in places.values():
        place.mkdir(parents=True)
    total, done = sum(file.stat().st_size for file in files), 0
    for file in files:
        if file.name == "config.json":
            words = json.dumps(_plain(config, task), indent=2) + "\n"
            (places["model"] / file.name).write_text(words, encoding="utf-8")
            if "config" in places:
                (places["config"] / file.name).write_text(words, encoding="utf-8")
        elif file.name == "tokenizer_config.json":
            _put_tokenizer_config(file, places["tokenizer"])
        elif file.name == "README.md":
            shutil.copyfile(file, target / file.name)
        elif _of_tokenizer(file.name):
            shutil.copyfile(file, places["tokenizer"] / file.name)
        else:
            weights = file.name.endswith(_WEIGHTS)
            _copy(file, places["model"] / file.name, link=link and weights)
        done += file.stat().st_size
        if progress:
            progress(done, total)


def _copy(source: Path, target: Path, *, link: bool) -> None:
    if link:
        try:
            os.link(source.resolve(), target)
            return
        except OSError:  # another file system, or one without links
            pass
    shutil.copyfile(source, target)


def _of_tokenizer(name: str) -> bool:
    return name.startswith("tokenizer") or name in _OF_TOKENIZERS or name.endswith(_SENTENCEPIECE)


def _plain(config: dict[str, Any], task: str) -> dict[str, Any]:
    """A configuration with which pipelines write as the model did when it was measured.

    They take what it says of a task for wishes of how to generate, above generation_config.json,
    and know no prefix but one at the top.
    """
    known = config.get("task_specific_params")
    if not isinstance(known, dict) or not isinstance(own := known.get(task), dict):
        return config
    kept = {name: value for name, value in own.items() if name in _OURS}
    top = {"prefix": own["prefix"]} if own.get("prefix") else {}
    return {**config, **top, "task_specific_params": {**known, task: kept}}


def _put_tokenizer_config(source: Path, folder: Path) -> None:
    """The file in words that transformers 4 reads too."""
    words = json.loads(source.read_text(encoding="utf-8"))
    if words.get("tokenizer_class") == "TokenizersBackend":
        words["tokenizer_class"] = "PreTrainedTokenizerFast"
        # In transformers 4 such a tokenizer tells two texts apart unasked, in 5 it does not.
        words.setdefault("model_input_names", ["input_ids", "attention_mask"])
    if isinstance(words.get("extra_special_tokens"), list):
        words["additional_special_tokens"] = words.pop("extra_special_tokens")
    text = json.dumps(words, indent=2, ensure_ascii=False) + "\n"
    (folder / source.name).write_text(text, encoding="utf-8")


def _facts(ctx: Context, info: ModelInfo, files: Sequence[Path], config: dict[str, Any]) -> Facts:
    ancestors = family.lineage(ctx, info.ref).ancestors
    first = ancestors[-1] if ancestors else info
    named, _, name = first.origin.partition(":")
    hashes = "".join(sorted(file.sha256 for file in models.files(ctx, info.ref)))
    names = {file.name for file in files}
    return Facts(
        task=str(info.task),
        architecture=info.architecture or "",
        base=name.partition("@")[0] if named in ("hf", "azureml") else first.name,
        finetuned=info.run is not None,
        config=config,
        writes=_writes(files),
        sentencepiece="tokenizer.json" not in names,
        versions=launch.packages(),
        python=platform.python_version(),
        size_bytes=sum(file.stat().st_size for file in files),
        uuid=uuid.uuid5(uuid.NAMESPACE_OID, hashes).hex,
        created=f"{info.created[:19].replace('T', ' ')}.000000",
    )


def _writes(files: Sequence[Path]) -> dict[str, Any]:
    """How the model writes, from its generation_config.json: pipelines have wishes of their own."""
    found = next((file for file in files if file.name == _GENERATION), None)
    words = json.loads(found.read_text(encoding="utf-8")) if found else {}
    return {name: words[name] for name in _WRITING if words.get(name) is not None}


def _put_words(folder: Path, facts: Facts, flavor: str) -> None:
    import yaml

    def put(name: str, value: Any) -> None:
        text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10_000)
        (folder / name).write_text(text, encoding="utf-8")

    put("MLmodel", mlmodel(facts, flavor))
    put("conda.yaml", conda(facts, flavor))
    put("python_env.yaml", python_env(facts))
    (folder / "requirements.txt").write_text("\n".join(requirements(facts, flavor)) + "\n")
