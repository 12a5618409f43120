"""Scoring scripts: which models the bundled one can serve, and how one gets into its folder."""

from __future__ import annotations

import ast
from pathlib import Path

from fmtui.runs.process import write_bytes
from fmtui.serving import score
from registry.errors import BadInputError


def task_of(folder: Path) -> str:
    """What the bundled script would do with the model in `folder`.

    Raises BadInputError when it can't serve it.
    """
    try:
        return score.task_of(score.read_config(folder))
    except score.BadRequest as error:
        raise BadInputError(str(error)) from error


def check_servable(folder: Path, ref: str) -> None:
    """Raises BadInputError when the bundled script can't serve the model `ref` in `folder`."""
    try:
        task_of(folder)
    except BadInputError as error:
        raise BadInputError(
            f"{ref} can't answer requests: {error.message}",
            hint="An endpoint can serve it with a scoring script of your own (--script).",
        ) from error
    if not any(folder.glob("*.safetensors")):
        raise BadInputError(
            f"{ref} can't answer requests: its folder holds no safetensors file",
            hint=f"`fmtui model verify {ref}` says what is missing.",
        )


def install_script(target: Path, script: Path | None = None) -> None:
    """Write `score.py` into its deployment's folder: the bundled one, or a copy of `script`.

    Raises BadInputError when `script` is no Python with `init` and `run`.
    """
    source = Path(score.__file__).read_bytes() if script is None else checked(script)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(target, source)


def checked(script: Path) -> bytes:
    """What a scoring script of one's own holds.

    Raises BadInputError when it is no Python with `init` and `run`.
    """
    try:
        source = script.read_bytes()
        tree = ast.parse(source)
    except OSError as error:
        raise BadInputError(
            f"can't be read: {error.strerror or error}", file=str(script)
        ) from error
    except (SyntaxError, ValueError) as error:
        raise BadInputError(
            f"is no Python: {getattr(error, 'msg', error)}",
            file=str(script),
            row=getattr(error, "lineno", None),
        ) from error
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    missing = [name for name in ("init", "run") if name not in functions]
    if missing:
        raise BadInputError(
            f"defines no function {' and no '.join(f'`{name}`' for name in missing)}",
            file=str(script),
            hint="A scoring script has `init()` and `run(raw)`, and perhaps `predict(list)`.",
        )
    return source
