"""Starting without what a run does not need.

transformers imports datasets, peft and scipy at its top wherever they are installed: more than a
second of each start, for nothing that training on texts in memory needs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module

ALWAYS = ("datasets", "scipy")
PEFT = "peft"


def leave_out(packages: Iterable[str]) -> None:
    """Import transformers so that it believes these not to be installed.

    They can be imported all the same. transformers asks once, at its first import, and remembers
    the answer: where that was before, this changes nothing.
    """
    if "transformers" in sys.modules:
        return
    known = {name: sys.modules.get(name) for name in packages}
    # None is how Python itself marks a module that can't be imported.
    sys.modules.update(dict.fromkeys(known))  # type: ignore[arg-type]
    try:
        found = import_module("transformers.utils.import_utils")
        for name in known:
            getattr(found, f"is_{name}_available")()
    finally:
        for name, module in known.items():
            del sys.modules[name]
            if module is not None:
                sys.modules[name] = module
