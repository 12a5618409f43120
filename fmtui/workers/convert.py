"""Weights of another format as safetensors: `python -m fmtui.workers.convert KIND SOURCE FOLDER`.

Runs without network and without the person's secrets. A pickle is scanned first, which reads its
instructions and follows none, and is then opened by a loader that knows tensors alone.
The last line on stdout is JSON: `{}`, or `{"error": E}` with a sentence.
"""

from __future__ import annotations

import json
import re
import sys
import traceback
import zipfile
from pathlib import Path
from typing import Any

_MOST_UNPACKED = 20
"""Times its own size: `torch.save` packs nothing."""


class Refused(Exception):  # noqa: N818
    """What the file holds is no model, or worse."""


def scan(source: Path) -> None:
    """Raises Refused when the pickle calls for anything but what weights need."""
    from picklescan.scanner import scan_file_path

    if zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > _MOST_UNPACKED * source.stat().st_size:
            raise Refused("it unpacks to many times its size, as no weights do")
    try:
        result = scan_file_path(str(source))
    except Exception as error:
        raise Refused("it is broken, or no file of pickled weights") from error
    if result.infected_files or result.issues_count:
        names = sorted(
            {f"{g.module}.{g.name}" for g in result.globals if "angerous" in str(g.safety)}
        )
        raise Refused(f"the pickle calls {', '.join(names) or 'what no weights need'}")
    if result.scan_err:
        raise Refused("the pickle could not be scanned to its end")


def convert_pickle(source: Path, folder: Path) -> None:
    """A dictionary of tensors becomes `model.safetensors`."""
    scan(source)
    import torch
    from safetensors.torch import save_file

    try:
        state = torch.load(source, map_location="cpu", weights_only=True)
    except Exception as error:
        asked = re.search(r"GLOBAL ([\w.]+)", str(error))
        what = f": it asks for {asked[1]}" if asked else ", or is broken"
        raise Refused(f"it holds more than tensors{what}") from error
    if not isinstance(state, dict) or not state:
        raise Refused("it is no dictionary of tensors")
    tensors: dict[str, Any] = {}
    seen: set[int] = set()
    for name, value in state.items():
        if not isinstance(value, torch.Tensor):
            raise Refused(f"`{name}` is no tensor")
        place = value.untyped_storage().data_ptr()
        tensors[str(name)] = value.clone() if place in seen else value.contiguous()
        seen.add(place)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def convert_gguf(source: Path, folder: Path) -> None:
    """A GGUF file becomes a folder as `save_pretrained` writes it, in bfloat16."""
    with source.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise Refused("it is no GGUF file")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        where: dict[str, Any] = {"gguf_file": source.name, "local_files_only": True}
        model = AutoModelForCausalLM.from_pretrained(
            source.parent, dtype=torch.bfloat16, **where, **_unpacked()
        )
        tokenizer = AutoTokenizer.from_pretrained(source.parent, **where)
    except Exception as error:
        line = str(error).strip().splitlines()
        raise Refused(f"transformers can't read it ({line[0][:200] if line else error})") from error
    model.save_pretrained(folder, max_shard_size="1000GB")
    tokenizer.save_pretrained(folder)


def merge_adapter(source: Path, folder: Path) -> None:
    """A folder with an adapter beside its base becomes one of plain weights."""
    from fmtui.workers.loading import load_model

    names = json.loads((source / "config.json").read_text(encoding="utf-8"))["architectures"]
    model, _ = load_model(source, names[0])
    model.save_pretrained(folder)


def _unpacked() -> dict[str, Any]:
    """What lets `from_pretrained` unpack the blocks of a GGUF file into plain numbers."""
    try:
        from transformers import GgufConfig
    except ImportError:  # where it does nothing else
        return {}
    return {"quantization_config": GgufConfig(dequantize=True)}


def main() -> int:
    kind, source, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    answer: dict[str, str] = {}
    try:
        work = {"pickle": convert_pickle, "gguf": convert_gguf, "adapter": merge_adapter}
        work[kind](source, folder)
    except Refused as error:
        answer["error"] = str(error)
    except Exception as error:
        traceback.print_exc()
        answer["error"] = f"{type(error).__name__}: {error}".splitlines()[0]
    print(json.dumps(answer))
    return 1 if answer else 0


if __name__ == "__main__":
    sys.exit(main())
