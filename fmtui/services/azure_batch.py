"""Jobs of batch endpoints in Azure: a file handed over, the job followed as a run."""

from __future__ import annotations

import shlex
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fmtui.azure.options import AzureOptions
from fmtui.data.write import encoded
from fmtui.errors import BadInputError, ConflictError, FmtuiError, UsageError
from fmtui.runs.folder import RunFolder
from fmtui.services import data as data_service
from fmtui.services import launch, runs
from fmtui.services._azure_access import look_up
from fmtui.services._azure_endpoints import connection_of, is_batch, owns, record_of
from fmtui.services.context import Context
from registry.database import now
from registry.references import unknown
from registry.runs import NewRun
from registry.views import RunInfo

if TYPE_CHECKING:
    from fmtui.azure.endpoints import Deployed
    from fmtui.data.table import Table

_ROWS = "data/rows.csv"


@dataclass(frozen=True)
class Job:
    """A job that can be started: the deployment that will answer, and what it costs, in words."""

    endpoint: str
    deployment: Deployed
    cost: str


def plan(ctx: Context, name: str) -> Job:
    """Look at `ENDPOINT[/DEPLOYMENT]`; nothing is begun.

    Raises NotFoundError, ConflictError for what is no batch endpoint or has nothing deployed.
    """
    from fmtui.azure import compute

    endpoint, _, wanted = name.partition("/")
    if not owns(ctx, endpoint) or not is_batch(ctx, endpoint):
        raise ConflictError(
            f"{endpoint} is no batch endpoint in Azure ML",
            hint="Make one by `fmtui endpoint create NAME --target azureml --kind batch`, or score "
            "with a model that is here: `fmtui batch score`.",
        )
    known = {d.name: d for d in look_up(ctx, endpoint).deployments}
    default = next((d.name for d in known.values() if d.traffic), "")
    if not known:
        raise ConflictError(
            f"nothing is deployed on {endpoint}",
            hint=f"fmtui endpoint deploy {endpoint} --model MODEL --compute CLUSTER",
        )
    if not (wanted or default):
        raise UsageError(
            f"{endpoint} has no default deployment",
            hint=f"Name one: {endpoint}/{next(iter(known))}.",
        )
    if (wanted or default) not in known:
        raise unknown("deployment", wanted or default, list(known))
    chosen = known[wanted or default]
    connection = connection_of(ctx, endpoint)
    place = compute.place_of(connection, chosen.instance_type, None, {}, chosen.model)
    words = f"{place.cost(chosen.instance_count)} on {chosen.instance_type} while the job runs"
    return Job(endpoint, chosen, words)


def look(ctx: Context, name: str, data: str, columns: Mapping[str, str] | None = None) -> str:
    """What a job would take, in words: its cost, and the rows and columns that go to it.

    Raises what `start` would, for what can be known before; nothing is begun.
    """
    job = plan(ctx, name)
    if data.startswith("azureml:"):
        _check_asset(columns)
        return f"{job.cost}; {data} goes as it is"
    table = data_service.resolve(ctx, data).table()
    chosen = _chosen(table, columns or {})
    sent = ", ".join(c if n == c else f"{c} as {n}" for n, c in chosen.items())
    return f"{job.cost}; {len(table.rows):,} rows with {sent}"


def command(
    name: str,
    data: str,
    *,
    columns: Mapping[str, str] | None = None,
    experiment: str | None = None,
) -> str:
    """The line that does what `start` would, and asks nothing."""
    words = ["fmtui", "batch", "invoke", name, "--data", data]
    if columns:
        words += ["--columns", ",".join(f"{key}={value}" for key, value in columns.items())]
    words += ["--experiment", experiment] if experiment else []
    return shlex.join([*words, "--yes"])


def jobs(ctx: Context, endpoint: str) -> list[RunInfo]:
    """The runs that are jobs of a batch endpoint, the newest first."""
    found = runs.list_runs(ctx, runs.Wanted(kind="batch", name=f"{endpoint}-*"))
    return [info for info in found if _endpoint_of(ctx, info) == endpoint]


def _endpoint_of(ctx: Context, info: RunInfo) -> str | None:
    """Whose job it is; its name alone may be that of `a` with `b-c`, or of `a-b` with `c`."""
    try:
        spec = RunFolder(ctx.home.runs / info.run).spec()
    except (OSError, ValueError, FmtuiError):  # a folder that is gone or broken belongs to nobody
        return None
    return (spec.get("azure") or {}).get("endpoint")


def start(
    ctx: Context,
    name: str,
    data: str,
    *,
    columns: Mapping[str, str] | None = None,
    experiment: str | None = None,
) -> RunInfo:
    """Hand a file to `ENDPOINT[/DEPLOYMENT]`; the job is a run of kind `batch`.

    Args:
        data: A dataset or file, uploaded as csv; or `azureml:NAME:VERSION`, which lies there.
        columns: The model's names to those of the file: only these go. All go where left out.

    Raises what `plan` raises, BadInputError for a column that is not there, RemoteError.
    """
    job = plan(ctx, name)
    options = AzureOptions(
        compute=job.deployment.instance_type,
        experiment=experiment,
        given=dict(record_of(ctx, job.endpoint).get("given") or {}),
    )
    files: dict[str, bytes] = {}
    ref, dataset, sent = data, None, ["uri_file", data]
    if not data.startswith("azureml:"):
        source = data_service.resolve(ctx, data)
        files[_ROWS] = _csv(source.table(), columns or {})
        info = launch.registered_data(ctx, source, source.roles)
        ref, dataset, sent = info.ref, info.id, ["uri_file", _ROWS]
    else:
        _check_asset(columns)
    asked = options.as_spec() | {
        "job": f"fmtui-{uuid.uuid4().hex[:16]}",
        "endpoint": job.endpoint,
        "deployment": job.deployment.name,
        "data": sent,
    }
    model = job.deployment.model
    spec: dict[str, Any] = {
        "kind": "batch", "backend": "azureml", "task": None, "created": now(),
        "name": f"{job.endpoint}-{job.deployment.name}",
        "model": {"ref": model, "path": "", "origin": model},
        "data": {"ref": ref, "columns": dict(columns or {}), "split": None, "path": "",
                 "fingerprint": ""},
        "labels": [], "azure": asked,
    }  # fmt: skip
    row = NewRun("batch", "azureml", None, spec["name"], model, ref, None, dataset, spec["created"])
    return runs.create(ctx, row, spec, files=files)


def _check_asset(columns: Mapping[str, str] | None) -> None:
    if columns:
        raise UsageError(
            "--columns is for data of this machine", hint="A data asset goes as it is."
        )


def _csv(table: Table, columns: Mapping[str, str]) -> bytes:
    """The rows as the model reads them: MLflow's scoring of files knows csv, not jsonl."""
    chosen = _chosen(table, columns)
    places = [list(table.columns).index(column) for column in chosen.values()]
    return encoded(".csv", list(chosen), [[row[at] for at in places] for row in table.rows])


def _chosen(table: Table, columns: Mapping[str, str]) -> dict[str, str]:
    """The model's names to those of the table. Raises for a column or a row that is not there."""
    chosen = dict(columns) or {name: name for name in table.columns}
    for column in chosen.values():
        if column not in table.columns:
            error = unknown("column", column, list(table.columns))
            raise BadInputError(error.message, file=table.file, hint=error.hint)
    if not table.rows:
        raise BadInputError("there is no row", file=table.file)
    return chosen
