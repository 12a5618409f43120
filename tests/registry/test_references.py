"""References as they are typed."""

from __future__ import annotations

import pytest

from registry.errors import BadInputError
from registry.references import Reference, parse, unknown


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("azureml:gpt2", Reference("azureml", "gpt2")),
        ("azureml:gpt2@18", Reference("azureml", "gpt2", "18")),
        (
            "azureml://registries/azureml/models/gpt2/versions/18",
            Reference("azureml", "gpt2", "18"),
        ),
        ("azureml://registries/azureml/models/gpt2", Reference("azureml", "gpt2")),
        ("hf:org/name", Reference("hf", "org/name")),
        ("hf:gpt2@refs/pr/1", Reference("hf", "gpt2", "refs/pr/1")),
        (" minilm ", Reference("local", "minilm")),
        ("minilm:2", Reference("local", "minilm", "2")),
    ],
)
def test_every_form_is_read(text: str, reference: Reference) -> None:
    assert parse(text) == reference
    if "//" not in text:
        assert str(reference) == text.strip()


@pytest.mark.parametrize(
    "text",
    ["", ":", "a b", "../x", "minilm:new", "hf:", "hf:a/b/c", "hf:../x", "azureml:a/b", "x\x1b[2J"],
)
def test_what_is_none_is_told_with_the_forms(text: str) -> None:
    with pytest.raises(BadInputError, match="is no reference"):
        parse(text)


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("minilmm", "Nearest: minilm."),
        ("bank", "Nearest: banking, banking-2."),
        ("MINI", "Nearest: minilm."),
        ("zzz", None),
        ("", None),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest(typed: str, near: str | None) -> None:
    assert unknown("model", typed, ["minilm", "banking", "banking-2"]).hint == near
