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
    "TermsError",
    "UsageError",
]


class SignInError(RemoteError):
    """Nobody is signed in, or no longer: waiting does not help, somebody has to sign in."""


class TermsError(UsageError):
    """Somebody's terms have to be accepted first, by a yes of their own.

    Args:
        message: What they are needed for.
        question: Asks whether they are accepted.
        terms: Whose terms they are, what accepting them does and what it costs.
    """

    def __init__(self, message: str, *, question: str, terms: str) -> None:
        super().__init__(message, hint=f"Say --accept-terms if you accept them. {terms}")
        self.question, self.terms = question, terms
