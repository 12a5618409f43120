"""The hub's list of models as a source of the catalogue: page by page, each kept as it comes.

A sync that ends early (the network, a kill, a hub that asks to slow down) is taken up where it
was by the next one that asks for the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from registry.catalog.entries import Entry
from registry.errors import BadInputError, RemoteError
from registry.redact import redact
from registry.references import NAME
from registry.weights import BITS

_PAGE = 1000
_FIELDS = ("downloads", "gated", "pipeline_tag", "tags", "safetensors", "config", "library_name")
_TRIES = 6
_PATIENCE = 300.0
_FRESH = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which models: all of the hub's words for it. `limit` takes the most downloaded."""

    task: str | None = None
    author: str | None = None
    library: str | None = None
    license: str | None = None
    search: str | None = None
    limit: int | None = None

    def query(self) -> dict[str, Any]:
        filters = [self.library] if self.library else []
        filters += [f"license:{self.license}"] if self.license else []
        query: dict[str, Any] = {"sort": "downloads", "expand": list(_FIELDS)}
        query |= {"filter": filters} if filters else {}
        query |= {"pipeline_tag": self.task} if self.task else {}
        query |= {"author": self.author} if self.author else {}
        query |= {"search": self.search} if self.search else {}
        return query | {"limit": min(_PAGE, self.limit or _PAGE)}


class HubModels:
    """The hub's models as a `Source`. `folder` keeps the pages of a sync that has not ended."""

    name = "hf"

    def __init__(self, wanted: Wanted, folder: Path, progress: Callable[[int], None]) -> None:
        from huggingface_hub import constants
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

        if constants.is_offline_mode():
            raise BadInputError(
                "the hub can't be listed offline",
                hint="Leave --offline out, and unset HF_HUB_OFFLINE.",
            )
        self._wanted = wanted
        self._progress = progress
        self._endpoint = constants.ENDPOINT
        self._told = redact(self._endpoint)
        self._headers = build_hf_headers()
        self._seconds = constants.HF_HUB_ETAG_TIMEOUT
        key = hashlib.sha256(f"{self._endpoint} {wanted}".encode()).hexdigest()[:16]
        self._kept = folder / f"hf-{key}.jsonl"

    def entries(self) -> Iterator[Entry]:
        """Every model that is wanted, the most downloaded first.

        Raises RemoteError when the hub can't be reached or refuses; what came is kept.
        """
        count = 0
        for rows in self._pages():
            for row in rows:
                entry = _entry(row)
                if entry is None:
                    continue
                if self._wanted.limit is not None and count >= self._wanted.limit:
                    break
                count += 1
                yield entry

    def done(self) -> None:
        """The sync went through: forget its pages."""
        self._kept.unlink(missing_ok=True)

    def _pages(self) -> Iterator[list[Any]]:
        url, count = self._start(), 0
        seen: set[str] = set()
        for page in self._earlier():
            count += len(page["rows"])
            url = page["next"]
            yield page["rows"]
        self._kept.parent.mkdir(parents=True, exist_ok=True)
        with httpx.Client(timeout=self._seconds) as client, self._kept.open("ab") as kept:
            while url and (self._wanted.limit is None or count < self._wanted.limit):
                response = self._ask(client, str(httpx.URL(self._endpoint).join(url)))
                try:
                    rows = [row for row in response.json() if isinstance(row, dict)]
                except (ValueError, TypeError, RecursionError) as error:
                    raise self._no_hub() from error
                seen.add(url)
                url = self._next(response)
                if url in seen:  # it would go on for ever
                    raise self._no_hub()
                kept.write(json.dumps({"rows": rows, "next": url}).encode() + b"\n")
                kept.flush()
                os.fsync(kept.fileno())
                count += len(rows)
                self._progress(count)
                yield rows

    def _earlier(self) -> Iterator[dict[str, Any]]:
        """The pages that a sync of today left; the line that a kill cut is cut off."""
        try:
            if time.time() - self._kept.stat().st_mtime > _FRESH:
                self._kept.unlink()
            lines = self._kept.read_bytes().splitlines(keepends=True)
        except OSError:
            return
        whole = [line for line in lines if line.endswith(b"\n")]
        if len(whole) < len(lines):
            os.truncate(self._kept, sum(map(len, whole)))
        yield from map(json.loads, whole)

    def _start(self) -> str | None:
        """The first page, as `_next` gives the others."""
        url = httpx.URL(f"{self._endpoint}/api/models", params=self._wanted.query())
        return url.raw_path.decode()

    def _ask(self, client: httpx.Client, url: str) -> httpx.Response:
        waited = 0.0
        for attempt in range(_TRIES):
            try:
                response = client.get(url, headers=self._headers)
            except httpx.TransportError as error:
                if attempt + 1 >= 2:
                    raise RemoteError(
                        f"can't reach {self._told}",
                        hint="Check the network; the next sync goes on where this one ended.",
                    ) from error
                continue
            if response.status_code == 200:
                return response
            if response.status_code not in (429, 500, 502, 503, 504):
                break
            asked = response.headers.get("retry-after", "")
            wait = float(asked) if asked.isascii() and asked.isdigit() else 0.5 * 2.0**attempt
            waited += wait
            if waited > _PATIENCE or attempt + 1 >= _TRIES:
                break
            time.sleep(wait)
        status = response.status_code
        raise RemoteError(
            f"{self._told} answered {status} to the list of models"
            + (" (it asks to slow down)" if status == 429 else ""),
            hint="Try again in a while: the next sync goes on where this one ended.",
        )

    def _next(self, response: httpx.Response) -> str | None:
        """Where on the hub the list goes on. The token is sent there, so it must be the same one.

        It is kept, so it tells no host: an address may hold a password.
        """
        url = response.links.get("next", {}).get("url")
        if url is None:
            return None
        here, there = urlsplit(str(response.url)), urlsplit(url)
        if (here.scheme, here.hostname, here.port) != (there.scheme, there.hostname, there.port):
            raise self._no_hub()
        return urlunsplit(("", "", there.path, there.query, ""))

    def _no_hub(self) -> RemoteError:
        return RemoteError(
            f"{self._told} does not answer as a hub does",
            hint="Is HF_ENDPOINT right? Is a proxy between?",
        )


def _entry(row: dict[str, Any]) -> Entry | None:
    """A row of the list; None for a name that no reference can hold."""
    name = str(row.get("id") or row.get("modelId") or "")
    if not 1 <= len(name.split("/")) <= 2 or not all(NAME.fullmatch(p) for p in name.split("/")):
        return None
    listed = row.get("tags")
    tags = [tag for tag in listed if _text(tag)] if isinstance(listed, list) else []
    license = next((tag[8:] for tag in tags if tag.startswith("license:")), None)
    tensors, config = row.get("safetensors"), row.get("config")
    counts = tensors.get("parameters") if isinstance(tensors, dict) else None
    total = tensors.get("total") if isinstance(tensors, dict) else None
    architectures = config.get("architectures") if isinstance(config, dict) else None
    task = _text(row.get("pipeline_tag"))
    return Entry(
        name=name,
        hub_id=name,
        license=license,
        tasks=(task,) if task else (),
        parameters=_count(total),
        size_bytes=_size(counts),
        downloads=_count(row.get("downloads")),
        architecture=_text(architectures[0])
        if isinstance(architectures, list) and architectures
        else None,
        languages=tuple(tag for tag in tags if len(tag) == 2 and tag.isalpha() and tag.islower()),
        gated=bool(row.get("gated")),
    )


def _text(value: Any) -> str | None:
    """A word that the registry can hold and a terminal show, else None."""
    return value if isinstance(value, str) and value.isprintable() else None


def _count(value: Any) -> int | None:
    """A number that the registry can hold, else None."""
    return value if type(value) is int and 0 <= value < 1 << 63 else None


def _size(counts: Any) -> int | None:
    """Bytes of the weights, by their numbers of each type."""
    if not isinstance(counts, dict) or not counts:
        return None
    known = [(BITS.get(kind), count) for kind, count in counts.items() if isinstance(count, int)]
    if not known or any(bits is None for bits, _ in known):
        return None
    return _count(sum((bits or 0) * count for bits, count in known) // 8)
