"""Which workspace is meant, how to sign in, and what is said where it fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fmtui.azure.settings import resolve
from fmtui.errors import BadInputError, FmtuiError, NotFoundError, RemoteError
from fmtui.paths import Home
from fmtui.services import azure as service
from fmtui.services.context import Context
from tests.azure.standin import world as facts
from tests.azure.standin.faults import Fault, broken, forbidden, throttled, unauthorized
from tests.azure.standin.server import StandIn
from tests.command import fmtui

_CLOUD_KEYS = (
    "azure_portal", "resource_manager", "active_directory", "aml_resource_id",
    "storage_endpoint", "registry_discovery_endpoint",
)  # fmt: skip


@pytest.fixture
def nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No variable, no file and no default of Azure is set; the working folder is an empty one."""
    for name in ("AZURE_SUBSCRIPTION_ID", "AZUREML_RESOURCE_GROUP", "AZUREML_WORKSPACE",
                 "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "FMTUI_AZURE_CLOUD_METADATA",
                 "FMTUI_AZURE_PROFILE", "AZUREML_CURRENT_CLOUD"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path / "az"))
    (tmp_path / "here" / "below").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here" / "below")
    return tmp_path


def _profile(home: Home, text: str) -> None:
    home.root.mkdir(parents=True, exist_ok=True)
    home.config.write_text(text)


def test_each_place_stands_above_the_next(
    nothing: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert resolve(home).missing() == ["subscription", "resource group", "workspace"]
    assert not service.configured(Context(home, None))  # type: ignore[arg-type]

    az = nothing / "az"
    az.mkdir()
    (az / "config").write_text("[defaults]\ngroup = rg-az\nworkspace = ws-az\n")
    accounts = {"subscriptions": [{"id": "sub-az", "isDefault": True, "tenantId": "t"}]}
    (az / "azureProfile.json").write_text(json.dumps(accounts), encoding="utf-8-sig")
    found = resolve(home)
    assert (found.workspace, found.subscription, found.tenant) == ("ws-az", "sub-az", "t")

    values = {"subscription_id": "s", "resource_group": "g", "workspace_name": "ws-file"}
    (nothing / "here" / "config.json").write_text(json.dumps(values))
    assert resolve(home).workspace == "ws-file"
    assert resolve(home).found["workspace"].endswith("here/config.json")

    monkeypatch.setenv("AZUREML_WORKSPACE", "ws-env")
    assert resolve(home).workspace == "ws-env"

    _profile(home, '[azure]\nprofile = "team"\n[azure.profiles.team]\nworkspace = "ws-team"\n')
    assert resolve(home).workspace == "ws-team"
    assert resolve(home, {"workspace": "ws-flag"}).workspace == "ws-flag"
    assert resolve(home, {"workspace": "ws-flag"}).resource_group == "g"


def test_a_config_json_of_something_else_is_none_of_ours(nothing: Path, home: Home) -> None:
    (nothing / "here" / "below" / "config.json").write_text('{"model_type": "bert"}')
    (nothing / "here" / "config.json").write_text('{"workspace_name": "ws"}')
    assert resolve(home).workspace == "ws"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[azure]\nsecret = 'x'\n", "[azure] knows"),
        ("[azure.profiles.team]\nclient_secret = 'x'\n", "client_secret: no such setting"),
        ("[azure.profiles.team]\nworkspace = 3\n", "workspace: no such setting, or no text"),
        ("[azure.profiles]\nteam = 3\n", "[azure.profiles.team]"),
    ],
)
def test_what_config_toml_can_not_say(home: Home, text: str, said: str) -> None:
    _profile(home, text)
    with pytest.raises(BadInputError) as caught:
        resolve(home)
    assert said in str(caught.value)


def test_profiles_are_chosen_by_name(nothing: Path, ctx: Context) -> None:
    _profile(
        ctx.home,
        '[azure.profiles.team]\nworkspace = "one"\n[azure.profiles.lab]\nworkspace = "two"\n',
    )
    with pytest.raises(NotFoundError, match="Nearest: team"):
        service.use(ctx, "teem")
    assert fmtui("azure", "use", "lab").code == 0
    assert [(p.name, p.current) for p in service.profiles(ctx)] == [("lab", True), ("team", False)]
    assert resolve(ctx.home).workspace == "two"
    assert resolve(ctx.home, {"profile": "team"}).workspace == "one"


def test_the_way_to_azure_is_told_step_by_step(azure: StandIn, ctx: Context) -> None:
    done = fmtui("azure", "status", "--json")
    assert done.code == 0, done.err
    steps = {step["name"]: step for step in done.json}
    assert list(steps) == ["settings", "cloud", "sign-in", "workspace", "registry"]
    assert all(step["verdict"] == "ok" for step in steps.values())
    assert steps["sign-in"]["found"] == "a token by Environment"
    assert "AZUREML_WORKSPACE" in steps["settings"]["found"]
    assert facts.LOCATION in steps["workspace"]["found"]
    assert service.last_sign_in().state == "ok"
    told = fmtui("doctor", "--json").json
    assert [c["name"] for c in told if c["name"].startswith("azure")][-1] == "azure registry"


def test_a_workspace_is_picked_and_kept(azure: StandIn, ctx: Context) -> None:
    assert fmtui("azure", "pick", "ws-model").code == 3
    assert fmtui("azure", "pick", facts.WORKSPACE, "--name", "mine").code == 0
    assert [p.name for p in service.profiles(ctx) if p.current] == ["mine"]
    kept = json.loads((ctx.home.root / "azure.json").read_text())["profiles"]["mine"]
    assert kept["workspace"] == facts.WORKSPACE
    assert azure.secret not in json.dumps(kept)


def _fails_at(ctx: Context, name: str) -> service.Step:
    steps = list(service.examine(ctx))
    assert steps[-1].verdict == "error"
    assert steps[-1].name == name, steps
    return steps[-1]


def test_a_wrong_secret_is_said(
    azure: StandIn, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "another")
    step = _fails_at(ctx, "sign-in")
    assert "client secret is wrong (AADSTS7000215)" in step.found
    assert step.advice == "Set AZURE_CLIENT_SECRET anew."
    assert service.last_sign_in().state == "failed"


def test_an_unknown_workspace_is_said(azure: StandIn, ctx: Context) -> None:
    steps = list(service.examine(ctx, {"workspace": "ws-other"}))
    assert steps[-1].name == "workspace"
    assert "ws-other" in steps[-1].found


def test_a_certificate_that_is_not_trusted_is_said(
    azure: StandIn, ctx: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from tests.azure.standin.certificates import make

    stranger = make(tmp_path / "other", ["elsewhere.test"])
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(stranger.ca))
    step = _fails_at(ctx, "sign-in")
    assert "certificate is not trusted" in step.found
    assert "REQUESTS_CA_BUNDLE" in str(step.advice)


@pytest.mark.parametrize(
    ("answer", "said", "hint"),
    [
        (forbidden("read"), "the right Microsoft.MachineLearningServices/workspaces/read",
         "AzureML Data Scientist"),
        (throttled("600"), "asks to slow down", "in 600 s"),
        (unauthorized(), "the sign-in is not valid", "fmtui azure login"),
        (broken(), "a fault of its own (500)", "Try again"),
    ],
)  # fmt: skip
def test_refusals_become_sentences(
    azure: StandIn, ctx: Context, answer: object, said: str, hint: str
) -> None:
    from fmtui.azure.connection import connect
    from fmtui.azure.errors import translated

    azure.world.faults.plan(Fault("GET", f"workspaces/{facts.WORKSPACE}$", None, answer=answer))  # type: ignore[arg-type]
    connection = connect(ctx.home)
    connection.retries = 0
    with pytest.raises(FmtuiError) as caught, translated("look at the workspace"):
        connection.workspace.workspaces.get(facts.WORKSPACE)
    assert isinstance(caught.value, RemoteError)
    assert said in caught.value.message
    assert hint in str(caught.value.hint)


def test_a_clock_that_is_wrong_is_said(azure: StandIn, ctx: Context) -> None:
    from fmtui.azure.connection import connect
    from fmtui.azure.errors import translated
    from tests.azure.standin.http import Answer

    answer = unauthorized()
    late = Answer(401, answer.json, headers={"Date": "Tue, 24 Nov 2020 08:00:00 GMT"})
    azure.world.faults.plan(Fault("GET", f"workspaces/{facts.WORKSPACE}$", None, answer=late))
    connection = connect(ctx.home)
    connection.retries = 0
    with pytest.raises(RemoteError, match="minutes later than Azure's"), translated("x"):
        connection.workspace.workspaces.get(facts.WORKSPACE)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("{", "is no JSON"),
        ("{}", "says nothing of azure_portal"),
        (
            json.dumps(dict.fromkeys(_CLOUD_KEYS, "http://x")),
            "is no https address",
        ),
    ],
)  # fmt: skip
def test_a_cloud_file_that_can_not_be(
    nothing: Path, ctx: Context, monkeypatch: pytest.MonkeyPatch, values: str, said: str
) -> None:
    path = nothing / "cloud.json"
    path.write_text(values)
    monkeypatch.setenv("FMTUI_AZURE_CLOUD_METADATA", str(path))
    steps = list(service.examine(ctx))
    assert steps[-1].verdict == "error"
    assert said in steps[-1].found


def test_nothing_of_azure_is_imported_before_it_is_needed(azure: StandIn) -> None:
    """With a profile in force: help, lists and the first frame load neither azure nor msal."""
    code = (
        "import sys\n"
        "from fmtui.services import azure, catalog, runs, endpoints\n"
        "from fmtui.services.context import context\n"
        "import fmtui.cli.azure, fmtui.cli.finetune, fmtui.cli.endpoint\n"
        "assert azure.configured(context())\n"
        "azure.profiles(context()), azure.last_sign_in()\n"
        "runs.list_runs(context()), endpoints.list_endpoints(context())\n"
        "found = [m for m in sys.modules if m.split('.')[0] in ('azure', 'msal', 'requests')]\n"
        "assert not found, found\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
