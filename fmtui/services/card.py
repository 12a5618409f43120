"""The card of a model that a run made, with the metadata that the hub reads.

`README.md`: what it was made of, on which rows (by their fingerprint), with which parameters, and
what it reached on rows that it was not trained on. The front matter is huggingface_hub's own, its
model-index included, so that `hf upload` shows all of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fmtui.runs.process import write_bytes
from fmtui.services.request import FinetuneRequest
from fmtui.services.text import one_line
from fmtui.tasks.settings import BY_NAME, written

NAME = "README.md"
_TAG = "fmtui"
_HELD_OUT = "validation"
_LABELS = 50
"""Labels that are listed; of more the first are."""


def write(spec: Mapping[str, Any], metrics: Mapping[str, float], folder: Path) -> None:
    """Write the card of the model in `folder`. Raises OSError."""
    write_bytes(folder / NAME, text(spec, metrics).encode())


def text(spec: Mapping[str, Any], metrics: Mapping[str, float]) -> str:
    """The card of the model that a finetune run made.

    Args:
        spec: The run's.
        metrics: What the model reached on held-out rows, by name.
    """
    from huggingface_hub import ModelCard

    data = _metadata(spec, metrics)
    parts = [f"---\n{data.to_yaml()}\n---", f"# {one_line(str(spec['name']))}", _opening(spec)]
    parts += ["## Data", _table(("", ""), _data(spec))]
    if labels := [one_line(str(label)) for label in spec.get("labels") or ()]:
        more = f" and {len(labels) - _LABELS} more" if len(labels) > _LABELS else ""
        listed = ", ".join(f"`{_cell(label)}`" for label in labels[:_LABELS])
        parts.append(f"{len(labels)} labels: {listed}{more}")
    if metrics:
        rows = [(name, f"{value:.4f}") for name, value in metrics.items()]
        parts += ["## Results", f"On {_rows_measured(spec)}.", _table(("metric", "value"), rows)]
    parts += ["## Parameters", _table(("parameter", "value"), _parameters(spec))]
    parts.append(f"To do it again:\n\n```\n{_command(spec)}\n```")
    versions = ((name, str(version)) for name, version in spec.get("packages", {}).items())
    parts += ["## Made with", _table(("package", "version"), list(versions))]
    return str(ModelCard("\n\n".join(parts) + "\n", ignore_metadata_errors=True))


def _metadata(spec: Mapping[str, Any], metrics: Mapping[str, float]) -> Any:
    from huggingface_hub import EvalResult, ModelCardData

    task = str(spec["task"])
    part = spec.get("validation") or spec["train"]
    name = _bare(str(part["ref"]))
    results = [
        EvalResult(
            task_type=task,
            dataset_type=name,
            dataset_name=one_line(str(part["ref"])),
            dataset_split=_HELD_OUT,
            dataset_revision=part.get("fingerprint"),
            metric_type=metric,
            metric_name=metric,
            metric_value=value,
        )
        for metric, value in metrics.items()
    ]
    settings = spec["settings"]
    adapter = settings.get("apply_lora") and not settings.get("merge_lora_weights", True)
    more: dict[str, Any] = {"base_model_relation": "adapter" if adapter else "finetune"}
    if results:
        more["model_name"] = one_line(str(spec["name"]))
    return ModelCardData(
        base_model=_hub_base(spec["model"]),
        datasets=[_bare(str(spec["train"]["ref"]))],
        eval_results=results or None,
        library_name="peft" if adapter else "transformers",
        license=spec["model"].get("license"),
        metrics=list(metrics) or None,
        pipeline_tag=task,
        tags=[_TAG, *(["lora"] if settings.get("apply_lora") else [])],
        **more,
    )


def base_name(model: Mapping[str, Any]) -> str:
    """What the base is called where others look for it: its name on the hub, else its own."""
    source, _, name = str(model.get("origin") or "").partition(":")
    return one_line(name.partition("@")[0] if source == "hf" else str(model["ref"]))


def _hub_base(model: Mapping[str, Any]) -> str:
    """The same in the letters that the hub allows: it takes no card that names another base."""
    return "/".join(map(_bare, base_name(model).split("/")))


def _bare(ref: str) -> str:
    """A name without version and split, in the letters that the hub allows."""
    name = ref.partition("@")[0].partition(":")[0]
    return re.sub(r"[^\w.]+|\.\.+", "-", name, flags=re.ASCII).strip("-.") or "data"


def _opening(spec: Mapping[str, Any]) -> str:
    model = spec["model"]
    revision = f" at revision `{model['revision']}`" if model.get("revision") else ""
    return (
        f"`{_cell(base_name(model))}`{revision}, finetuned for {spec['task']} by fmtui, "
        f"run {spec['run']} of {str(spec['created'])[:10]}."
    )


def _data(spec: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = []
    for role in ("train", "validation"):
        if part := spec.get(role):
            columns = ", ".join(f"{k} = {v}" for k, v in part["columns"].items())
            found += [
                (role, f"`{_cell(part['ref'])}`"),
                ("columns", _cell(columns)),
                ("fingerprint", f"`{part['fingerprint']}`"),
            ]
    if not spec.get("validation"):
        found.append(("validation", _rows_measured(spec)))
    return found


def _rows_measured(spec: Mapping[str, Any]) -> str:
    if part := spec.get("validation"):
        return f"the rows of `{_cell(part['ref'])}`"
    settings = spec["settings"]
    share = float(settings.get("validation_fraction", 0.0))
    return f"{share:.0%} of the training data, split off with seed {settings.get('seed')}"


def _parameters(spec: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Those that are not at their default, and the rate, epochs and batch, which make the model."""
    always = ("learning_rate", "num_train_epochs", "per_device_train_batch_size", "seed")
    return [
        (name, _cell(written(value)))
        for name, value in spec["settings"].items()
        if name in always or (name in BY_NAME and value != BY_NAME[name].default)
    ]


def _command(spec: Mapping[str, Any]) -> str:
    validation = spec.get("validation")
    line = FinetuneRequest(
        str(spec["model"]["ref"]),
        str(spec["task"]),
        str(spec["train"]["ref"]),
        str(validation["ref"]) if validation else None,
        columns={str(k): str(v) for k, v in spec["train"]["columns"].items()},
        settings={
            name: written(value)
            for name, value in spec["settings"].items()
            if name in BY_NAME and value != BY_NAME[name].default
        },
    )
    return one_line(line.command())


def _table(head: Sequence[str], rows: Sequence[tuple[str, str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _cell(value: object) -> str:
    """A value that breaks no table and ends no code."""
    return one_line(str(value)).replace("|", "\\|").replace("`", "'")
