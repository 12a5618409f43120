"""The code that goes with a deployment: a scoring script alone, or a folder that somebody named.

The SDK uploads whole folders, and follows links out of them. So what goes is listed and looked at
first, and copied into a folder that holds nothing else.
"""

from __future__ import annotations

import ast
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from fmtui.errors import BadInputError
from fmtui.serving.scripts import checked

_MOST_FILES = 2000
_MOST_BYTES = 300 * 1000 * 1000
"""Above these a folder is hardly code. Azure ML's own limit of a job's code is 300 MB."""

_SECRET = (
    ".env", ".env.*", ".netrc", "_netrc", ".git-credentials", ".pypirc", "id_rsa*", "id_ed25519*",
    "id_ecdsa*", "*.pem", "*.key", "*.pfx", "*.p12", "*.kdbx", ".ssh", ".aws", ".azure", ".gnupg",
    ".kube", ".git", "azureProfile.json", "msal_token_cache.*",
)  # fmt: skip
"""Names of files and folders that hold keys, or a history in which there may be some."""

_IGNORE = (".amlignore", ".gitignore")


@dataclass(frozen=True)
class Code:
    """What is uploaded: files below `root`, with the script's path in it. `size` is in bytes."""

    root: Path
    script: str
    files: tuple[str, ...]
    size: int

    @property
    def alone(self) -> bool:
        return self.files == (self.script,)


def code_of(script: Path, folder: Path | None = None) -> Code:
    """Look at what would be uploaded; nothing is sent.

    Args:
        script: Defines `init` and `run`.
        folder: It goes whole, without what its .amlignore (or else .gitignore) names; the script
            is in it. Without one the script goes alone.

    Raises BadInputError for a script that can't score or needs what does not go with it, and for a
    folder that is a home, is large, leads out of itself or holds what looks like keys.
    """
    source = checked(script)
    script = Path.cwd() / script
    if folder is None:
        _needs_nothing(script, source)
        return Code(script.parent, script.name, (script.name,), len(source))
    root = Path.cwd() / folder
    if not root.is_dir():
        raise BadInputError("is no folder", file=str(folder))
    if not script.is_relative_to(root):
        raise BadInputError(
            f"does not lie in {folder}", file=str(script), hint="--code names a folder around it."
        )
    if Path.home().resolve().is_relative_to(root.resolve()):
        raise BadInputError(
            "holds your home folder, and all of it would be uploaded",
            file=str(folder),
            hint="Put the script into a folder with what it needs.",
        )
    files, size = _files(root)
    inside = script.relative_to(root).as_posix()
    if inside not in files:
        raise BadInputError(
            "would not be uploaded: the folder's ignore file names it", file=str(script)
        )
    return Code(root, inside, tuple(files), size)


def _needs_nothing(script: Path, source: bytes) -> None:
    """Raise BadInputError where the script imports what lies beside it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or alias.name for alias in node.names]
        else:
            continue
        for name in {name.partition(".")[0] for name in names}:
            beside = script.parent / name
            if beside.with_suffix(".py").is_file() or (beside / "__init__.py").is_file():
                raise BadInputError(
                    f"imports {name}, which lies beside it and would not be uploaded",
                    file=str(script),
                    row=node.lineno,
                    hint=f"--code {script.parent} uploads that folder whole.",
                )


def _files(root: Path) -> tuple[list[str], int]:
    """What lies below a folder and is not ignored: paths within it, and their bytes together."""
    from azure.ai.ml._utils._asset_utils import get_ignore_file

    ignore = get_ignore_file(root)
    found: list[str] = []
    size = 0
    for where, folders, names in os.walk(root):
        here = Path(where)
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        linked = [name for name in folders if (here / name).is_symlink()]
        for name in sorted([*names, *linked]):
            path = here / name
            inside = path.relative_to(root).as_posix()
            if name in _IGNORE or ignore.is_file_excluded(path):
                continue
            _harmless(root, path, inside)
            found.append(inside)
            size += path.stat().st_size
            if len(found) > _MOST_FILES or size > _MOST_BYTES:
                raise BadInputError(
                    f"is large for code: more than {_MOST_FILES:,} files or "
                    f"{_MOST_BYTES // 10**6} MB",
                    file=str(root),
                    hint="Name in its .amlignore what shall stay here; models are deployed by "
                    "--model.",
                )
    return found, size


def _harmless(root: Path, path: Path, inside: str) -> None:
    name_it = f"name {inside} in {root / '.amlignore'}"
    if path.is_symlink() and not path.resolve().is_relative_to(root.resolve()):
        raise BadInputError(
            "leads out of the folder that would be uploaded",
            file=str(path),
            hint=f"Copy what is needed, or {name_it}.",
        )
    if path.is_dir() or not path.is_file():
        raise BadInputError(
            "is neither a file nor a folder of files",
            file=str(path),
            hint=f"Remove it, or {name_it}.",
        )
    for part in (path.relative_to(root), *path.relative_to(root).parents):
        if any(fnmatch(part.name.lower(), pattern.lower()) for pattern in _SECRET):
            raise BadInputError(
                "may hold keys, and would be uploaded",
                file=str(root / part),
                hint=f"Name {part} in {root / '.amlignore'}, or move it.",
            )


@contextmanager
def staged(code: Code) -> Iterator[Path]:
    """A folder that holds these files and nothing else, while the block runs.

    Raises BadInputError when one can't be read.
    """
    with tempfile.TemporaryDirectory(prefix="fmtui-code-") as temp:
        folder = Path(temp) / "code"  # the same name each time: the SDK takes it for the same code
        for inside in code.files:
            target = folder / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copyfile(code.root / inside, target)
            except OSError as error:
                raise BadInputError(
                    f"can't be read: {error.strerror}", file=str(code.root / inside)
                ) from error
        yield folder
