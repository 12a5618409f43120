"""The code that goes with a deployment in Azure: what of it is uploaded, in words and in fact."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fmtui.errors import UsageError
from fmtui.services._azure_endpoints import is_batch
from fmtui.services.context import Context
from fmtui.services.text import size

if TYPE_CHECKING:
    from fmtui.azure.code import Code


def plan_code(ctx: Context, endpoint: str, script: Path, code: Path | None = None) -> str:
    """What is uploaded with a deployment, in words. Raises what `deploy` raises."""
    return code_words(code_for(script, code, batch=is_batch(ctx, endpoint)))


def code_words(found: Code) -> str:
    """What is uploaded, in words."""
    if found.alone:
        return f"{found.script} is uploaded, and nothing else of {found.root}"
    return f"{len(found.files):,} files of {found.root} are uploaded, {size(found.size)}"


def code_for(script: Path, folder: Path | None, *, batch: bool) -> Code:
    """What is uploaded. Raises BadInputError, UsageError for a batch endpoint."""
    from fmtui.azure.code import code_of

    if batch:
        raise UsageError("--script is for endpoints that answer at once, not for batch")
    return code_of(script, folder)


def check_environment(environment: str | None) -> str:
    """What a script runs in. Raises UsageError where nothing is named."""
    if environment is None:
        raise UsageError("--script needs --environment", hint="azureml:NAME:VERSION, or an image.")
    return environment
