"""Which deployment answers: what is loaded, what is loading, and shares of the traffic."""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmtui.serving.batching import Batcher
from fmtui.serving.definition import (
    Definition,
    Deployment,
    DeploymentStatus,
    EndpointFolder,
    Status,
)
from fmtui.serving.keys import EndpointKeys, read_keys
from fmtui.serving.loader import Script
from fmtui.serving.log import log, log_error
from registry.errors import StorageError


@dataclass(frozen=True, slots=True)
class Loaded:
    """A revision that answers."""

    deployment: Deployment
    script: Script
    batcher: Batcher


class Router:
    """Follows the endpoint's definition: `reload` after each change of it.

    A revision is loaded while the one before it still answers, and takes its place in one step.
    """

    def __init__(self, folder: EndpointFolder, definition: Definition) -> None:
        self.folder = folder
        self.definition = definition
        self.keys = EndpointKeys("", "")
        self.loaded: dict[str, Loaded] = {}
        self._status: dict[str, DeploymentStatus] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loads: dict[str, asyncio.Task[None]] = {}
        self._loading = asyncio.Lock()

    def pick(self, name: str | None) -> Loaded | None:
        """The named deployment, or one by its share among those that are loaded."""
        if name is not None:
            return self.loaded.get(name)
        shares = {d.name: d.traffic for d in self.definition.deployments}
        ready = [loaded for n, loaded in self.loaded.items() if shares.get(n)]
        if not ready:
            return None
        if len(ready) == 1:
            return ready[0]
        return random.choices(ready, [shares[loaded.deployment.name] for loaded in ready])[0]

    def loads(self, name: str | None) -> bool:
        """Whether the named deployment, or any that has traffic, is on its way."""
        return any(
            self._status[d.name].state == "loading"
            for d in self.definition.deployments
            if d.name in self._status and (d.name == name if name else d.traffic)
        )

    def reload(self) -> None:
        """Read the definition and the keys again, and bring the deployments to it."""
        definition = self.folder.read()
        if definition is None:  # the folder is being removed
            return
        self.definition = definition
        try:
            self.keys = read_keys(self.folder.keys_file)
        except StorageError as error:
            log(str(error))
        wanted = {d.name: d for d in definition.deployments}
        for name in set(self._status) - set(wanted):
            del self._status[name]
        for revision in set(self._loads) - {d.revision for d in definition.deployments}:
            self._loads.pop(revision).cancel()
        for name in set(self.loaded) - set(wanted):
            self._retire(self.loaded.pop(name))
        for name, deployment in wanted.items():
            current = self.loaded.get(name)
            if current is not None and current.deployment.revision == deployment.revision:
                self._status[name] = DeploymentStatus(deployment.revision, "healthy")
                continue
            known = self._status.get(name)
            if known is None or known.revision != deployment.revision:
                self._status[name] = DeploymentStatus(deployment.revision, "loading")
                self._loads[deployment.revision] = self._spawn(self._load(deployment))
        self._publish()

    async def _load(self, deployment: Deployment) -> None:
        async with self._loading:
            log(f"loading {deployment.name}: {deployment.model}")
            began = time.monotonic()
            try:
                script = await self._load_script(deployment)
            except Exception as error:
                log_error(error)
                reason = f"{type(error).__name__}: {error}".splitlines()[0]
                self._set(deployment, "failed", reason)
                return
        batcher = Batcher(script.answer, limit=self.definition.limits.queue)
        before = self.loaded.get(deployment.name)
        self.loaded[deployment.name] = Loaded(deployment, script, batcher)
        if before is not None:
            self._retire(before)
        self._set(deployment, "healthy")
        log(f"{deployment.name} is healthy after {time.monotonic() - began:.1f} s")

    async def _load_script(self, deployment: Deployment) -> Script:
        """Load on a thread that nobody waits for once this is canceled: `init()` may hang."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Script] = loop.create_future()
        path, model_dir = self.folder.score_file(deployment), Path(deployment.model_dir)

        def settle(outcome: Script | Exception) -> None:
            if isinstance(outcome, Exception):
                if not future.done():
                    future.set_exception(outcome)
            elif future.done():
                outcome.unload()
            else:
                future.set_result(outcome)

        def load() -> None:
            try:
                outcome: Script | Exception = Script(path, model_dir)
            except Exception as error:
                outcome = error
            except BaseException as error:  # sys.exit() in a script ends no server
                outcome = RuntimeError(f"the script ended with {type(error).__name__}: {error}")
            loop.call_soon_threadsafe(settle, outcome)

        threading.Thread(target=load, name=f"load {deployment.name}", daemon=True).start()
        return await future

    def _set(self, deployment: Deployment, state: str, error: str | None = None) -> None:
        self._status[deployment.name] = DeploymentStatus(deployment.revision, state, error)
        self._publish()

    def _publish(self) -> None:
        status = Status(os.getpid(), self.definition.generation, dict(self._status))
        try:
            self.folder.write_status(status)
        except OSError as error:
            log(f"can't write the status: {error}")

    def _retire(self, loaded: Loaded) -> None:
        async def retire() -> None:
            await loaded.batcher.close()
            loaded.script.unload()
            log(f"{loaded.deployment.name} ({loaded.deployment.model}) left")

        self._spawn(retire())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)  # the loop itself keeps no task from being collected
        task.add_done_callback(self._tasks.discard)
        return task
