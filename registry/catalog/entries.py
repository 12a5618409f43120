"""What a source of catalogue entries gives, whatever it reads: specifications, a hub, Azure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    """One model of a catalogue, as its source tells it.

    `skus` maps a job (inference, finetune, evaluation) to what it needs at least
    (`minimum`: cpus, gpus, memory_gib, disk_gib) and the instance types that are `recommended`.
    `defaults` are the parameters to finetune with that its publisher chose, values as words.
    """

    name: str
    version: str = ""
    hub_id: str | None = None
    license: str | None = None
    tasks: tuple[str, ...] = ()
    finetune_tasks: tuple[str, ...] = ()
    parameters: int | None = None
    size_bytes: int | None = None
    downloads: int | None = None
    architecture: str | None = None
    languages: tuple[str, ...] = ()
    gated: bool = False
    skus: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    description: str | None = None


class Source(Protocol):
    """A catalogue that can be mirrored. `name` is the first part of its references.

    `entries` yields every model once, best first: entries with downloads are ranked by them,
    the others keep this order.
    """

    @property
    def name(self) -> str: ...

    def entries(self) -> Iterable[Entry] | Iterator[Entry]: ...
