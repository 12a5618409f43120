"""Uploads of folders by the SDK, mended: a file that could not be sent ends them.

azure-ai-ml 1.35 sends the files of a folder in a pool of threads, reads the faults of none of them
while it shows no progress, and then waits for ever until all were counted, in a count that the
threads share without a lock.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any


class _Pool(ThreadPoolExecutor):
    """A pool that raises the first fault of its jobs at its end."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._begun: list[Future[Any]] = []
        self._client: Any = None

    def submit(self, job: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self._client = kwargs.get("storage_client", self._client)
        future = super().submit(job, *args, **kwargs)
        self._begun.append(future)
        return future

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        super().__exit__(kind, error, trace)
        if kind is None:
            for future in self._begun:
                future.result()
            if self._client is not None:
                self._client.uploaded_file_count = self._client.total_file_count
        return None


def mend() -> None:
    """Let the SDK use this pool. Needs the SDK, so it is called where a client is made."""
    from azure.ai.ml._utils import _asset_utils

    _asset_utils.ThreadPoolExecutor = _Pool
