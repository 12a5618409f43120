"""`python -m registry.catalog DIR` writes the bundled table of facts from the specifications."""

from __future__ import annotations

import sys
from pathlib import Path

from registry.catalog import bundled
from registry.catalog.specs import Specifications
from registry.errors import FmtuiError


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: python -m registry.catalog DIR", file=sys.stderr)
        return 2
    try:
        entries = list(Specifications(Path(arguments[0]), descriptions=False).entries())
    except FmtuiError as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.exit_code
    bundled.FACTS.write_text(bundled.dumps(entries), encoding="utf-8")
    print(f"wrote {bundled.FACTS.name}: {len(entries)} models")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
