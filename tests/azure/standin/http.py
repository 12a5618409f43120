"""Requests, answers, and who answers which path."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """A request as it came. `host` has no port; header names are in lower case."""

    method: str
    host: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body or b"null")

    @property
    def token(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")


@dataclass
class Answer:
    """What goes back: JSON unless `text` is set. `cut` ends the connection after so many bytes."""

    status: int = 200
    json: Any = None
    text: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None

    @property
    def body(self) -> bytes:
        if self.text is not None:
            return self.text.encode()
        return b"" if self.json is None else json.dumps(self.json).encode()

    @property
    def content_type(self) -> str:
        if self.text is not None:
            return "text/plain; charset=utf-8"
        return "application/json; charset=utf-8"


class RefusalError(Exception):
    """An error of the service, in the shape that Azure gives its errors."""

    def __init__(
        self, status: int, code: str, message: str, *, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers = headers or {}

    def answer(self) -> Answer:
        body = {"error": {"code": self.code, "message": self.message}}
        return Answer(self.status, body, headers=self.headers)


def not_found(what: str, name: str) -> RefusalError:
    return RefusalError(404, "ResourceNotFound", f"The {what} '{name}' was not found.")


Handler = Callable[..., Answer]


class Router:
    """Handlers by method and path; `{name}` in a path matches one part of it, `{name+}` the rest.

    Parts of a path compare without regard to case, as the service compares them.
    """

    def __init__(self) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []

    def on(self, method: str, path: str) -> Callable[[Handler], Handler]:
        pattern = re.sub(r"\{(\w+)\+\}", r"(?P<\1>.+)", path)
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)

        def add(handler: Handler) -> Handler:
            self._routes.append((method, re.compile(pattern, re.IGNORECASE), handler))
            return handler

        return add

    def find(self, method: str, path: str) -> tuple[Handler, dict[str, str]] | None:
        for wanted, pattern, handler in self._routes:
            match = pattern.fullmatch(path) if wanted == method else None
            if match:
                return handler, match.groupdict()
        return None
