"""What a job on Azure ML made, brought into the run's folder."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
from pathlib import Path
from typing import Any

from fmtui.azure import batch, jobs
from fmtui.azure.connection import Connection
from fmtui.errors import FmtuiError, NotFoundError, RunFailedError
from fmtui.runs.folder import RunFolder
from fmtui.runs.journal import Journal
from fmtui.runs.process import write_json

MODEL_FILE = "azure_model.json"
"""In a run's output: the name, version and address of the model that it registered in Azure."""

_SPLITS = {"train": "train", "eval": "validation", "validation": "validation", "test": "test"}


def split_of(name: str) -> tuple[str, str]:
    """The split and the plain name of a metric: `eval_f1_macro` is f1_macro of validation."""
    head, _, rest = name.partition("_")
    if rest and head in _SPLITS:
        return _SPLITS[head], rest
    return ("train" if name in ("loss", "learning_rate", "grad_norm") else "test"), name


def bring(
    folder: RunFolder, connection: Connection, job: str, journal: Journal, *, last: bool = False
) -> None:
    """Register the model of a finetune job, or fetch the figures of an evaluation.

    Args:
        last: It is not tried again: an evaluation whose figures can't be had ends without them.

    Raises RemoteError; doing it again goes on where it failed. RunFailedError where the job made
    nothing, and never will.
    """
    spec = folder.spec()
    folder.output.mkdir(exist_ok=True)
    if spec["kind"] == "finetune":
        _register(folder, connection, job, spec, journal)
    elif spec["kind"] == "evaluate":
        _measure(folder, connection, job, journal, last)
    elif spec["kind"] == "import":
        _imported(folder, connection, job, journal)
    elif spec["kind"] == "batch":
        _answers(folder, connection, job, journal)


def _imported(folder: RunFolder, connection: Connection, job: str, journal: Journal) -> None:
    """Note the model that the component itself registered in the workspace."""
    temp = folder.path / ".registered.part"
    shutil.rmtree(temp, ignore_errors=True)
    try:
        found = jobs.download(connection, job, "registered", temp)
        for path in sorted(found.rglob("*.json")):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                said = json.loads(path.read_text(encoding="utf-8"))
                return _note(folder, connection, str(said["name"]), str(said["version"]), journal)
    finally:
        shutil.rmtree(temp, ignore_errors=True)
    raise RunFailedError(
        "the job has ended, but it does not say which model it registered", hint="See its log."
    )


def _register(
    folder: RunFolder, connection: Connection, job: str, spec: dict[str, Any], journal: Journal
) -> None:
    output: str | None = jobs.OUTPUT
    if spec["azure"].get("adopted"):  # whoever made the job has named what it makes
        output = jobs.model_output(connection, job)
    if output is None:
        journal.write("note", message="the job has no output that is a model of MLflow's form")
        return
    tags = {"fmtui.run": spec["run"], "task": spec["task"], "base_model": spec["model"]["ref"]}
    name, version = jobs.register(
        connection,
        job,
        spec["name"],
        output=output,
        tags={key: value for key, value in tags.items() if value},
        description=f"{spec['model']['ref']} finetuned on {spec['train']['ref']}",
    )
    _note(folder, connection, name, version, journal)


def _note(
    folder: RunFolder, connection: Connection, name: str, version: str, journal: Journal
) -> None:
    """Write down which model of the workspace a run has made."""
    settings, spec = connection.settings, folder.spec()
    values = {
        "name": name,
        "version": version,
        "uri": f"azureml://subscriptions/{settings.subscription}/resourcegroups/"
        f"{settings.resource_group}/workspaces/{settings.workspace}/models/{name}/versions/"
        f"{version}",
        "workspace": settings.workspace,
        "given": spec["azure"].get("given") or {},
    }
    write_json(folder.output / MODEL_FILE, values)
    journal.write("note", message=f"registered in {settings.workspace} as {name}:{version}")


def _answers(folder: RunFolder, connection: Connection, job: str, journal: Journal) -> None:
    """What a batch endpoint answered: its files, whole or not at all."""
    temp, place = folder.path / ".answers.part", folder.output / "answers"
    shutil.rmtree(temp, ignore_errors=True)
    try:
        jobs.download(connection, job, batch.OUTPUT, temp)
        files = [path for path in temp.rglob("*") if path.is_file()]
        if not files:
            raise RunFailedError("the job has ended, but it wrote no answers", hint="See its log.")
        shutil.rmtree(place, ignore_errors=True)
        temp.rename(place)
    finally:
        shutil.rmtree(temp, ignore_errors=True)
    journal.write("note", message=f"{len(files)} file(s) of answers in output/answers")


def _measure(
    folder: RunFolder, connection: Connection, job: str, journal: Journal, last: bool
) -> None:
    """The figures of `model_evaluation_pipeline`: metrics.json and what lies beside it."""
    temp = folder.path / ".evaluation.part"
    shutil.rmtree(temp, ignore_errors=True)
    try:
        found = jobs.download(connection, job, jobs.RESULT, temp)
        metrics = _figures(found)
        if metrics:
            journal.metrics(0, None, "test", metrics)
        write_json(folder.output / "report.json", {"split": "test", "metrics": metrics})
    except FmtuiError as error:
        if not last and not isinstance(error, NotFoundError):
            raise
        journal.write("warning", message=f"the evaluation's files could not be fetched: {error}")
    finally:
        shutil.rmtree(temp, ignore_errors=True)


def _figures(folder: Path) -> dict[str, float]:
    for path in sorted(folder.rglob("metrics.json")):
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(values, dict):
            return {
                str(key): float(value)
                for key, value in values.items()
                if isinstance(value, int | float)
                and not isinstance(value, bool)
                and math.isfinite(value)
            }
    return {}
