"""A sync of the catalogue as a form asks for it: from where, what of it, and the command for it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, fields

from fmtui.errors import UsageError
from fmtui.paths import expanded
from fmtui.services import azure, catalog
from fmtui.services.catalog import SyncResult
from fmtui.services.context import Context

HUB, LIVE, FOLDER = "huggingface", "azureml live", "azureml folder"


def sources(ctx: Context) -> list[str]:
    """From where models can be listed here; Azure ML itself only where a workspace is named."""
    return [HUB, *([LIVE] if azure.configured(ctx) else []), FOLDER]


@dataclass(frozen=True)
class SyncRequest:
    """What a person asks for; an empty text asks for nothing.

    `task` to `limit` are for the hub, `registry` is for Azure ML live, `folder` is a checkout of
    Azure ML's specifications.
    """

    source: str = HUB
    task: str = ""
    author: str = ""
    library: str = ""
    license: str = ""
    search: str = ""
    limit: str = ""
    registry: str = ""
    folder: str = ""

    def command(self) -> str:
        """The line that does the same. Raises UsageError for what can't be asked for."""
        if self.source == FOLDER:
            if not self.folder:
                raise UsageError("a folder is needed", hint="Type the path of a checkout.")
            return shlex.join(["fmtui", "catalog", "sync", "azureml", "--from", self.folder])
        if self.source == LIVE:
            named = ["--registry", self.registry] if self.registry else []
            return shlex.join(["fmtui", "catalog", "sync", "azureml", "--live", *named])
        words = ["fmtui", "catalog", "sync", HUB]
        for name in _FILTERS:
            if value := getattr(self, name):
                words += [f"--{name}", value]
        if self._limit() is not None:
            words += ["--limit", self.limit]
        return shlex.join(words)

    def _limit(self) -> int | None:
        if not self.limit:
            return None
        if not (self.limit.isascii() and self.limit.isdigit() and int(self.limit)):
            raise UsageError(f"limit: `{self.limit}` is no number of models")
        return int(self.limit)

    def run(self, ctx: Context, told: Callable[[str], None]) -> SyncResult:
        """Do it. Raises what the syncs of `fmtui.services.catalog` do, and what `told` raises."""
        self.command()
        if self.source == FOLDER:
            return catalog.sync_azureml(ctx, expanded(self.folder))
        if self.source == LIVE:
            return catalog.sync_registry(
                ctx,
                self.registry or "azureml",
                progress=lambda known, total: told(f"{known:,} of {total:,} models"),
            )
        return catalog.sync_huggingface(
            ctx,
            **{name: getattr(self, name) or None for name in _FILTERS},
            limit=self._limit(),
            progress=lambda count: told(f"{count:,} models listed"),
        )


_FILTERS = [f.name for f in fields(SyncRequest)][1:6]
