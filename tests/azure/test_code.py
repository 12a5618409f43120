"""A scoring script of one's own in Azure: what is uploaded with it, and what never is."""

from __future__ import annotations

from pathlib import Path

import pytest

from fmtui.azure.code import code_of
from fmtui.errors import BadInputError
from fmtui.services import azure_endpoints, catalog
from fmtui.services.context import Context
from tests.azure import azurite
from tests.azure.standin import assets
from tests.azure.standin.outputs import client
from tests.azure.standin.server import StandIn
from tests.azure.standin.world import World
from tests.command import fmtui

MODEL = "azureml:roberta-base@19"
_SCORE = "def init():\n    pass\n\n\ndef run(raw):\n    return raw\n"


@pytest.fixture
def bank(azure: StandIn, ctx: Context) -> StandIn:
    """An endpoint `bank` on which nothing is deployed."""
    catalog.sync_registry(ctx)
    azure_endpoints.create(ctx, "bank")
    assets.put(azure.world, "environments", "scoring", "3", {"image": "mcr.microsoft.com/x:1"})
    return azure


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with code in it, and what is nobody's business."""
    home = tmp_path / "person"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "id_rsa").write_text("PRIVATE")
    (home / "diary.txt").write_text("dear diary")
    (home / "score.py").write_text(_SCORE)
    folder = home / "code"
    folder.mkdir()
    (folder / "score.py").write_text("import helpers\n" + _SCORE)
    (folder / "helpers.py").write_text("ANSWER = 42\n")
    monkeypatch.setenv("HOME", str(home))
    return folder


def _words(*more: str) -> list[str]:
    return ["endpoint", "deploy", "bank", "--model", MODEL, *more]


def _uploaded(world: World, deployment: str) -> set[str]:
    """The files of the code that a deployment was made with, as they lie in the real store."""
    (request,) = world.requests("PUT", f"/deployments/{deployment}")
    code = request.json["properties"]["codeConfiguration"]["codeId"].split("/codes/")[1]
    with client(world) as service:
        blobs = service.get_container_client(f"code-{code.partition('/')[0]}").list_blobs()
        return {str(blob.name) for blob in blobs}


def test_a_script_goes_alone(
    bank: StandIn, ctx: Context, uploads: azurite.Store, code: Path
) -> None:
    """Also where it lies in a home folder: nothing of that is uploaded."""
    script = code.parent / "score.py"
    assert "--script needs --environment" in fmtui(*_words("--script", str(script)), "--yes").err
    words = _words("--script", str(script), "--environment", "azureml:scoring:3")
    refused = fmtui(*words)
    assert refused.code == 2
    assert f"score.py is uploaded, and nothing else of {code.parent}" in refused.err
    done = fmtui(*words, "--yes", "--json")
    assert done.code == 0, done.err
    (request,) = bank.world.requests("PUT", "/deployments/")
    sent = request.json["properties"]
    assert sent["codeConfiguration"]["scoringScript"] == "score.py"
    assert "/codes/" in sent["codeConfiguration"]["codeId"]
    assert sent["environmentId"].endswith("/environments/scoring/versions/3")
    assert _uploaded(bank.world, "blue") == {"code/score.py"}


def test_a_folder_that_is_named_goes_whole(
    bank: StandIn, ctx: Context, uploads: azurite.Store, code: Path
) -> None:
    (code / "notes").mkdir()
    (code / "notes" / "draft.md").write_text("not for others")
    (code / "words.txt").write_text("fine")
    (code / ".amlignore").write_text("notes/\n")
    words = _words("--script", str(code / "score.py"), "--environment", "azureml:scoring:3")
    alone = fmtui(*words, "--yes")
    assert alone.code == 4
    assert "imports helpers, which lies beside it and would not be uploaded" in alone.err
    assert f"--code {code} uploads that folder whole" in alone.err
    words += ["--code", str(code)]
    refused = fmtui(*words)
    assert f"3 files of {code} are uploaded, " in refused.err
    done = fmtui(*words, "--yes", "--json")
    assert done.code == 0, done.err
    found = _uploaded(bank.world, "blue")
    assert found == {"code/score.py", "code/helpers.py", "code/words.txt"}


def test_an_upload_that_is_refused_ends(
    bank: StandIn, ctx: Context, uploads: azurite.Store, code: Path
) -> None:
    """The SDK would wait for ever for the file that was not sent."""
    bank.world.store_read_only = True
    words = _words("--script", str(code / "score.py"), "--environment", "azureml:scoring:3")
    done = fmtui(*words, "--code", str(code), "--yes")
    assert done.code == 5 and "can't deploy bank/blue" in done.err
    assert not bank.world.requests("PUT", "/deployments/")
    assert not azure_endpoints.unfinished(ctx), "nothing was begun"


@pytest.mark.parametrize(
    ("name", "said"),
    [(".env", "may hold keys, and would be uploaded"),
     ("certs/server.pem", "may hold keys, and would be uploaded"),
     (".git/HEAD", "may hold keys, and would be uploaded")],
)  # fmt: skip
def test_what_looks_like_a_key_is_not_uploaded(code: Path, name: str, said: str) -> None:
    path = code / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("x")
    with pytest.raises(BadInputError, match=said) as caught:
        code_of(code / "score.py", code)
    assert ".amlignore" in str(caught.value.hint)
    (code / ".amlignore").write_text(f"{name.partition('/')[0]}\n")
    assert code_of(code / "score.py", code).files == ("helpers.py", "score.py")


def test_folders_that_are_no_code_are_refused(code: Path, tmp_path: Path) -> None:
    home = code.parent
    for folder in (home, tmp_path):
        with pytest.raises(BadInputError, match="holds your home folder"):
            code_of(code / "score.py", folder)
    with pytest.raises(BadInputError, match="does not lie in"):
        code_of(home / "score.py", code)
    with pytest.raises(BadInputError, match="is no folder"):
        code_of(code / "score.py", code / "score.py")
    (code / "link.txt").symlink_to(home / "diary.txt")
    with pytest.raises(BadInputError, match="leads out of the folder"):
        code_of(code / "score.py", code)
    (code / "link.txt").unlink()
    with (code / "weights.bin").open("wb") as file:
        file.truncate(301 * 1000 * 1000)
    with pytest.raises(BadInputError, match="is large for code") as caught:
        code_of(code / "score.py", code)
    assert "--model" in str(caught.value.hint)


def test_scripts_that_can_not_score_are_refused_here(code: Path) -> None:
    """Azure would find out after minutes, with the machine billed."""
    script = code.parent / "score.py"
    script.write_text("def init():\n    pass\n")
    with pytest.raises(BadInputError, match="defines no function `run`"):
        code_of(script)
    script.write_text("def init(:\n")
    with pytest.raises(BadInputError, match="is no Python"):
        code_of(script)
    with pytest.raises(BadInputError, match="can't be read"):
        code_of(code / "no.py")


def test_a_folder_of_code_is_for_azure(code: Path, ctx: Context) -> None:
    script = ["--script", str(code / "score.py"), "--code", str(code)]
    done = fmtui("endpoint", "deploy", "here", "--model", "x", *script)
    assert done.code == 2 and "--code is for endpoints in Azure ML" in done.err
    done = fmtui("endpoint", "deploy", "here", "--model", "x", "--code", str(code))
    assert done.code == 2 and "Say --script too" in done.err
