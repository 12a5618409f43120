"""The two keys of an endpoint. They live in one file of mode 0600, and nowhere else."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

from fmtui.runs.process import write_json
from registry.errors import StorageError

Which = Literal["primary", "secondary"]


@dataclass(frozen=True, slots=True)
class EndpointKeys:
    """Either key opens the endpoint: two, so that one can be changed while the other serves."""

    primary: str = field(repr=False)
    secondary: str = field(repr=False)


def create_keys(path: Path) -> EndpointKeys:
    keys = EndpointKeys(secrets.token_urlsafe(32), secrets.token_urlsafe(32))
    write_json(path, asdict(keys), mode=0o600)
    return keys


def read_keys(path: Path) -> EndpointKeys:
    """Raises StorageError when the file is gone or holds no keys."""
    try:
        values = json.loads(path.read_text())
        return EndpointKeys(str(values["primary"]), str(values["secondary"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(
            f"the endpoint's keys in {path} can't be read",
            hint="Make new ones: `fmtui endpoint keys NAME --regenerate primary`.",
        ) from error


def regenerate_key(path: Path, which: Which) -> EndpointKeys:
    """Replace one key; a file that can't be read is replaced whole."""
    try:
        keys = read_keys(path)
    except StorageError:
        return create_keys(path)
    fresh = secrets.token_urlsafe(32)
    keys = replace(keys, primary=fresh) if which == "primary" else replace(keys, secondary=fresh)
    write_json(path, asdict(keys), mode=0o600)
    return keys
