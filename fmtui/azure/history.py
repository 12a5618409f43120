"""A job's history: its steps, their logs and metrics, by the service's own REST addresses.

The SDK prints a job's log and has no call for metrics, so these are asked for directly, with the
SDK's credential. Where they are, the workspace says: its discovery address and its tracking
address. The paths are those of the SDK's own client (`azure.ai.ml._restclient.runhistory`, which
has no public face) and of MLflow.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from fmtui.azure.connection import CONNECT_SECONDS, READ_SECONDS, Connection
from fmtui.azure.errors import note_refusal, translated
from fmtui.errors import NotFoundError, RemoteError

_PATIENCE = 5
_SOON = 120.0
_LOGS = ("user_logs/", "azureml-logs/", "logs/azureml/executionlogs.txt")
"""How the logs that a person reads begin, the newest layout first: those of the SDK's own stream
(`azure.ai.ml.constants._job.job.JobLogPattern`)."""


@dataclass(frozen=True)
class Step:
    """A step of a pipeline: its run id, its name in the pipeline, its state as Azure says it."""

    id: str
    name: str
    status: str


@dataclass
class History:
    """Asks for the history of the jobs of one workspace."""

    connection: Connection
    _found: Any = field(default=None, repr=False)
    _api: str | None = None
    _token: Any = None
    _session: Any = field(default=None, repr=False)

    def status(self, job: str) -> tuple[str, str | None]:
        """A job's state and, where it failed, why."""
        details = self._get(f"{self._history()}/runs/{job}/details")
        return str(details.get("status") or ""), reason_of(details)

    def steps(self, job: str) -> list[Step]:
        """The steps of a pipeline and of pipelines within it, in the order of their start."""
        found: list[Step] = []
        self._collect(job, "", found, depth=0)
        return found

    def _collect(self, job: str, above: str, found: list[Step], *, depth: int) -> None:
        for run in sorted(self._children(job), key=lambda run: str(run.get("createdUtc") or "")):
            name = f"{above}{run.get('displayName') or run['runId']}"
            found.append(Step(str(run["runId"]), name, str(run.get("status"))))
            if "Pipeline" in str(run.get("runType")) and depth < 4:
                self._collect(str(run["runId"]), f"{name}/", found, depth=depth + 1)

    def _children(self, job: str) -> list[dict[str, Any]]:
        """The runs right below one, of all pages."""
        found: list[dict[str, Any]] = []
        query: dict[str, Any] = {}
        while True:
            page = self._get(f"{self._history()}/runs/{job}/children", **query)
            found += page.get("value") or []
            token = page.get("continuationToken")
            if not token or token == query.get("$continuationtoken"):
                return found
            query = {"$continuationtoken": str(token)}

    def log_files(self, run: str) -> dict[str, str]:
        """The log files that a person reads, by name, with their signed addresses."""
        details = self._get(f"{self._history()}/runs/{run}/details")
        files = sorted((details.get("logFiles") or {}).items())
        kinds = ({name: url for name, url in files if name.startswith(log)} for log in _LOGS)
        return next((found for found in kinds if found), {})

    def read(self, url: str, offset: int) -> tuple[bytes, bool]:
        """The bytes of a log from `offset` on, and whether they are all that there are now: a
        connection that is cut gives what came so far.

        Raises RemoteError when nothing can be read.
        """
        import requests

        content, whole = b"", True
        with translated("read the log"):
            answer = self._open().get(
                url,
                headers={"Range": f"bytes={offset}-"} if offset else {},
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                stream=True,
            )
            with answer:
                if answer.status_code == 416:  # nothing beyond the offset yet
                    return b"", True
                answer.raise_for_status()
                skip = offset if offset and answer.status_code == 200 else 0
                try:
                    for chunk in answer.iter_content(1 << 16):
                        content += chunk
                except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                    whole = False
        return content[skip:], whole

    def metrics(self, run: str) -> dict[str, list[tuple[int, float]]]:
        """The curves of a run by name: steps and values."""
        root = f"{self._tracking()}/api/2.0/mlflow"
        data = self._get(f"{root}/runs/get", run_id=run).get("run", {}).get("data", {})
        curves = {}
        for metric in data.get("metrics") or []:
            key = str(metric["key"])
            answer = self._get(f"{root}/metrics/get-history", run_id=run, metric_key=key)
            points = answer.get("metrics") or [metric]
            curves[key] = [(int(p.get("step") or 0), float(p["value"])) for p in points]
        return curves

    def _history(self) -> str:
        return f"{self._api_url()}/history/v1.0{self.connection.workspace_id()}"

    def _tracking(self) -> str:
        """The workspace as an MLflow server: `azureml://HOST/mlflow/v1.0/subscriptions/...`."""
        told = str(self._workspace().mlflow_tracking_uri or "")
        if not told.startswith("azureml://"):
            return f"{self._api_url()}/mlflow/v1.0{self.connection.workspace_id()}"
        return told.replace("azureml://", "https://", 1).partition("?")[0].rstrip("/")

    def _api_url(self) -> str:
        if self._api is None:
            told = self._get(str(self._workspace().discovery_url or ""), signed=False)
            if not isinstance(told, dict) or not told.get("api"):
                raise RemoteError("the workspace does not say where the history of its jobs is")
            self._api = str(told["api"]).rstrip("/")
        return self._api

    def _workspace(self) -> Any:
        if self._found is None:
            client = self.connection.workspace
            with translated("look at the workspace"):
                self._found = client.workspaces.get(self.connection.settings.workspace)
        return self._found

    def _open(self) -> Any:
        if self._session is None:
            import requests

            self._session = requests.Session()
        return self._session

    def _bearer(self) -> str:
        if self._token is None or self._token.expires_on - time.time() < _SOON:
            self._token = self.connection.token()
        return f"Bearer {self._token.token}"

    def _get(self, url: str, *, signed: bool = True, **query: str) -> Any:
        """JSON from an address. Waits where the service asks to slow down or has a fault.

        Raises NotFoundError, RemoteError.
        """
        for attempt in range(_PATIENCE):
            with translated("ask for the job's history"):
                answer = self._open().get(
                    url,
                    params=query,
                    headers={"Authorization": self._bearer()} if signed else {},
                    timeout=(CONNECT_SECONDS, READ_SECONDS),
                )
            if answer.status_code == 401:
                note_refusal()
                if attempt == 0:
                    self._token = None  # it ran out in the middle
                    continue
            if answer.status_code in (429, 500, 502, 503, 504):
                asked = answer.headers.get("Retry-After", "")
                time.sleep(min(float(asked) if asked.isdigit() else 2.0**attempt, 30.0))
                continue
            if answer.status_code == 404:
                raise NotFoundError("Azure has no history of the job")
            if answer.status_code != 200:
                break
            with translated("ask for the job's history"):
                return answer.json()
        said = "the sign-in is not valid (any more)" if answer.status_code == 401 else (
            f"Azure answered {answer.status_code}"
        )  # fmt: skip
        raise RemoteError(f"can't ask for the job's history: {said}", hint="Try again in a while.")


def reason_of(details: dict[str, Any]) -> str | None:
    """Why a run failed: the innermost sentence that the service has."""
    error = (details.get("error") or {}).get("error") or {}
    message = error.get("message")
    inner = error.get("innerError") or {}
    while inner.get("innerError"):
        inner = inner["innerError"]
    text = message or inner.get("message") or error.get("code")
    return " ".join(str(text).split()) if text else None
