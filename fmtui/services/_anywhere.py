"""One verb for endpoints here and in Azure: the name decides which is meant."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from fmtui.services import azure_endpoints
from fmtui.services.context import Context

P = ParamSpec("P")
T = TypeVar("T")


def anywhere(
    verb: Callable[Concatenate[Context, str, P], T],
) -> Callable[Concatenate[Context, str, P], T]:
    """Let the function of the same name in `azure_endpoints` do it for an endpoint in Azure."""

    @wraps(verb)
    def chosen(ctx: Context, name: str, /, *args: P.args, **kwargs: P.kwargs) -> T:
        if azure_endpoints.owns(ctx, name):
            other: Any = getattr(azure_endpoints, verb.__name__)
            result: T = other(ctx, name, *args, **kwargs)
            return result
        return verb(ctx, name, *args, **kwargs)

    return chosen
