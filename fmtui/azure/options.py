"""What a job on Azure ML is asked for, as a run's spec holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

SERVERLESS = "serverless"


@dataclass(frozen=True)
class AzureOptions:
    """Where a job runs in Azure ML and what it is called there.

    `compute` is a cluster, None for serverless compute of `instance_type`. `given` names the
    workspace as the command did; see `fmtui.azure.settings`.
    """

    compute: str | None = None
    instance_type: str | None = None
    experiment: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)

    def as_spec(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> AzureOptions:
        """The options in a run's spec."""
        values = spec.get("azure") or {}
        return cls(**{key: values[key] for key in cls.__dataclass_fields__ if key in values})
