"""JSON and YAML that somebody else wrote: what can't be taken is a ValueError, whatever it is."""

from __future__ import annotations

import json
import re
from typing import Any

_HALF = re.compile(r"\\u[dD][89a-fA-F]")


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises ValueError when it is broken, nested too deep, or holds half a character (a surrogate
    that stands alone), which neither the registry nor a terminal can take.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    try:
        value = json.loads(text)
        if _HALF.search(text):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    except UnicodeEncodeError as error:
        raise ValueError("it holds half a character (a lone surrogate)") from error
    return value


def parse_yaml(text: str) -> Any:
    """The value of a YAML text. Raises ValueError for whatever is wrong with it."""
    import yaml

    try:
        return yaml.safe_load(text)
    # Some of its constructors trip over the text itself: `!!int ""`, `!!timestamp x`.
    except (
        yaml.YAMLError, RecursionError, LookupError, AttributeError, TypeError, ArithmeticError
    ) as error:  # fmt: skip
        raise ValueError(str(error)) from error
