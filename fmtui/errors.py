"""All of fmtui's errors, in one tree; `registry.errors` holds its root."""

from registry.errors import (
    BadInputError,
    ConflictError,
    FmtuiError,
    NotFoundError,
    RemoteError,
    RunFailedError,
    StorageError,
    UsageError,
)

__all__ = [
    "BadInputError",
    "ConflictError",
    "FmtuiError",
    "NotFoundError",
    "RemoteError",
    "RunFailedError",
    "SignInError",
    "StorageError",
    "UsageError",
]


class SignInError(RemoteError):
    """Nobody is signed in, or no longer: waiting does not help, somebody has to sign in."""
