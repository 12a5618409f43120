"""A registry of Azure ML as a source of the catalogue, read live.

The registry lists its models with their latest versions; each of these is asked for once. What
came is kept line by line, so that a sync which ends early is taken up by the next, and one that
ended well lets the next ask for the new versions alone.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from fmtui.azure.connection import Connection
from fmtui.azure.errors import translated
from fmtui.runs.process import write_bytes
from registry.catalog.entries import Entry
from registry.catalog.values import (
    JOBS,
    TEXT_TASKS,
    architecture_of,
    defaults_of,
    hub_id_of,
    license_of,
    minimum_of,
    words,
)
from registry.references import NAME

AT_ONCE = 8
_TUPLES = ("tasks", "finetune_tasks", "languages")

Progress = Callable[[int, int], None]
"""Told how many models of how many are known."""


class RegistryModels:
    """The models of a registry as a `Source`.

    Args:
        folder: Where what came is kept between syncs.
        fresh: Ask for every model anew, also where its version is known: tags may have changed.
        canceled: Asked between two models; True ends the sync, what came is kept.
    """

    def __init__(
        self,
        connection: Connection,
        registry: str,
        folder: Path,
        progress: Progress,
        *,
        fresh: bool = False,
        canceled: Callable[[], bool] = lambda: False,
    ) -> None:
        self.name = registry
        self._connection = connection
        self._progress = progress
        self._canceled = canceled
        self._kept = folder / f"azureml-{registry}.jsonl"
        if fresh:
            self._kept.unlink(missing_ok=True)

    def entries(self) -> Iterator[Entry]:
        """Every model in its latest version, those first that can be finetuned on text.

        Raises RemoteError when Azure can't be reached, refuses or asks to slow down; what came is
        kept, and the next sync goes on there.
        """
        client = self._connection.registry(self.name)
        with translated(f"list the models of {self.name}"):
            listed = [
                (str(model.name), str(model.latest_version))
                for model in client.models.list(list_view_type="ActiveOnly")
                if model.latest_version and NAME.fullmatch(str(model.name))
            ]
        known = self._known()
        wanted = [pair for pair in listed if pair not in known]
        self._progress(len(listed) - len(wanted), len(listed))
        for pair, entry in self._ask(client, wanted, len(listed)):
            known[pair] = entry
        found = [known[pair] for pair in listed if pair in known]
        self._compact(found)
        return iter(sorted(found, key=_order))

    def _ask(
        self, client: Any, wanted: list[tuple[str, str]], total: int
    ) -> Iterator[tuple[tuple[str, str], Entry]]:
        """Ask for these models, several at once; each is kept as it comes."""
        if not wanted:
            return
        self._kept.parent.mkdir(parents=True, exist_ok=True)
        done, stop = total - len(wanted), threading.Event()

        def one(pair: tuple[str, str]) -> Entry | None:
            if stop.is_set() or self._canceled():
                return None
            with translated(f"read the model {pair[0]} of {self.name}"):
                return entry_of(client.models.get(pair[0], pair[1]))

        pool = ThreadPoolExecutor(min(AT_ONCE, len(wanted)), thread_name_prefix="registry")
        asked = {pool.submit(one, pair): pair for pair in wanted}
        with self._kept.open("ab") as kept:
            try:
                for future in as_completed(list(asked)):
                    entry, pair = future.result(), asked.pop(future)
                    if entry is None:
                        raise KeyboardInterrupt
                    _write(kept, entry)
                    done += 1
                    if done % 50 == 0 or done == total:
                        os.fsync(kept.fileno())
                        self._progress(done, total)
                    yield pair, entry
            finally:
                stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
                for future in asked:  # what was answered while an error came is not asked again
                    if not future.cancelled() and not future.exception():
                        _write(kept, future.result())

    def _known(self) -> dict[tuple[str, str], Entry]:
        """What earlier syncs brought; a line that a kill cut is none."""
        found: dict[tuple[str, str], Entry] = {}
        try:
            content = self._kept.read_bytes()
        except OSError:
            return found
        if not content.endswith(b"\n"):
            with contextlib.suppress(OSError):
                os.truncate(self._kept, content.rfind(b"\n") + 1)
        for line in content[: content.rfind(b"\n") + 1].splitlines():
            with contextlib.suppress(ValueError, TypeError):
                values = json.loads(line)
                values |= {key: tuple(values[key]) for key in _TUPLES}
                entry = Entry(**values)
                found[entry.name, entry.version] = entry
        return found

    def _compact(self, entries: Iterable[Entry]) -> None:
        """Keep what the registry has now, and nothing of what it had."""
        lines = [json.dumps(asdict(entry)) for entry in entries]
        self._kept.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(self._kept, "".join(f"{line}\n" for line in lines).encode())


def _order(entry: Entry) -> tuple[bool, bool, str]:
    return (
        not TEXT_TASKS.intersection(entry.finetune_tasks),
        entry.hub_id is None,
        entry.name.casefold(),
    )


def _write(kept: IO[bytes], entry: Entry | None) -> None:
    if entry is not None:
        kept.write(json.dumps(asdict(entry)).encode() + b"\n")
        kept.flush()


def entry_of(model: Any) -> Entry:
    """A model of the SDK as an entry of the catalogue.

    Publishers write its facts into tags and properties, newer ones into system metadata.
    """
    tags, properties = dict(model.tags or {}), dict(model.properties or {})
    system = _mapping(getattr(model, "_system_metadata", None))
    tasks, sizes = _mapping(system.get("tasks")), _mapping(system.get("SKU"))
    facts = {key.lower(): value for key, value in (properties | tags).items()}
    stated = system.get("huggingFaceModelId") or facts.get("huggingface_model_id")
    mlmodel = {"flavors": _flavors(model)}
    return Entry(
        name=str(model.name),
        version=str(model.version),
        hub_id=hub_id_of(str(model.name), stated, mlmodel),
        license=license_of(system.get("license") or facts.get("license")),
        tasks=words(tasks.get("inferenceTasks") or facts.get("task")),
        finetune_tasks=words(tasks.get("fineTuningTasks") or facts.get("finetuning-tasks")),
        size_bytes=_bytes(facts.get("model_size_bytes") or facts.get("model-size-bytes")),
        architecture=architecture_of(mlmodel),
        languages=words(system.get("languages") or facts.get("languages")),
        skus=_skus(facts, sizes),
        defaults=defaults_of(_literal(facts.get("model_specific_defaults"))),
        description=model.description or None,
    )


def _skus(facts: dict[str, Any], sizes: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for job in JOBS:
        text = sizes.get(f"{job}MinSkuSpec") or facts.get(f"{job}-min-sku-spec")
        recommended = sizes.get(f"{job}RecommendedSkus") or facts.get(f"{job}-recommended-sku")
        minimum = None
        with contextlib.suppress(ValueError):  # one publisher's slip is no reason to end a sync
            minimum = minimum_of(str(text)) if text else None
        if minimum or recommended:
            found[job] = {"minimum": minimum, "recommended": list(words(recommended))}
    return found


def _flavors(model: Any) -> dict[str, Any]:
    flavors = model.flavors if isinstance(model.flavors, dict) else {}
    return {str(key): _mapping(value) for key, value in flavors.items()}


def _mapping(value: Any) -> dict[str, Any]:
    try:
        return dict(value or {})
    except (TypeError, ValueError):
        return {}


def _literal(value: Any) -> Any:
    """A mapping that was written as text: JSON, or as Python prints it."""
    if not isinstance(value, str):
        return value
    for read in (json.loads, ast.literal_eval):
        with contextlib.suppress(ValueError, SyntaxError, RecursionError):
            return read(value)
    return None


def _bytes(value: Any) -> int | None:
    text = str(value or "")
    return int(text) if text.isdigit() and int(text) > 0 else None
