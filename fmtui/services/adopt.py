"""Models that other tools left in the hub's cache: registered where they are, by hard link."""

from __future__ import annotations

from collections.abc import Callable, Collection

from fmtui.errors import ConflictError, FmtuiError, NotFoundError
from fmtui.services.context import Context
from fmtui.services.models import suggest_name
from registry import queries
from registry.adopt import Adopted, Cached, cached_models

__all__ = ["Adopted", "Cached", "adopt", "cached_models", "find"]


def find(ctx: Context) -> list[Cached]:
    """What the cache holds, with what is registered already."""
    return cached_models(ctx.db)


def adopt(
    ctx: Context,
    repos: Collection[str] | None = None,
    told: Callable[[Cached], None] = lambda _: None,
) -> list[Adopted]:
    """Register models of the cache; every file is checked, none is copied or fetched.

    Args:
        repos: Their names (`ORG/NAME`); all that are not registered yet when left out.
        told: Called before each.

    Raises NotFoundError when the cache lacks one that is named; what can't be used is told in
    the answer, and the others go on.
    """
    found = {cached.repo: cached for cached in find(ctx)}
    for repo in repos or ():
        if repo not in found:
            raise NotFoundError(
                f"the hub's cache holds no {repo}", hint="`fmtui model adopt` lists what is there."
            )
    done = []
    for cached in found.values():
        if (cached.repo in repos) if repos else cached.ref is None:
            told(cached)
            done.append(_one(ctx, cached))
    return done


def _one(ctx: Context, cached: Cached) -> Adopted:
    from registry.importer import import_model

    names = [suggest_name(cached.source), cached.repo.replace("/", "-")]
    for name in names:
        try:
            id = import_model(
                ctx.db,
                ctx.home.models,
                cached.source,
                name=name,
                progress=lambda _: None,
                cached=True,
            )
            return Adopted(cached, queries.model_by_id(ctx.db.read(), id).ref, None)
        except ConflictError as error:
            taken: FmtuiError = error
        except FmtuiError as error:
            return Adopted(cached, None, error)
    return Adopted(cached, None, taken)
