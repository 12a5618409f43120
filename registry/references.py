"""Model and dataset references, as they are typed.

`azureml:NAME[@VERSION]`, `hf:ORG/NAME[@REVISION]`, `NAME[:VERSION]` (registered here), and the URI
`azureml://registries/azureml/models/N/versions/V`, which is accepted wherever a reference is. The
models of another registry of Azure ML have the URI alone; their source is the registry's name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

from registry.errors import BadInputError, NotFoundError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_URI = re.compile(r"azureml://registries/([^/]+)/models/([^/]+)(?:/versions/([^/]+))?/?")
_HUB = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?")


@dataclass(frozen=True, slots=True)
class Reference:
    """A parsed reference; `version` is None where the latest is meant.

    `source` is `azureml`, `hf`, `local`, or the name of another registry of Azure ML.
    """

    source: str
    name: str
    version: str | None = None

    def __str__(self) -> str:
        if self.source == "local":
            return f"{self.name}:{self.version}" if self.version else self.name
        if self.source not in ("azureml", "hf"):
            return self.uri
        prefix = f"{self.source}:{self.name}"
        return f"{prefix}@{self.version}" if self.version else prefix

    @property
    def uri(self) -> str:
        """The address of a model in its registry; the one of `azureml` has it too."""
        where = f"azureml://registries/{self.source}/models/{self.name}"
        return f"{where}/versions/{self.version}" if self.version else where


def parse(text: str) -> Reference:
    """Parse a model reference. Raises BadInputError when it has none of the forms."""
    text = text.strip()
    if match := _URI.fullmatch(text):
        return Reference(match[1], match[2], match[3])
    if text.startswith("azureml:"):
        name, _, version = text.removeprefix("azureml:").partition("@")
        if NAME.fullmatch(name):
            return Reference("azureml", name, version or None)
    elif text.startswith("hf:"):
        name, _, version = text.removeprefix("hf:").partition("@")
        if _HUB.fullmatch(name) and ".." not in name:
            return Reference("hf", name, version or None)
    else:
        name, _, version = text.partition(":")
        if NAME.fullmatch(name) and (not version or version.isdigit()):
            return Reference("local", name, version or None)
    raise BadInputError(
        f"`{text}` is no reference",
        hint="Use NAME[:VERSION] for a registered model, azureml:NAME[@VERSION] for the catalogue, "
        "hf:ORG/NAME[@REVISION] for the hub.",
    )


def check_name(name: str, what: str) -> str:
    """Return `name` if it can name a model, a dataset, an endpoint or a deployment."""
    if not NAME.fullmatch(name):
        raise BadInputError(
            f"`{name}` can't be the name of a {what}",
            hint="Use letters, digits, `.`, `_` and `-`, and begin with a letter or a digit.",
        )
    return name


def unknown(what: str, name: str, known: list[str], *, hint: str | None = None) -> NotFoundError:
    """The error for a name that names nothing, with the nearest ones that do."""
    typed = name.lower()
    begun = [k for k in known if typed and k.lower().startswith(typed)]
    near = list(dict.fromkeys([*begun, *get_close_matches(name, known, n=3, cutoff=0.5)]))[:3]
    if not near:
        near = [k for k in known if typed and typed[:4] in k.lower()][:3]
    if near:
        return NotFoundError(f"no {what} `{name}`", hint=f"Nearest: {', '.join(near)}.")
    return NotFoundError(f"no {what} `{name}`", hint=hint)
