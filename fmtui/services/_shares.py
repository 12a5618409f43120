"""How a deployment gets its name, and how the traffic is shared when one comes."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace

from fmtui.errors import BadInputError
from fmtui.serving.definition import Definition, Deployment
from registry.references import check_name
from registry.views import ModelInfo


def planned(
    before: Definition, model: ModelInfo, name: str | None, traffic: int | None
) -> tuple[Definition, Deployment]:
    """What the endpoint should be once `model` is deployed, and the deployment itself.

    Raises BadInputError when the name or the share can't be one.
    """
    name = check_name(name, "deployment") if name is not None else free_name(before, model)
    if traffic is not None and not 0 <= traffic <= 100:
        raise BadInputError(f"{traffic}% can't be a share", hint="Use a number from 0 to 100.")
    old = before.deployment(name)
    others = [d for d in before.deployments if d.name != name]
    if traffic is not None and not others and traffic != 100:
        raise BadInputError(
            f"{name} is the endpoint's only deployment: it takes all of the traffic",
            hint="Leave --traffic out.",
        )
    if traffic is not None:
        share = traffic
    elif old is not None:
        share = old.traffic
    else:
        share = 0 if others else 100
    revision = f"{name}.{secrets.token_hex(4)}"
    deployment = Deployment(name, revision, model.ref, model.path, share)
    after = before.with_deployment(deployment)
    if traffic is not None and others:
        shares = scaled({d.name: d.traffic for d in others}, 100 - share)
        after = replace(
            after,
            deployments=tuple(
                replace(d, traffic=shares.get(d.name, d.traffic)) for d in after.deployments
            ),
        )
    return replace(after, wanted="running", generation=before.generation + 1), deployment


def free_name(definition: Definition, model: ModelInfo) -> str:
    """`blue`, then `green`, then one made of the model's name and version."""
    taken = {d.name for d in definition.deployments}
    for name in ("blue", "green", f"{model.name}-{model.version}"):
        if name not in taken:
            return name
    number = 2
    while f"{model.name}-{model.version}-{number}" in taken:
        number += 1
    return f"{model.name}-{model.version}-{number}"


def scaled(shares: dict[str, int], total: int) -> dict[str, int]:
    """The shares in the same proportion, as whole numbers that sum to `total`.

    Largest remainders are rounded up; where all are 0, the first takes it.
    """
    whole = sum(shares.values())
    if not whole:
        first = next(iter(shares))
        return {name: total if name == first else 0 for name in shares}
    exact = {name: share * total / whole for name, share in shares.items()}
    result = {name: int(value) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: exact[name] - result[name], reverse=True)
    for name in by_remainder[: total - sum(result.values())]:
        result[name] += 1
    return result


def deployment_names(model: str) -> list[str]:
    word = model.rpartition(":")[2].partition("@")[0].rpartition("/")[2].lower()
    plain = "".join(c for c in word if c.isalnum() or c == "-").strip("-")[:20] or "model"
    return ["blue", "green", plain, *(f"{plain}-{n}" for n in range(2, 100))]


def shared(others: Mapping[str, int], name: str, share: int) -> dict[str, int]:
    """`share` for one, the rest for the others in proportion to what they had."""
    if not 0 <= share <= 100:
        raise BadInputError(f"a share of {share}%", hint="Give one from 0 to 100.")
    total = sum(others.values())
    if not total and share not in (0, 100):
        raise BadInputError(
            f"no other deployment has traffic, so that {name} takes all of it or none",
            hint="Leave --traffic out.",
        )
    if not total:
        return {**dict.fromkeys(others, 0), name: share}
    left = {n: value * (100 - share) // total for n, value in others.items()}
    first = max(left, key=lambda n: left[n])
    left[first] += 100 - share - sum(left.values())
    return {**left, name: share}
