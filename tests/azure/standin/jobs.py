"""Pipeline jobs: submitted, seen through their states by the clock, canceled."""

from __future__ import annotations

import re

from tests.azure.standin import assets, outputs, registry
from tests.azure.standin.arm import BASE, begin, page, resource, router
from tests.azure.standin.http import Answer, Json, RefusalError, Request, not_found
from tests.azure.standin.workspace import SIZES, family_of
from tests.azure.standin.world import Job, World

_STAGES = ("NotStarted", "Preparing", "Running", "Finalizing", "Completed")
_COMPONENT = re.compile(
    r"azureml://registries/(?P<registry>[^/]+)/components/(?P<name>[^/]+)"
    r"/(?:versions/(?P<version>[^/]+)|labels/(?P<label>[^/]+))"
)


def rest(world: World, job: Job) -> Json:
    """A job as the service shows it now."""
    properties = {
        "description": None, "tags": {}, "properties": {}, "displayName": job.name,
        "experimentName": "Default", "isArchived": False, "computeId": None, "componentId": None,
        "sourceJobId": None, **job.body,
    }  # fmt: skip
    properties["status"] = job.status(world.now())
    properties["services"] = {
        "Studio": {
            "jobServiceType": "Studio",
            "endpoint": f"https://portal.standin.test/runs/{job.name}",
        },
        "Tracking": {"jobServiceType": "Tracking", "endpoint": "azureml://tracking.standin.test/"},
    }
    outputs = properties.get("outputs") or {}
    for name, output in outputs.items():
        output["uri"] = output.get("uri") or output_uri(job.name, name)
    return resource(world, f"jobs/{job.name}", "jobs", properties)


def output_uri(job: str, name: str) -> str:
    """Where a job's output lies: a path on the workspace's datastore."""
    return f"azureml://datastores/workspaceblobstore/paths/azureml/{job}/{name}/"


@router.on("PUT", f"{BASE}/jobs/{{name}}")
def put_job(world: World, request: Request, name: str) -> Answer:
    body = request.json["properties"]
    known = world.jobs.get(name)
    if known is not None and known.asked == request.body:
        return Answer(200, rest(world, known))
    if known is not None:
        raise RefusalError(409, "Conflict", f"A job with this name already exists: {name}")
    if body.get("jobType") != "Pipeline":
        raise RefusalError(400, "UserError", f"Unknown job type {body.get('jobType')}")
    nodes = body.get("jobs") or {}
    if not nodes:
        raise RefusalError(400, "UserError", "The pipeline has no nodes.")
    for node in nodes.values():
        _check_node(world, node)
    job = world.jobs[name] = _scheduled(world, name, body)
    job.asked = request.body
    job.leave = lambda: outputs.write(world, job)
    return Answer(201, rest(world, job))


def settle(world: World) -> None:
    """Let the jobs that have completed leave what they made; others leave nothing."""
    for job in world.jobs.values():
        if job.leave is not None and job.status(world.now()) == "Completed":
            leave, job.leave = job.leave, None
            leave()


def _check_node(world: World, node: Json) -> None:
    identity = str(node.get("componentId", ""))
    match = _COMPONENT.fullmatch(identity)
    if match is None:
        raise RefusalError(400, "UserError", f"The component '{identity}' can't be resolved.")
    shelf = world.registry(match["registry"])["components"]
    if match["name"] not in shelf:
        raise not_found("component", match["name"])
    for value in (node.get("inputs") or {}).values():
        if value.get("job_input_type") != "literal" and value.get("jobInputType") != "literal":
            _check_asset(world, str(value.get("uri", "")))
            continue
        literal = str(value.get("value", ""))
        if literal in SIZES or literal.title().replace("_", "_") in SIZES:
            _check_size(world, literal)


def _check_asset(world: World, uri: str) -> None:
    """A registered asset that a job reads must be there."""
    match = re.search(r"/(data|models)/([^/]+)/versions/([^/]+)$", uri)
    if match is None:
        return
    kind, name, version = match.groups()
    outside = re.match(r"azureml://registries/([^/]+)/", uri)
    if outside:
        registry._find(world, outside[1], kind, name, version)
    else:
        assets.find(world, kind, name, version)


def _check_size(world: World, size: str) -> None:
    if size in world.unavailable:
        raise RefusalError(
            400, "BadArgument", f"The specified VM size {size} is not supported in this region."
        )
    family = family_of(size)
    if SIZES[size][0] > world.quota.get(family, 1000):
        raise RefusalError(
            400,
            "QuotaExceeded",
            f"The specified subscription has a {family} vCPU quota of {world.quota[family]} and is "
            f"less than the requested {SIZES[size][0]} cores.",
        )


def _scheduled(world: World, name: str, body: Json) -> Job:
    start = world.now()
    stages = [(start + i * world.pace, stage) for i, stage in enumerate(_STAGES)]
    job = Job(name, body, start, stages, _log(body))
    job.children = [f"{name}-{node}" for node in body["jobs"]]
    outputs_of = (body.get("outputs") or {}).values()
    tuned = any(output.get("jobOutputType") == "mlflow_model" for output in outputs_of)
    job.metrics = {"f1_macro": 0.91, "accuracy": 0.92, "loss": 0.31}
    job.curve = [(step, {"loss": 2.0 - step / 100}) for step in range(10, 110, 10)] if tuned else []
    return job


def _log(body: Json) -> list[str]:
    lines = [f"[{n:04d}] step {n} loss {2 - n / 50:.3f}" for n in range(60)]
    return ["preparing the environment", *lines, "The activity completed successfully."]


def hold(world: World, name: str, stage: str = "Running") -> None:
    """Keep a job in a stage until `release`."""
    job = _find(world, name)
    job.stages = [(at, s) for at, s in job.stages if _STAGES.index(s) <= _STAGES.index(stage)]


def release(world: World, name: str, *, fail: str | None = None) -> None:
    """Let a job go on to its end; `fail` is what it fails of."""
    job = _find(world, name)
    now = world.now()
    if fail is not None:
        job.error = {
            "code": "UserError",
            "message": fail,
            "messageFormat": None,
            "details": [],
        }
        job.stages.append((now, "Failed"))
        return
    job.stages += [(now, "Finalizing"), (now + world.pace, "Completed")]


def _find(world: World, name: str) -> Job:
    if name not in world.jobs:
        raise not_found("job", name)
    return world.jobs[name]


@router.on("GET", f"{BASE}/jobs")
def list_jobs(world: World, request: Request) -> Answer:
    newest = sorted(world.jobs.values(), key=lambda job: -job.created)
    return page(request, [rest(world, job) for job in newest])


@router.on("GET", f"{BASE}/jobs/{{name}}")
def get_job(world: World, request: Request, name: str) -> Answer:
    return Answer(200, rest(world, _find(world, name)))


@router.on("POST", f"{BASE}/jobs/{{name}}/cancel")
def cancel_job(world: World, request: Request, name: str) -> Answer:
    job = _find(world, name)
    if job.over(world.now()):
        raise RefusalError(409, "Conflict", f"The job {name} has ended already.")
    if job.canceled is None:
        job.canceled = world.now() + world.pace
    return Answer(202, headers=begin(world, finish=lambda: None, stages=1))
