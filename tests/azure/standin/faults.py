"""What goes wrong on purpose: an answer of its own for so many requests that fit."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.azure.standin.http import Answer, RefusalError, Request


@dataclass
class Fault:
    """Spoils requests of a method whose path the pattern finds, the first `skip` of them spared.

    `times` None spoils all. With `answer` the service does nothing and says that; with `after` it
    does what was asked and says something else; `delay` (seconds) comes first.
    """

    method: str
    pattern: str
    times: int | None = 1
    skip: int = 0
    delay: float = 0.0
    answer: Answer | None = None
    after: Callable[[Request, Answer], Answer] | None = None
    seen: int = 0
    spoiled: int = 0


@dataclass
class Faults:
    """The faults that are set. Safe to use from several threads."""

    planned: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def plan(self, fault: Fault) -> Fault:
        with self._lock:
            self.planned.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            self.planned.clear()

    def find(self, request: Request) -> Fault | None:
        """The fault that this request meets."""
        with self._lock:
            for fault in self.planned:
                if fault.method != request.method or not re.search(fault.pattern, request.path):
                    continue
                fault.seen += 1
                if fault.seen <= fault.skip:
                    continue
                if fault.times is None or fault.spoiled < fault.times:
                    fault.spoiled += 1
                    return fault
        return None

    def apply(self, request: Request, handle: Callable[[Request], Answer]) -> Answer:
        fault = self.find(request)
        if fault is None:
            return handle(request)
        if fault.delay:
            time.sleep(fault.delay)
        if fault.answer is not None:
            return fault.answer
        answer = handle(request)
        return fault.after(request, answer) if fault.after else answer


def throttled(after: str = "1") -> Answer:
    """429 as the service says it; `after` is its Retry-After."""
    refusal = RefusalError(
        429, "TooManyRequests", "The request is being throttled.", headers={"Retry-After": after}
    )
    return refusal.answer()


def broken() -> Answer:
    """500 without a word that helps."""
    return RefusalError(500, "InternalServerError", "Received 500 from a service request").answer()


def unauthorized() -> Answer:
    """A token that ran out in the middle."""
    answer = RefusalError(
        401, "ExpiredAuthenticationToken", "The access token expiry UTC time is past."
    )
    return answer.answer()


def forbidden(action: str) -> Answer:
    """A role is missing: the sentence of Azure's own access control."""
    return RefusalError(
        403,
        "AuthorizationFailed",
        "The client '11111111-2222-3333-4444-555555555555' with object id "
        "'66666666-7777-8888-9999-000000000000' does not have authorization to perform action "
        f"'Microsoft.MachineLearningServices/workspaces/{action}' over scope '/subscriptions/x' "
        "or the scope is invalid. If access was recently granted, please refresh your credentials.",
    ).answer()
