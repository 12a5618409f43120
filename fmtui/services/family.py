"""The line of a model as a tree: from its first ancestor to the last that was made of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fmtui.services.context import Context
from fmtui.services.text import result
from registry import queries
from registry.queries import Lineage
from registry.views import DeploymentInfo, ModelInfo

__all__ = ["Lineage", "Member", "family", "lineage"]


@dataclass(frozen=True)
class Member:
    """One line of the tree.

    Args:
        branch: What is drawn before the name, such as `│  └─ `.
        result: What the run that made it measured, in a word or two.
        deployments: The endpoint's name with each deployment of it.
        here: Whether it is the model that was asked for.
    """

    branch: str
    model: ModelInfo
    result: str
    deployments: tuple[tuple[str, DeploymentInfo], ...]
    here: bool

    def words(self) -> str:
        """How it came to be and where it is deployed."""
        made = f"by {self.model.run}" if self.model.run else ""
        places = [f"{e}/{d.name} {d.traffic}%" for e, d in self.deployments]
        deployed = f"on {', '.join(places)}" if places else ""
        return "   ".join(part for part in (made, self.result, deployed) if part)

    def as_json(self) -> dict[str, Any]:
        return {
            "ref": self.model.ref,
            "parent": self.model.parent,
            "run": self.model.run,
            "deployments": [f"{e}/{d.name}" for e, d in self.deployments],
        }


def lineage(ctx: Context, ref: str) -> Lineage:
    """What a version was made of, all that was made of it, and where they are deployed."""
    connection = ctx.db.read()
    return queries.lineage(connection, queries.model(connection, ref).id)


def family(ctx: Context, ref: str) -> tuple[Member, ...]:
    """The whole line of a model version, from its first ancestor on. Raises NotFoundError."""
    model = queries.model(ctx.db.read(), ref)
    line = queries.lineage(ctx.db.read(), model.id)
    above = list(enumerate(reversed(line.ancestors)))
    depth = len(above)
    below = [(depth + deeper, one) for deeper, one in line.descendants]
    members = [*above, (depth, model), *below]
    measured = _measured(ctx, [one for _, one in members])
    branches = _branches([depth for depth, _ in members])
    return tuple(
        Member(
            branch,
            one,
            measured.get(one.run or "", ""),
            tuple(line.deployed(one.ref)),
            one.id == model.id,
        )
        for branch, (_, one) in zip(branches, members, strict=True)
    )


def _measured(ctx: Context, models: Sequence[ModelInfo]) -> dict[str, str]:
    ids = json.dumps([int(one.run[1:]) for one in models if one.run])
    rows = ctx.db.read().execute(
        "SELECT id, metrics FROM run WHERE id IN (SELECT value FROM json_each(?))", (ids,)
    )
    return {f"r{row['id']}": result(json.loads(row["metrics"] or "{}")) for row in rows}


def _branches(depths: Sequence[int]) -> Iterator[str]:
    """What is drawn before each name of a tree that is listed from the top."""
    for at, depth in enumerate(depths):
        lead = ""
        for level in range(1, depth + 1):
            # The next that is as deep or less deep: a brother, or the end of the branch.
            after = next((d for d in depths[at + 1 :] if d <= level), -1)
            more = after == level
            lead += ("├─ " if more else "└─ ") if level == depth else ("│  " if more else "   ")
        yield lead
