"""Run history: details, logs, children, metrics and outputs of jobs."""

from __future__ import annotations

import uuid

from tests.azure.standin.arm import BASE, router
from tests.azure.standin.http import Answer, Json, RefusalError, Request
from tests.azure.standin.jobs import _find, output_uri
from tests.azure.standin.world import API, Job, World

_HISTORY = f"/history/v1.0{BASE}"
_LOG = "user_logs/std_log.txt"


def _visible(world: World, job: Job) -> list[str]:
    """The lines that the job printed so far: all of them once it has run."""
    now = world.now()
    running = next((at for at, stage in job.stages if stage == "Running"), None)
    if running is None or now < running:
        return []
    end = next((at for at, stage in job.stages if stage == "Finalizing"), None)
    if end is None:
        return job.log[: len(job.log) // 2]
    share = min((now - running) / max(end - running, 1e-6), 1.0)
    return job.log[: max(int(len(job.log) * share), 1)]


def run(world: World, job: Job, name: str | None = None) -> Json:
    """A run as history shows it; `name` is one of the job's children."""
    status = job.status(world.now())
    body = {
        "runId": name or job.name,
        "runUuid": str(uuid.uuid5(uuid.NAMESPACE_URL, name or job.name)),
        "parentRunId": job.name if name else None,
        "rootRunId": job.name,
        "experimentId": "12345678-aaaa-4bbb-8ccc-123456789012",
        "status": status,
        "startTimeUtc": world.stamp(job.stages[0][0]),
        "endTimeUtc": world.stamp() if status in ("Completed", "Failed", "Canceled") else None,
        "createdUtc": world.stamp(job.created),
        "displayName": (name or job.name).removeprefix(f"{job.name}-"),
        "runType": "azureml.StepRun" if name else "azureml.PipelineRun",
        "properties": {}, "parameters": {}, "tags": job.body.get("tags") or {}, "services": {},
        "inputs": {}, "outputs": {}, "warnings": [], "target": None, "hidden": False,
    }  # fmt: skip
    if job.error:
        body["error"] = {"error": job.error}
    if name and "azureml.batchrun" in (job.body.get("tags") or {}):
        asset = f"azureml://locations/westeurope/workspaces/w/data/{name}_score"
        body["outputs"] = {"score": {"assetId": asset, "type": "UriFolder"}}
    if not name:
        kinds = {"mlflow_model": "MLFlowModel", "custom_model": "CustomModel"}
        body["outputs"] = {
            output: {
                "assetId": f"azureml://locations/westeurope/workspaces/w/data/{job.name}_{output}",
                "type": kinds.get(str(value.get("jobOutputType")), "UriFolder"),
            }
            for output, value in (job.body.get("outputs") or {}).items()
        }
    return body


def _job_of(world: World, name: str) -> tuple[Job, str | None]:
    if name in world.jobs:
        return world.jobs[name], None
    owner = next((job for job in world.jobs.values() if name in job.children), None)
    return (owner, name) if owner else (_find(world, name), None)


@router.on("GET", f"{_HISTORY}/runs/{{name}}")
def get_run(world: World, request: Request, name: str) -> Answer:
    return Answer(200, run(world, *_job_of(world, name)))


@router.on("GET", f"{_HISTORY}/runs/{{name}}/details")
def details(world: World, request: Request, name: str) -> Answer:
    job, child = _job_of(world, name)
    status = job.status(world.now())
    body: Json = {
        "runId": name,
        "status": status,
        "startTimeUtc": world.stamp(job.stages[0][0]),
        "endTimeUtc": None,
        "properties": {}, "inputDatasets": [], "outputDatasets": [], "warnings": [],
        "logFiles": {}, "runDefinition": None, "target": None, "services": {}, "inputs": {},
        "outputs": {},
    }  # fmt: skip
    if job.error:
        body["error"] = {"error": job.error}
    files = ["logs/azureml/executionlogs.txt"] if child is None else [_LOG]
    if _visible(world, job):
        body["logFiles"] = {file: f"{API}/logs/{name}/{file}?sig=anonymous" for file in files}
    return Answer(200, body)


@router.on("GET", "/logs/{name}/{file+}")
def log(world: World, request: Request, name: str, file: str) -> Answer:
    job, _ = _job_of(world, name)
    text = "".join(f"{line}\n" for line in _visible(world, job))
    first = int(request.headers.get("range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
    if first and first >= len(text):
        return Answer(416)
    headers = {"Content-Range": f"bytes {first}-{len(text) - 1}/{len(text)}"} if first else {}
    return Answer(206 if first else 200, text=text[first:], headers=headers)


@router.on("GET", f"{_HISTORY}/runs/{{name}}/children")
def children(world: World, request: Request, name: str) -> Answer:
    """A page of two, and where the next one begins."""
    job = _find(world, name)
    first = int(request.query.get("$continuationtoken", "0"))
    found = [run(world, job, child) for child in job.children[first : first + 2]]
    more = str(first + 2) if first + 2 < len(job.children) else None
    return Answer(200, {"value": found, "continuationToken": more})


@router.on("POST", f"{_HISTORY}/rundata")
def run_data(world: World, request: Request) -> Answer:
    job, child = _job_of(world, str(request.json["runId"]))
    return Answer(
        200, {"runMetadata": run(world, job, child), "runDefinition": {}, "jobSpecification": {}}
    )


@router.on("POST", f"/data/v1.0{BASE}/dataversion/batchGetResolvedUris")
def resolved_data(world: World, request: Request) -> Answer:
    return Answer(200, {"values": {i: {"uri": _uri(i)} for i in request.json["values"]}})


@router.on("POST", f"/modelregistry/v1.0{BASE}/models/batchGetResolvedUris")
def resolved_models(world: World, request: Request) -> Answer:
    return Answer(200, {"values": {i: {"path": _uri(i)} for i in request.json["values"]}})


def _uri(asset_id: str) -> str:
    job, _, output = asset_id.rpartition("/")[2].partition("_")
    return output_uri(job, output)


@router.on("POST", f"/metric/v2.0{BASE}/runs/{{name}}/lastvalues")
def last_values(world: World, request: Request, name: str) -> Answer:
    job, _ = _job_of(world, name)
    if not job.over(world.now()):
        return Answer(200, {"value": [], "continuationToken": None})
    return Answer(200, {"value": [_metric(name, k, [(0, v)]) for k, v in job.metrics.items()]})


def _metric(run_id: str, name: str, points: list[tuple[int, float]]) -> Json:
    return {
        "dataContainerId": f"dcid.{run_id}",
        "name": name,
        "columns": {name: "Double"},
        "properties": {"uxMetricType": "azureml.v1.scalar"},
        "value": [
            {"metricId": str(uuid.uuid4()), "step": step, "numSteps": step,
             "data": {name: value}, "createdUtc": "2026-01-01T00:00:00+00:00"}
            for step, value in points
        ],
    }  # fmt: skip


@router.on("GET", f"/mlflow/v1.0{BASE}/api/2.0/mlflow/runs/get")
def mlflow_run(world: World, request: Request) -> Answer:
    """MLflow's own REST answer: tags, parameters and the last value of each metric."""
    job, child = _job_of(world, request.query["run_id"])
    shown = job.over(world.now()) or bool(_visible(world, job))
    metrics = [
        {"key": key, "value": value, "timestamp": int(job.created * 1000), "step": 100}
        for key, value in (job.metrics.items() if job.over(world.now()) else ())
    ]
    for step, values in job.curve if shown and not job.over(world.now()) else ():
        metrics = [
            {"key": key, "value": value, "timestamp": int(job.created * 1000), "step": step}
            for key, value in values.items()
        ]
    info = {"run_id": child or job.name, "status": "RUNNING", "experiment_id": "1"}
    return Answer(200, {"run": {"info": info, "data": {"metrics": metrics}}})


@router.on("GET", f"/mlflow/v1.0{BASE}/api/2.0/mlflow/metrics/get-history")
def mlflow_history(world: World, request: Request) -> Answer:
    job, _ = _job_of(world, request.query["run_id"])
    key = request.query["metric_key"]
    points = [(step, values[key]) for step, values in job.curve if key in values]
    if not points and key in job.metrics:
        points = [(100, job.metrics[key])]
    if not points:
        raise RefusalError(404, "RESOURCE_DOES_NOT_EXIST", f"No metric {key}")
    return Answer(
        200,
        {
            "metrics": [
                {"key": key, "value": value, "timestamp": int(job.created * 1000), "step": step}
                for step, value in points
            ]
        },
    )
