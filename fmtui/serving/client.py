"""Ask an endpoint, over HTTP, as any program would."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass

from fmtui.serving.control import reachable_host
from fmtui.serving.definition import Definition
from registry.errors import BadInputError, RemoteError

DEPLOYMENT_HEADER = "azureml-model-deployment"
"""Azure ML's name for the header that picks a deployment, and that says which one answered."""


@dataclass(frozen=True, slots=True)
class InvokeResult:
    """An answer. `deployment` is the one that gave it, `milliseconds` the whole round trip."""

    status: int
    body: str
    milliseconds: float
    deployment: str | None

    def check(self) -> InvokeResult:
        """Return itself if it is an answer.

        Raises BadInputError for a request that the endpoint refused (400, 413), RemoteError for
        all else, with the endpoint's sentence.
        """
        if self.status == 200:
            return self
        kind = BadInputError if self.status in (400, 413) else RemoteError
        raise kind(f"the endpoint answered {self.status}: {self.sentence()}")

    def sentence(self) -> str:
        """What the endpoint said went wrong."""
        try:
            return str(json.loads(self.body)["error"]["message"])
        except (ValueError, KeyError, TypeError):
            return self.body[:300].strip() or http.client.responses.get(self.status, "")


def post_score(
    definition: Definition,
    body: str | bytes,
    *,
    key: str,
    deployment: str | None = None,
    timeout: float = 120.0,
) -> InvokeResult:
    """`POST /score`. Raises RemoteError when nothing answers within `timeout` seconds."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    if deployment is not None:
        headers[DEPLOYMENT_HEADER] = deployment
    began = time.perf_counter()
    connection = http.client.HTTPConnection(
        reachable_host(definition.host), definition.port, timeout=timeout
    )
    try:
        connection.request(
            "POST", "/score", body.encode() if isinstance(body, str) else body, headers
        )
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", errors="replace")
    except TimeoutError as error:
        raise RemoteError(
            f"endpoint `{definition.name}` did not answer within {timeout:g} s",
            hint=f"See `fmtui endpoint logs {definition.name}`.",
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise RemoteError(
            f"endpoint `{definition.name}` does not answer at port {definition.port}",
            hint=f"`fmtui endpoint show {definition.name}` says why, "
            f"`fmtui endpoint start {definition.name}` brings it back.",
        ) from error
    except ValueError as error:  # a key or a name that can't stand in a header
        raise RemoteError("the key or the deployment's name holds a line break") from error
    finally:
        connection.close()
    milliseconds = (time.perf_counter() - began) * 1000
    return InvokeResult(answer.status, text, milliseconds, answer.getheader(DEPLOYMENT_HEADER))
