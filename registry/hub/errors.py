"""What `huggingface_hub` raises, as sentences with what to do next."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from registry.errors import BadInputError, FmtuiError, NotFoundError, RemoteError, StorageError
from registry.redact import redact


@contextmanager
def hub_errors(repo: str, revision: str) -> Iterator[None]:
    """Turn what the library raises into a sentence."""
    try:
        yield
    except FmtuiError:
        raise
    except Exception as error:
        raise _sentence(error, repo, revision) from error


def _sentence(error: Exception, repo: str, revision: str) -> Exception:
    from huggingface_hub import constants, errors

    where = redact(constants.ENDPOINT)
    cause = (
        error.__cause__ if isinstance(error, errors.LocalEntryNotFoundError | ValueError) else None
    )
    if isinstance(cause, Exception):
        return _sentence(cause, repo, revision)
    if isinstance(error, errors.GatedRepoError):
        return RemoteError(
            f"hf:{repo} is gated: its owner must let you in",
            hint=f"Ask for access on {where}/{repo}, then set HF_TOKEN to your token.",
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return NotFoundError(f"hf:{repo} has no revision `{revision}`")
    if isinstance(error, errors.EntryNotFoundError):
        return NotFoundError(f"hf:{repo} lacks a file that it lists, or that was fetched in part")
    if isinstance(error, errors.HfHubHTTPError):
        return _answered(error, repo, where)
    if isinstance(error, errors.HFValidationError):
        return BadInputError(f"`{repo}` can't be the name of a model on the hub")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(
            "the disk is full: the hub's cache could not take the model",
            hint="Make room, or set HF_HOME to another disk.",
        )
    if isinstance(error, PermissionError | NotADirectoryError | IsADirectoryError):
        return StorageError(
            f"can't write to the hub's cache: {error.strerror}",
            hint="Set HF_HOME to another folder.",
        )
    if isinstance(error, OSError) and "Consistency check" in str(error):
        return RemoteError(
            f"a file of hf:{repo} came in part", hint="Try again; what is complete is kept."
        )
    odd = ValueError | KeyError | TypeError | AttributeError | RecursionError
    if isinstance(error, odd | errors.FileMetadataError):
        return RemoteError(
            f"{where} does not answer as a hub does",
            hint="Is HF_ENDPOINT right? Is a proxy between?",
        )
    return RemoteError(
        f"can't reach {where}",
        hint="Check the network and HF_ENDPOINT; with HF_HUB_OFFLINE=1 what is cached is used.",
    )


def _answered(error: Any, repo: str, where: str) -> Exception:
    status = error.response.status_code if error.response is not None else 0
    text = error.response.headers.get("X-Error-Message", "") if error.response is not None else ""
    if status == 401 and "nvalid" in f"{text} {getattr(error, 'server_message', '') or ''}":
        return RemoteError(
            f"{where} does not accept the token",
            hint="Set HF_TOKEN to a valid one, or unset it for a public model.",
        )
    if status in (401, 404):
        return NotFoundError(
            f"no model hf:{repo} on {where}, or it is private",
            hint="Check its name; for a private model set HF_TOKEN to a token that may read it.",
        )
    if status == 403:
        return RemoteError(
            f"{where} forbids hf:{repo}", hint="Ask its owner, or set HF_TOKEN to another token."
        )
    if status == 429:
        return RemoteError(f"{where} asks to slow down (429)", hint="Try again in a while.")
    return RemoteError(f"{where} answered {status}", hint="Try again in a while.")
