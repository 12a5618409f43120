"""LoRA: small matrices trained beside frozen weights, merged into them or kept as an adapter.

A folder with an adapter is a whole model: the base's weights under their usual name, and beside
them `adapter_model.safetensors` with `adapter_config.json`. transformers loads it as it is where
peft is installed. peft takes seconds to import, so only runs that need it do.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmtui.errors import BadInputError

if TYPE_CHECKING:
    import torch

CONFIG = "adapter_config.json"

_TASKS = {
    "text-classification": "SEQ_CLS",
    "token-classification": "TOKEN_CLS",
    "question-answering": "QUESTION_ANS",
    "summarization": "SEQ_2_SEQ_LM",
    "translation": "SEQ_2_SEQ_LM",
    "text-generation": "CAUSAL_LM",
}
_WITH_HEADS = frozenset({"SEQ_CLS", "TOKEN_CLS", "QUESTION_ANS"})


def is_adapter(path: Path) -> bool:
    """Whether a model's folder holds an adapter beside its weights."""
    return (path / CONFIG).is_file()


def base_options(settings: Mapping[str, Any]) -> dict[str, Any]:
    """How `from_pretrained` loads the weights that stay frozen: on a GPU in bf16 or in 4 bits."""
    if not settings["apply_lora"]:
        return {}
    import torch

    if not torch.cuda.is_available():
        return {}
    bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    dtype = torch.bfloat16 if bf16 else torch.float16
    if not settings["load_in_4bit"]:
        return {"dtype": dtype}
    from transformers import BitsAndBytesConfig

    quantized = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )
    device = {"": int(os.environ.get("LOCAL_RANK", 0))}
    return {"dtype": dtype, "quantization_config": quantized, "device_map": device}


def add(model: Any, task: str, settings: Mapping[str, Any], fresh: Sequence[str] = ()) -> Any:
    """A model with an adapter to train; its head, and what the base did not have, train in full.

    Args:
        fresh: Names of the parameters that the base did not have.

    Raises:
        BadInputError: `lora_target_modules` names what the model has not.
    """
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    kind = _TASKS[task]
    whole = _whole(model, kind, fresh)
    if getattr(model, "is_loaded_in_4bit", False):
        model = prepare_model_for_kbit_training(
            model, use_gradient_checkpointing=settings["gradient_checkpointing"]
        )
    names = [name.strip() for name in settings["lora_target_modules"].split(",")]
    names = [name for name in names if name]
    config = LoraConfig(
        task_type=kind,
        r=settings["lora_r"],
        lora_alpha=settings["lora_alpha"],
        lora_dropout=settings["lora_dropout"],
        target_modules="all-linear" if names in ([], ["all-linear"]) else names,
        exclude_modules=rf"({'|'.join(map(re.escape, whole))})(\..*)?" if whole else None,
        modules_to_save=whole or None,
    )
    try:
        adapted = get_peft_model(model, config)
    except ValueError as error:
        raise BadInputError(
            f"lora_target_modules={','.join(names)}: the model has no such layers",
            hint=f"It has {', '.join(_linear(model))}; or leave it empty for all of them.",
        ) from error
    for parameter in adapted.parameters():
        if parameter.requires_grad:  # what is trained is trained in fp32, whatever the base is in
            parameter.data = parameter.data.float()
    return adapted


def _whole(model: Any, kind: str, fresh: Sequence[str]) -> list[str]:
    """The modules that are trained in full."""
    found = {name.rpartition(".")[0] for name in fresh}
    if kind in _WITH_HEADS:
        prefix = model.base_model_prefix
        heads = {
            name
            for name, child in model.named_children()
            if name != prefix and any(True for _ in child.parameters())
        }
        found = {name for name in found if name.partition(".")[0] not in heads} | heads
    return sorted(name for name in found if name)


def _linear(model: Any) -> list[str]:
    """The last names of a model's linear layers."""
    names = {
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if "Linear" in type(module).__name__ or type(module).__name__ == "Conv1D"
    }
    return sorted(names)


def merged(model: Any) -> Any:
    """A model that transformers loaded with its adapter, as a plain one with the same answers."""
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.other import AuxiliaryTrainingWrapper

    for name, module in list(model.named_modules()):
        if isinstance(module, BaseTunerLayer):
            module.merge()
            plain = module.get_base_layer()
        elif isinstance(module, AuxiliaryTrainingWrapper):
            plain = module.modules_to_save[module.active_adapters[0]]
        else:
            continue
        above, _, own = name.rpartition(".")
        setattr(model.get_submodule(above), own, plain)
    model._hf_peft_config_loaded = False
    # transformers saves under the names that it loaded last, here those of the adapter's file.
    model.__dict__.pop("_weight_conversions", None)
    return model.requires_grad_(True)


def write_merged(model: Any, adapter: Path, folder: Path, base: Path) -> None:
    """Write a base with an adapter added to its weights, in the precision that the base had.

    Args:
        model: The base, in full precision.
        adapter: Where the adapter lies.
        folder: Where the model goes.
        base: Where the base lies.
    """
    from peft import PeftModel

    whole = PeftModel.from_pretrained(model, adapter).merge_and_unload()
    whole.to(_stored_in(base)).save_pretrained(folder)


def write_kept(model: Any, adapter: Path, folder: Path, base: Path, origin: str) -> None:
    """Write an adapter with its base beside it: linked, so that it takes no room.

    Args:
        model: The base, for its configuration.
        adapter: Where the adapter lies.
        folder: Where the model goes.
        base: Where the base lies.
        origin: What the base is called elsewhere.
    """
    folder.mkdir()
    if is_adapter(base):  # what it is based on is not what lies there as weights
        model.save_pretrained(folder)
    else:
        for file in (*base.glob("*.safetensors"), *base.glob("*.safetensors.index.json")):
            _link(file.resolve(), folder / file.name)
        model.config.architectures = [type(model).__name__]
        model.config.save_pretrained(folder)
        if model.can_generate():
            model.generation_config.save_pretrained(folder)
    config = json.loads((adapter / CONFIG).read_text())
    config["base_model_name_or_path"] = origin
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n")
    shutil.move(adapter / "adapter_model.safetensors", folder / "adapter_model.safetensors")


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)


def _stored_in(base: Path) -> torch.dtype:
    """The precision in which a model's weights lie on the disk."""
    import torch
    from safetensors import safe_open

    file = min(base.glob("*.safetensors"))
    with safe_open(file, framework="pt") as tensors:
        kinds = [tensors.get_slice(name).get_dtype() for name in sorted(tensors.keys())]
    if kinds.count("BF16") * 2 > len(kinds):
        return torch.bfloat16
    return torch.float16 if kinds.count("F16") * 2 > len(kinds) else torch.float32
