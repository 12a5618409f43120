"""Where the published contract and the real service are known to differ, each with its reason.

A violation that is not listed here fails the test in which it happened.
"""

from __future__ import annotations

import re

from tests.azure.standin.world import Exchange

UNPUBLISHED = [
    (re.compile(r"/oauth2/v2\.0/|/\.well-known/"), "OpenID Connect, not Azure ML"),
    (re.compile(r"^/registrymanagement/"), "registry discovery is in no published specification"),
    (re.compile(r"^/discovery"), "workspace discovery is in no published specification"),
    (re.compile(r"^/history/v1\.0/"), "published with experiment names in its paths alone"),
    (re.compile(r"^/(data|modelregistry|metric|mlflow)/v"), "data planes without a specification"),
    (re.compile(r"^/logs/"), "a signed address in the storage account"),
    (
        re.compile(r"^/score$|^/batch/|^/chat/completions$"),
        "the scoring address belongs to the model",
    ),
    (re.compile(r"/mfeOperation(sStatus|Results)/"), "Azure Resource Manager's operations"),
]
"""Paths that no specification describes."""

OTHER_VERSIONS = {
    "2024-10-01-preview": "2024-04-01-preview",
    "2021-10-01-dataplanepreview": "2024-04-01",
    "2023-10-01": "2024-04-01",
    "2023-04-01": "2024-04-01",
    "2023-02-01-preview": "2023-04-01-preview",
}
"""Versions that the SDK sends and of which no specification is at hand: the nearest one that is."""

_WAIVERS: list[tuple[str, str, str, str]] = [
    (
        r"/datastores(/[^/]+)?$",
        "OBJECT_MISSING_REQUIRED_PROPERTY",
        r"/credentials/secrets",
        "Microsoft's own server leaves the secrets out unless listSecrets is asked",
    ),
    (
        r"/batchEndpoints/[^/]+$",
        "ENUM_CASE_MISMATCH",
        r"/properties/authMode",
        "the SDK writes aadToken for AADToken; the service does not regard the case",
    ),
    (
        r"/codes/[^/]+/versions/[^/]+$",
        "INVALID_TYPE",
        r"/properties/properties/hash_version",
        "the SDK writes the version of its hashes as a number, and the service takes it",
    ),
]
"""Path, code of the violation, place in the payload (patterns), reason."""


def waived(exchange: Exchange, code: str, place: str, message: str) -> str | None:
    """The reason for which this violation is no failure, None where there is none."""
    for path, wanted, where, reason in _WAIVERS:
        if (
            re.search(path, exchange.request.path, re.IGNORECASE)
            and wanted == code
            and re.search(where, f"{place} {message}")
        ):
            return reason
    return None
