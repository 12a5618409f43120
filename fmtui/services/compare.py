"""Runs side by side: metrics, and the settings that differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fmtui.errors import UsageError
from fmtui.services import runs
from fmtui.services.context import Context


@dataclass(frozen=True)
class Comparison:
    """Metrics and differing settings, each a list in the order of `runs`."""

    runs: tuple[str, ...]
    metrics: dict[str, list[float | None]]
    settings: dict[str, list[Any]]

    def as_json(self) -> dict[str, Any]:
        return {"runs": list(self.runs), "metrics": self.metrics, "settings": self.settings}

    def rows(self) -> list[tuple[str, list[str]]]:
        """For a table: a name and a cell a run."""
        measured = [
            (name, ["–" if v is None else f"{v:.4f}" for v in values])
            for name, values in self.metrics.items()
        ]
        return measured + [(n, [str(v) for v in values]) for n, values in self.settings.items()]


def compare(ctx: Context, refs: list[str]) -> Comparison:
    """Compare two runs or more. Raises UsageError for fewer, NotFoundError for unknown ones."""
    if len(refs) < 2:
        raise UsageError("name at least two runs", hint="`fmtui run compare r1 r2`")
    infos = [runs.show(ctx, ref) for ref in refs]
    specs = [runs.spec(ctx, ref) for ref in refs]
    names = dict.fromkeys(name for info in infos for name in info.metrics)
    keys = dict.fromkeys(key for spec in specs for key in spec.get("settings", {}))
    settings = {key: [spec.get("settings", {}).get(key) for spec in specs] for key in keys}
    settings = {"model": [i.model for i in infos], "data": [i.data for i in infos], **settings}
    return Comparison(
        tuple(info.run for info in infos),
        {name: [info.metrics.get(name) for info in infos] for name in names},
        {key: values for key, values in settings.items() if len(set(map(str, values))) > 1},
    )
