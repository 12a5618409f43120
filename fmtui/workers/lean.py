"""Starting without what a run does not need.

transformers imports datasets, peft and scipy at its top wherever they are installed: more than a
second of each start, for nothing that training on texts in memory needs.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from fmtui.workers.adapters import is_adapter

ALWAYS = ("datasets", "scipy")


def leave_out(spec: Mapping[str, Any]) -> None:
    """Import transformers so that it believes what a run does not need not to be installed.

    They can be imported all the same. transformers asks once, at its first import, and remembers
    the answer: where that was before, this changes nothing.
    """
    if "transformers" in sys.modules:
        return
    names = ALWAYS if _needs_peft(spec) else (*ALWAYS, "peft")
    known = {name: sys.modules.get(name) for name in names}
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


def _needs_peft(spec: Mapping[str, Any]) -> bool:
    settings = spec.get("settings") or {}
    return bool(settings.get("apply_lora")) or is_adapter(Path(spec["model"]["path"]))
