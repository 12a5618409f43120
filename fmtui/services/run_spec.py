"""A run's spec as a request to do it again, and as a file that a person reads and edits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from fmtui.azure.options import SERVERLESS, AzureOptions
from fmtui.errors import BadInputError, ConflictError, FmtuiError, StorageError
from fmtui.paths import expanded
from fmtui.runs.process import write_bytes
from fmtui.services import launch, runs, settings
from fmtui.services.context import Context
from fmtui.services.request import FinetuneRequest
from fmtui.services.spec_file import WHERE_NAMES
from fmtui.services.where import Where
from fmtui.tasks.settings import BY_NAME, LOCAL, written
from registry.references import unknown

_HEADER = "# fmtui finetune -f THIS_FILE\n"
_ALWAYS = ("learning_rate", "num_train_epochs")
"""Settings whose default depends on more than a file tells."""


def request_values(spec: Any, file: str) -> dict[str, Any]:
    """The fields of a FinetuneRequest that does a run again, from its spec.

    Raises BadInputError for what is no finetuning's spec, or names a setting that there is not.
    """
    try:
        if spec["kind"] != "finetune":
            raise BadInputError(f"is the spec of a run that is no finetuning: {spec['kind']}",
                                file=file)  # fmt: skip
        train, validation = spec["train"], spec.get("validation")
        values: dict[str, Any] = {
            "model": str(spec["model"]["ref"]),
            "task": str(spec["task"]),
            "train": str(train["ref"]),
            "name": str(spec["name"]),
            "columns": {str(k): str(v) for k, v in train["columns"].items()},
            "settings": {str(k): written(v) for k, v in spec["settings"].items()},
            "drop_invalid": bool(spec.get("drop_invalid")),
            "report_to": tuple(map(str, spec.get("report_to") or ())),
            "where": _where(spec),
        }
        if validation:
            values["validation"] = str(validation["ref"])
        values["fingerprints"] = {
            role: str(part["fingerprint"])
            for role, part in (("train", train), ("validation", validation or {}))
            if part.get("fingerprint")
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise BadInputError(f"is no run's spec: {error!r}", file=file) from error
    for name in values["settings"]:
        if name not in BY_NAME:
            raise BadInputError(
                f"no setting `{name}`", file=file, hint=unknown("setting", name, list(BY_NAME)).hint
            )
    return values


def _where(spec: Mapping[str, Any]) -> Where:
    layout = dict(spec.get("layout") or {})
    slurm = dict(spec.get("slurm") or {})
    more = {str(k): str(v) for k, v in (slurm.pop("more", None) or {}).items()}
    known = {f.name for f in fields(Where)}
    taken = {k: v for k, v in {**slurm, **layout}.items() if k in known}
    azure = AzureOptions.of(spec)
    options: dict[str, Any] = {"experiment": azure.experiment, "azure_tags": dict(azure.tags)}
    if azure.compute not in (None, SERVERLESS):
        options["compute"] = azure.compute
    elif azure.instance_type is not None:
        options["instance_type"] = azure.instance_type
    return Where(backend=str(spec.get("backend", LOCAL)), slurm=more, **taken, **options)


def as_yaml(request: FinetuneRequest, sweep: Mapping[str, list[str]] | None = None) -> str:
    """A request as a spec file. Only what was asked for is in it."""
    import yaml

    where = {
        WHERE_NAMES.get(f.name, f.name): value
        for f in fields(Where)
        if (value := getattr(request.where, f.name)) != getattr(Where(), f.name)
    }
    values: dict[str, Any] = {
        "model": request.model,
        "task": request.task,
        "train": request.train,
        "validation": request.validation,
        "name": request.name,
        "columns": request.columns,
        "preset": request.preset,
        "settings": {name: _typed(name, text) for name, text in request.settings.items()},
        "where": where,
        "sweep": {name: [_typed(name, t) for t in texts] for name, texts in (sweep or {}).items()},
        "drop_invalid": request.drop_invalid,
        "priority": request.priority,
        "report_to": list(request.report_to),
        "tags": list(request.tags),
        "fingerprints": request.fingerprints,
    }
    kept = {key: value for key, value in values.items() if value}
    text: str = yaml.safe_dump(kept, sort_keys=False, allow_unicode=True, width=100)
    return _HEADER + text


def _typed(name: str, text: str) -> Any:
    """A value as YAML writes its kind; what can't be parsed stays as it was typed."""
    try:
        return BY_NAME[name].parse(text)
    except (KeyError, FmtuiError):
        return text


def save(request: FinetuneRequest, path: Path, sweep: Mapping[str, list[str]]) -> None:
    """Write a request to a new file.

    Raises:
        ConflictError: the file exists: it may hold more than we know.
        StorageError: it can't be written.
    """
    if path.exists():
        raise ConflictError(f"{path} exists", hint="Choose another name, or remove it.")
    try:
        write_bytes(path, as_yaml(_placed(request, path), sweep).encode())
    except OSError as error:
        raise StorageError(f"{path} can't be written: {error.strerror}") from error


def _placed(request: FinetuneRequest, path: Path) -> FinetuneRequest:
    """The request with files of data as the spec will find them: beside it, or by whole path."""
    from dataclasses import replace

    def seen(value: str | None) -> str | None:
        if value is None or not expanded(value).is_file():
            return value
        whole = expanded(value).absolute()
        folder = path.absolute().parent
        return str(whole.relative_to(folder) if whole.is_relative_to(folder) else whole)

    return replace(request, train=seen(request.train) or "", validation=seen(request.validation))


def of_run(ctx: Context, ref: str) -> str:
    """A run's spec as a file to edit and run again: what is not as it would be by default.

    Raises:
        NotFoundError: there is no such run.
        BadInputError: it is no finetuning, or its spec can't be read.
    """
    spec = runs.spec(ctx, ref)
    values = request_values(spec, f"{ref}/spec.json")
    try:
        model = launch.registered_model(ctx, values["model"])
    except FmtuiError:  # removed since
        model = None
    usual = settings.chosen_for(ctx, model, values["task"], {}, backend=values["where"].backend)
    values["settings"] = {
        name: text
        for name, text in values["settings"].items()
        if name in _ALWAYS
        or name not in usual
        or not written(usual[name].value) == text == written(BY_NAME[name].default)
    }
    return as_yaml(FinetuneRequest(**values))
