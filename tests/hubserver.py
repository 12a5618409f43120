"""A small hub on loopback: info, tree and files as huggingface_hub asks for them, with faults."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

PIECE = 64 << 10
"""Bytes at a time from the storage."""


@dataclass
class Repo:
    """A repository with one commit. `damaged` names files that arrive wrong in the right length."""

    files: dict[str, bytes]
    gated: bool = False
    token: str | None = None
    damaged: set[str] = field(default_factory=set)
    damaged_once: set[str] = field(default_factory=set)
    cut: set[str] = field(default_factory=set)
    names_only: bool = False
    no_sizes: bool = False
    license: str | None = None

    @property
    def commit(self) -> str:
        digest = hashlib.sha1()
        for name in sorted(self.files):
            digest.update(name.encode() + blob_id(self.files[name]).encode())
        return digest.hexdigest()

    def large(self, name: str) -> bool:
        return name.endswith(".safetensors")

    def listing(self, name: str) -> dict[str, Any]:
        body = self.files[name]
        entry: dict[str, Any] = {"size": len(body), "oid": blob_id(body)}
        if self.large(name):
            entry["lfs"] = {"oid": sha256(body), "size": len(body), "pointerSize": 130}
        return entry


@lru_cache
def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@lru_cache
def blob_id(body: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()


class Hub(ThreadingHTTPServer):
    """The server. `busy` answers 503 so many times; `requests` is what was asked, in order.

    `file_busy` is what it answers first when it is asked about a file: statuses, each with its
    Retry-After; 0 breaks the line.

    The storage, which is another host, answers `storage_busy` first: statuses, each with its
    Retry-After. It knows no ranges when `whole_only`, and pauses so many seconds after each piece.
    `sent` is how many bytes it gave, `pouring` how many answers it is giving right now.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repos: dict[str, Repo] = {}
        self.busy = 0
        self.token: str | None = None
        self.file_busy: list[tuple[int, str]] = []
        self.requests: list[str] = []
        self.storage_busy: list[tuple[int, str]] = []
        self.whole_only = False
        self.models: list[dict[str, Any]] = []
        self.page = 1000
        self.list_busy: list[tuple[int, str]] = []
        self.listed: list[dict[str, list[str]]] = []
        self.next_host = ""
        self.circle = False
        self.pause = 0.0
        self.held = threading.Event()
        self.sent = 0
        self.pouring = 0
        self.counting = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def add(self, name: str, folder: Path, **options: Any) -> Repo:
        files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        self.repos[name] = Repo(files, **options)
        return self.repos[name]

    def environment(self) -> dict[str, str]:
        return {"HF_ENDPOINT": self.url, "NO_PROXY": "*", "no_proxy": "*"}


@contextmanager
def running() -> Iterator[Hub]:
    hub = Hub()
    thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def log_message(self, *_: Any) -> None: ...

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path).strip("/")
        hub = self.server
        hub.requests.append(f"{self.command} /{path}")
        given = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None
        if hub.busy > 0 and path.startswith("api/models/"):
            hub.busy -= 1
            return self._no(503, "busy", "the hub is busy")
        if path.startswith("cdn/"):
            return self._cdn(path)
        if path == "api/models":
            return self._list()
        if given is not None and hub.token is not None and given != hub.token:
            return self._no(401, "", "Invalid credentials in Authorization header")
        api = path.startswith("api/models/")
        words = path.removeprefix("api/models/").split("/")
        name, rest = "/".join(words[:2]), words[2:]
        repo = hub.repos.get(name)
        if repo is None or (repo.token and repo.token != given and not repo.gated):
            return self._no(401, "RepoNotFound", "Repository not found")
        if len(rest) > 1 and rest[1] not in ("main", repo.commit):
            return self._no(404, "RevisionNotFound", f"Invalid rev id: {rest[1]}")
        if api and rest[:1] == ["tree"]:
            return self._json(
                [{"type": "file", "path": f, **repo.listing(f)} for f in sorted(repo.files)]
            )
        if api:
            return self._json(self._info(name, repo))
        if repo.gated and repo.token != given:
            return self._no(403 if given else 401, "GatedRepo", "Access is restricted")
        if self.command == "HEAD" and hub.file_busy:
            status, after = hub.file_busy.pop(0)
            if status:
                return self._send(status, b"", {"Retry-After": after} if after else {})
            self.close_connection = True
            return self.connection.shutdown(socket.SHUT_RDWR)
        return self._file(repo, "/".join(rest[2:]))

    def _list(self) -> None:
        """A page of `models`, with a Link to the next; `list_busy` as `storage_busy`."""
        hub = self.server
        if hub.list_busy:
            status, after = hub.list_busy.pop(0)
            return self._send(status, b"", {"Retry-After": after} if after else {})
        asked = parse_qs(urlsplit(self.path).query)
        hub.listed.append(asked)
        task, start = asked.get("pipeline_tag"), int(asked.get("cursor", ["0"])[0])
        rows = [row for row in hub.models if not task or row["pipeline_tag"] == task[0]]
        size = min(hub.page, int(asked["limit"][0]))
        headers = {"Content-Type": "application/json"}
        if start + size < len(rows):
            then = 0 if hub.circle else start + size
            query = urlencode(asked | {"cursor": [str(then)]}, doseq=True)
            host = hub.next_host or hub.url
            headers["Link"] = f'<{host}/api/models?{query}>; rel="next"'
        self._send(200, json.dumps(rows[start : start + size]).encode(), headers)

    def _info(self, name: str, repo: Repo) -> dict[str, Any]:
        siblings = []
        for file in sorted(repo.files):
            entry: dict[str, Any] = {"rfilename": file}
            if not repo.names_only:
                listing = repo.listing(file)
                entry |= {"blobId": listing["oid"]}
                entry |= {} if repo.no_sizes else {"size": listing["size"]}
                if "lfs" in listing:
                    entry["lfs"] = {
                        "sha256": listing["lfs"]["oid"],
                        "size": listing["size"],
                        "pointerSize": 130,
                    }
            siblings.append(entry)
        return {"id": name, "sha": repo.commit, "siblings": siblings, "tags": [], "downloads": 1,
                "gated": "manual" if repo.gated else False,
                "cardData": {"license": repo.license} if repo.license else {}}  # fmt: skip

    def _file(self, repo: Repo, file: str) -> None:
        body = repo.files.get(file)
        if body is None:
            return self._no(404, "EntryNotFound", "Entry not found")
        headers = {"X-Repo-Commit": repo.commit}
        if repo.large(file):
            # Another host name, as a hub's storage has: the client must keep this answer's headers.
            key = next(n for n, r in self.server.repos.items() if r is repo)
            return self._send(
                302,
                b"",
                headers
                | {
                    "Location": f"http://localhost:{self.server.server_port}/cdn/{key}/{file}",
                    "X-Linked-ETag": f'"{sha256(body)}"',
                    "X-Linked-Size": str(len(body)),
                },
            )
        return self._send(200, self._body(repo, file), headers | {"ETag": f'"{blob_id(body)}"'})

    def _cdn(self, path: str) -> None:
        owner, name, file = path.removeprefix("cdn/").split("/")
        repo = self.server.repos[f"{owner}/{name}"]
        body = self._body(repo, file)
        if self.headers.get("Authorization"):
            return self._no(400, "", "a token came to another host")
        if self.server.storage_busy:
            status, after = self.server.storage_busy.pop(0)
            return self._send(status, b"", {"Retry-After": after} if after else {})
        start, end = 0, len(body)
        asked = None if self.server.whole_only else self.headers.get("Range")
        if asked:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, end = int(first), int(last) + 1 if last else end
        headers = {"Content-Range": f"bytes {start}-{end - 1}/{len(body)}"} if asked else {}
        cut = file in repo.cut
        repo.cut.discard(file)
        self._send(206 if asked else 200, body[start:end], headers, cut=cut)

    def _body(self, repo: Repo, file: str) -> bytes:
        body = repo.files[file]
        if file in repo.damaged or file in repo.damaged_once:
            if self.command == "GET":
                repo.damaged_once.discard(file)
            return body[:-1] + bytes([body[-1] ^ 1])
        return body

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _no(self, status: int, code: str, message: str) -> None:
        headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
        body = json.dumps({"error": message}).encode()
        self._send(status, body, headers | {"Content-Type": "application/json"})

    def _send(
        self, status: int, body: bytes, headers: dict[str, str], *, cut: bool = False
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self._pour(memoryview(body[: len(body) // 2] if cut else body))
        if cut:
            self.close_connection = True

    def _pour(self, body: memoryview) -> None:
        """Send piece by piece, so that what a client took before it died is known."""
        hub = self.server
        with hub.counting:
            hub.pouring += 1
        try:
            self._pieces(hub, body)
        finally:
            with hub.counting:
                hub.pouring -= 1

    def _pieces(self, hub: Hub, body: memoryview) -> None:
        for at in range(0, len(body), PIECE):
            if hub.pause and self.path.startswith("/cdn/"):
                hub.held.wait(hub.pause)
            try:
                self.wfile.write(body[at : at + PIECE])
            except OSError:
                self.close_connection = True
                return
            if self.path.startswith("/cdn/"):
                with hub.counting:
                    hub.sent += len(body[at : at + PIECE])
