"""Every exchange is held to Microsoft's published contract, by Microsoft's own validator."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from tests.azure import components, npm
from tests.azure.standin.arm import PROVIDER
from tests.azure.standin.world import Exchange
from tests.azure.waivers import OTHER_VERSIONS, UNPUBLISHED, waived
from tests.conftest import SHARED


def specifications() -> Path:
    """The folder `specification`: `$FMTUI_AZURE_SPECS`, else beside the checkout."""
    chosen = os.environ.get("FMTUI_AZURE_SPECS")
    return Path(chosen) if chosen else SHARED / "azure-specs" / "specification"


def missing() -> str | None:
    """What is missing for the contract check, None where all is there."""
    if not (specifications() / "machinelearningservices").is_dir():
        return "needs Microsoft's specifications in FMTUI_AZURE_SPECS"
    if npm.command("oav", "dist/index.js") is None:
        return "needs node and oav: make azure-tools"
    return None


@dataclass(frozen=True)
class Violation:
    """One thing that is not as the contract has it. `side` is request, answer or pair."""

    where: str
    side: str
    code: str
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.side}: {self.code} at {self.path or '-'}: {self.message}"


class Validator:
    """The sidecar; one exchange at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._ready = False

    def _line(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the validator ended"
        return json.loads(line)

    def check(self, exchange: Exchange) -> list[Violation]:
        """What is wrong with an exchange, waivers not counted."""
        request = exchange.request
        if PROVIDER.lower() not in request.path.lower() or _unpublished(request.path):
            assert _unpublished(request.path), f"no contract and no waiver for {request.path}"
            return []
        where = f"{request.method} {request.path}"
        if not self._ready:  # it takes some seconds to read the specifications
            assert self._line() == "ready"
            self._ready = True
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(_pair(exchange)) + "\n")
        self._process.stdin.flush()
        found = [Violation(where, **violation) for violation in self._line()]
        found += [
            Violation(where, "request", "COMPONENT_INPUT", path, message)
            for path, message in components.faults(request)
        ]
        return [one for one in found if not waived(exchange, one.code, one.path, one.message)]


def _unpublished(path: str) -> bool:
    return any(pattern.search(path) for pattern, _ in UNPUBLISHED)


def _pair(exchange: Exchange) -> dict[str, Any]:
    request, answer = exchange.request, exchange.answer
    query = dict(request.query)
    query["api-version"] = OTHER_VERSIONS.get(
        query.get("api-version", ""), query.get("api-version", "")
    )
    # oav wants headers and a body that belongs to the content type.
    headers = {key: value for key, value in request.headers.items() if key != "authorization"}
    return {
        "liveRequest": {
            "url": f"https://management.azure.com{quote(_arm(request.path))}?{urlencode(query)}",
            "method": request.method,
            "headers": headers,
            "query": query,
            "body": request.json if request.body else {},
        },
        "liveResponse": {
            "statusCode": str(answer.status),
            "headers": {"content-type": answer.content_type, **answer.headers},
            "body": answer.json if answer.json is not None else {},
        },
    }


def _arm(path: str) -> str:
    """The path from where the specification's paths begin."""
    return path[path.lower().index("/subscriptions/") :]


@contextmanager
def running() -> Iterator[Validator]:
    command = npm.command("oav", "../../validate.mjs")
    assert command is not None
    process = subprocess.Popen(
        [*command, str(specifications().absolute())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield Validator(process)
    finally:
        process.kill()
        process.wait(10)
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


def hold(validator: Validator, exchanges: Sequence[Exchange]) -> None:
    """Fail with every violation of these exchanges."""
    found = [violation for exchange in exchanges for violation in validator.check(exchange)]
    assert not found, "not as the contract has it:\n" + "\n".join(map(str, found[:20]))
