"""What every service needs: where things are, and the registry."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from fmtui.paths import Home, home
from registry.database import Database


@dataclass(frozen=True)
class Context:
    """Handed to every service as its first argument."""

    home: Home
    db: Database = field(compare=False)


@cache
def _context_of(where: Home) -> Context:
    return Context(where, Database(where.registry))


def context() -> Context:
    """The context of the home in force; one a process, so that connections are shared."""
    return _context_of(home())
