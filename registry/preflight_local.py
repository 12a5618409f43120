"""What an import of something on this machine would bring."""

from __future__ import annotations

from pathlib import Path

from registry import architectures, pickled, weights
from registry import folder as model_folder
from registry.errors import BadInputError
from registry.importer import GGUF_GROWS
from registry.permissions import Permissions
from registry.preflight_views import Check, Preflight, disk_check
from registry.room import free_bytes


def of_folder(path: Path, models: Path, permissions: Permissions) -> Preflight:
    """What an import of a folder would bring, or why it would be refused."""
    checks: list[Check] = []
    found = None
    try:
        if permissions.convert_pickle:
            found = _pickled(path)
        if found:
            what = "pickled, scanned and converted in a process without network"
            checks.append(Check("warning", "weights", what))
        else:
            found = model_folder.describe(path)
    except BadInputError as error:
        checks.append(Check("no", "model", str(error)))
    free = free_bytes(models)
    size = sum((path / n).stat().st_size for n in found.files) if found else 0
    if found:
        checks.append(Check("ok", "model", found.architecture or found.model_type))
        known = architectures.is_known(found.model_type)
        if known is False:
            text = f"{architectures.library()} has no `{found.model_type}`"
            checks.append(Check("no", "architecture", text))
        checks.append(disk_check(free, size))
    return _local(path, size, free, checks, found)


def _pickled(path: Path) -> model_folder.Description | None:
    """What a folder tells of a model whose weights are pickled; None where they are not."""
    names = model_folder.names_in(path)
    main = weights.choose(names, str(path), pickle=True)
    if model_folder.CONFIG not in names or not weights.is_pickled(main):
        return None
    config = model_folder.read_config(path / model_folder.CONFIG)
    card = model_folder.read_card(path / model_folder.CARD)
    kind, made_for = config["model_type"], model_folder.architecture(config)
    return model_folder.Description(
        files=(
            *model_folder.beside_weights(names),
            *pickled.files_of(main, path / main, names, str(path)),
        ),
        model_type=kind,
        architecture=made_for,
        task=model_folder.guess_task(made_for, kind, card.get("pipeline_tag")),
        labels=(),
        parameters=None,
        license=model_folder.card_license(card),
    )


def of_gguf(path: Path, models: Path) -> Preflight:
    """Its start alone is looked at: what it holds tells the conversion."""
    size, free = path.stat().st_size, free_bytes(models)
    try:
        with path.open("rb") as file:
            known = file.read(4) == b"GGUF"
    except OSError as error:
        raise BadInputError(f"can't be read: {error.strerror}", file=str(path)) from error
    text = "a GGUF file, to be converted to safetensors" if known else "it is no GGUF file"
    checks = [Check("ok" if known else "no", "model", text)]
    checks.append(disk_check(free, GGUF_GROWS * size))
    return _local(path, size, free, checks, None)


def _local(
    path: Path,
    size: int,
    free: int,
    checks: list[Check],
    found: model_folder.Description | None,
) -> Preflight:
    return Preflight(
        source=str(path),
        repo=None,
        commit=None,
        license=found.license if found else None,
        gated=False,
        files=len(found.files) if found else int(path.is_file()),
        size_bytes=size,
        to_fetch=0,
        parameters=found.parameters if found else None,
        dtypes={},
        model_type=found.model_type if found else None,
        architecture=found.architecture if found else None,
        task=found.task if found else None,
        pickles=(),
        code=(),
        free_bytes=free,
        checks=tuple(checks),
    )
