"""Weights, read without torch: which files hold them, and what their headers say.

The format of safetensors: eight bytes with the header's length (little endian), the header as
JSON, then the tensors' bytes without gaps (https://github.com/huggingface/safetensors#format).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.errors import BadInputError
from registry.untrusted import parse_json

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLED = "pytorch_model.bin"
PICKLED_INDEX = "pytorch_model.bin.index.json"

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib")
_OTHERS = (".gguf", ".h5", ".msgpack", ".onnx", ".tflite", ".ot", ".npz")
_LARGEST_HEADER = 100_000_000
_LARGEST = 1 << 63
_MOST_DIMENSIONS = 64
BITS = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("BOOL", "I8", "U8", "F8_E5M2", "F8_E4M3", "F8_E8M0"), 8),
    **dict.fromkeys(("F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    "F4": 4,
}
_HINT = "Save it with safetensors: model.save_pretrained(folder) of transformers does."


@dataclass(frozen=True, slots=True)
class Tensors:
    """What a safetensors file holds. `parameters` counts the numbers of its floating tensors."""

    names: tuple[str, ...]
    parameters: int


def pickles(names: Collection[str]) -> list[str]:
    """Of these names the pickles."""
    return sorted(n for n in names if n.lower().endswith(PICKLES) and n != "training_args.bin")


def choose(names: Collection[str], where: str, *, pickle: bool = False) -> str:
    """The file that holds or lists the weights, as transformers would choose it.

    Args:
        names: The files at the top of a model's folder.
        where: The folder or repository, for the error.
        pickle: Whether pickled weights are taken too.

    Raises:
        BadInputError: the weights are pickled, of another format, an adapter's alone, or missing.
    """
    for name in (SINGLE, INDEX):
        if name in names:
            return name
    if "adapter_config.json" in names:
        raise BadInputError(
            "holds an adapter, not a whole model",
            file=where,
            hint="Merge the adapter into its base model and save that.",
        )
    if found := pickles(names):
        known = next((name for name in (PICKLED, PICKLED_INDEX) if name in names), None)
        if pickle and known:
            return known
        raise BadInputError(
            f"the weights are pickled ({found[0]}), and a pickle can run code when it is opened; "
            "only safetensors are taken",
            file=where,
            hint="--convert-pickle scans it, and converts it in a process without network."
            if known
            else _HINT,
        )
    others = sorted(n for n in names if n.lower().endswith((*_OTHERS, ".safetensors")))
    if others:
        raise BadInputError(
            f"holds no {SINGLE}, only {others[0]}, which is not loaded here",
            file=where,
            hint=_HINT,
        )
    raise BadInputError(f"holds no weights (no {SINGLE})", file=where, hint=_HINT)


def is_pickled(main: str) -> bool:
    """Whether what `choose` found holds or lists pickles."""
    return main in (PICKLED, PICKLED_INDEX)


def shards(index: Path, *, ending: str = ".safetensors") -> list[str]:
    """The files that an index names, each with this `ending`.

    Raises BadInputError when it is broken, or leads elsewhere.
    """
    try:
        found = parse_json(index.read_text(encoding="utf-8"))["weight_map"].values()
        names = sorted({str(name) for name in found})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInputError("is no index of weights", file=str(index)) from error
    for name in names:
        if "/" in name or "\\" in name or not name.endswith(ending):
            raise BadInputError(f"names `{name}`, which is no file beside it", file=str(index))
    if not names:
        raise BadInputError("names no file", file=str(index))
    return names


def read(path: Path) -> Tensors:
    """Read a file's header and hold it against the file's size.

    Raises:
        BadInputError: the file is truncated, no safetensors, or a pickle under another name.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            if start[:2] == b"PK" or start[:1] == b"\x80":
                raise BadInputError(
                    "is a pickle, whatever its name says", file=str(path), hint=_HINT
                )
            (length,) = struct.unpack("<Q", start) if len(start) == 8 else (0,)
            if not 2 <= length <= min(_LARGEST_HEADER, size - 8):
                raise _broken(path, "is no safetensors file, or only the start of one")
            header = parse_json(file.read(length))
    except OSError as error:
        raise BadInputError(f"can't be read: {error.strerror}", file=str(path)) from error
    except ValueError as error:
        raise _broken(path, "is no safetensors file: its header is broken") from error
    if not isinstance(header, dict):
        raise _broken(path, "is no safetensors file: its header is broken")
    header.pop("__metadata__", None)
    if not header:
        raise _broken(path, "holds no tensors")
    return _check(path, header, size - 8 - length)


def _check(path: Path, header: dict[str, Any], data: int) -> Tensors:
    """Tensors lie side by side from the first byte to the last, each as long as its shape says."""
    spans: list[tuple[int, int]] = []
    parameters = 0
    for name, tensor in header.items():
        try:
            dtype, shape = tensor["dtype"], list(tensor["shape"])
            begin, end = tensor["data_offsets"]
        except (KeyError, TypeError, ValueError) as error:
            raise _broken(path, f"describes the tensor `{name}` wrongly") from error
        whole = all(type(n) is int and 0 <= n < _LARGEST for n in (*shape, begin, end))
        if not isinstance(dtype, str) or not whole or len(shape) > _MOST_DIMENSIONS:
            raise _broken(path, f"describes the tensor `{name}` wrongly")
        numbers = math.prod(shape)
        bits = BITS.get(dtype)
        if bits and numbers * bits != (end - begin) * 8:
            raise _broken(path, f"describes the tensor `{name}` wrongly")
        if bits and dtype.startswith(("F", "BF")):
            parameters += numbers
        spans.append((begin, end))
    place = 0
    for begin, end in sorted(spans):
        if begin != place or end < begin:
            raise _broken(path, "has gaps between its tensors")
        place = end
    if place != data:
        what = "is truncated" if place > data else "is longer than its tensors"
        raise _broken(path, f"{what}: {data} bytes of tensors, {place} expected")
    return Tensors(tuple(header), parameters)


def _broken(path: Path, what: str) -> BadInputError:
    return BadInputError(what, file=str(path), hint="Fetch or save the file again.")
