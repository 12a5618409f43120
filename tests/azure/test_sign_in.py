"""Signing in, each way for real: by a code over SSH, as a machine, as an application."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from fmtui.azure import credentials
from fmtui.azure.connection import connect
from fmtui.errors import RemoteError, SignInError
from fmtui.services import azure as service
from fmtui.services.context import Context
from tests.azure.runs import until
from tests.azure.standin import accounts, identity, tokens
from tests.azure.standin import world as facts
from tests.azure.standin.faults import Fault
from tests.azure.standin.server import StandIn
from tests.command import fmtui

_CODE = re.compile(r"open (https://\S+) on any device and enter the code (\w+)")
_SECRET_WAYS = (
    "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER", "MSI_ENDPOINT", "AZURE_POD_IDENTITY_AUTHORITY_HOST",
)  # fmt: skip


@pytest.fixture
def person(azure: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StandIn:
    """Nothing but a person: no secret in the environment, a home folder that is empty."""
    for name in _SECRET_WAYS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    (tmp_path / "person").mkdir()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")  # and no machine of Azure's: nothing answers there
    monkeypatch.setattr("azure.identity._credentials.imds.IMDS_AUTHORITY", "http://127.0.0.1:9")
    return azure


def _auth(ctx: Context, way: str) -> None:
    """A profile that says how to sign in."""
    ctx.home.root.mkdir(parents=True, exist_ok=True)
    text = f'[azure]\nprofile = "p"\n[azure.profiles.p]\nauth = "{way}"\n'
    ctx.home.config.write_text(text)


def _sign_in(world: facts.World, ctx: Context, say: str = "yes") -> str:
    """Sign in as a person does: the code is entered in a browser once it is shown."""

    def prompt(words: str) -> None:
        found = _CODE.search(words)
        assert found and found[1] == accounts.PAGE
        if say != "nothing":
            accounts.enter(world, found[2], say=say)

    return service.sign_in(ctx, prompt)


def _tokens(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file() and ".IdentityService" in str(path)]


def test_a_code_signs_in_over_ssh(person: StandIn, ctx: Context, tmp_path: Path) -> None:
    """The command prints address and code, polls until somebody entered it, and is remembered."""
    words = [sys.executable, "-m", "fmtui", "azure", "login"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    found = _CODE.search(process.stderr.readline())
    assert found, "address and code are the first that is said"
    asked = "/oauth2/v2.0/token"
    until(lambda: len(person.world.requests("POST", asked)) >= 2, 20)
    accounts.enter(person.world, found[2])
    rest = process.stderr.read()
    assert process.wait(30) == 0, rest
    assert f"signed in as {accounts.PERSON}" in rest

    done = fmtui("azure", "status", "--json")
    steps = {step["name"]: step for step in done.json}
    assert steps["sign-in"]["found"] == f"{accounts.PERSON} by DeviceCode"
    assert steps["registry"]["verdict"] == "ok" and done.err == ""
    doctor = {c["name"]: c["found"] for c in fmtui("doctor", "--json").json}
    assert doctor["azure sign-in"] == f"{accounts.PERSON} by DeviceCode"

    (cache,) = [path for path in _tokens(tmp_path / "person") if path.suffix != ".lockfile"]
    assert cache.stat().st_mode & 0o077 == 0, "only its owner reads the tokens"
    secrets = [token for token in person.world.kept if token in cache.read_text()]
    assert secrets, "the sign-in is kept for the next command"
    assert fmtui("azure", "logout").code == 0
    assert not [token for token in person.world.kept if token in cache.read_text()]
    assert "nobody is signed in" in _failed(ctx).found


def _failed(ctx: Context) -> service.Step:
    steps = list(service.examine(ctx))
    assert (steps[-1].name, steps[-1].verdict) == ("sign-in", "error"), steps
    return steps[-1]


@pytest.mark.parametrize(
    ("say", "seconds", "words"),
    [("no", 900, "it was declined in the browser"),
     ("nothing", 2, "nobody entered the code in time")],
)  # fmt: skip
def test_a_code_that_is_declined_or_expires(
    person: StandIn, ctx: Context, say: str, seconds: int, words: str
) -> None:
    person.world.device_seconds = seconds
    with pytest.raises(SignInError, match=words) as caught:
        _sign_in(person.world, ctx, say)
    assert "fmtui azure login" in str(caught.value.hint)
    assert not (ctx.home.root / "azure-account.json").exists()


def test_a_sign_in_that_nobody_waits_for_ends(person: StandIn, ctx: Context) -> None:
    canceled: list[bool] = []

    def prompt(_: str) -> None:
        canceled.append(True)

    with pytest.raises(SignInError, match="given up"):
        service.sign_in(ctx, prompt, canceled=lambda: bool(canceled))
    assert not (ctx.home.root / "azure-account.json").exists()


def test_a_sign_in_that_is_taken_back_says_so_and_comes_back(person: StandIn, ctx: Context) -> None:
    person.world.token_seconds = 2
    _sign_in(person.world, ctx)
    assert all(step.verdict == "ok" for step in service.examine(ctx))
    accounts.take_back(person.world)
    step = _failed(ctx)
    assert "the sign-in was taken back, or the password changed (AADSTS50173)" in step.found
    assert step.advice == "Sign in again: `fmtui azure login`."
    _sign_in(person.world, ctx)
    assert all(step.verdict == "ok" for step in service.examine(ctx))


@pytest.fixture
def machine(person: StandIn) -> Iterator[identity.Identity]:
    """A machine of Azure's with an identity of its own."""
    with identity.serving(person.world) as serving:
        yield serving


@pytest.mark.parametrize("kind", ["virtual_machine", "app_service"])
@pytest.mark.parametrize("way", ["managed-identity", "default"])
def test_a_machine_signs_in_by_itself(
    machine: identity.Identity,
    ctx: Context,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    way: str,
) -> None:
    for name, value in getattr(machine, kind)().items():
        monkeypatch.setenv(name, value)
    _auth(ctx, way)
    steps = {step.name: step for step in service.examine(ctx)}
    assert steps["sign-in"].found == "a token by ManagedIdentity"
    assert steps["registry"].verdict == "ok"
    assert machine.asked


def test_an_identity_that_a_person_made_is_asked_for_by_name(
    person: StandIn, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    _auth(ctx, "managed-identity")
    with identity.serving(person.world, "made-by-a-person") as machine:
        for name, value in machine.app_service().items():
            monkeypatch.setenv(name, value)
        step = _failed(ctx)
        assert "this machine has no such managed identity" in step.found
        assert "AZURE_CLIENT_ID" in str(step.advice)
        monkeypatch.setenv("AZURE_CLIENT_ID", "made-by-a-person")
        assert all(step.verdict == "ok" for step in service.examine(ctx))


def test_a_machine_without_an_identity_says_so(
    machine: identity.Identity, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    _auth(ctx, "managed-identity")
    machine.absent = True
    for name, value in machine.virtual_machine().items():
        monkeypatch.setenv(name, value)
    assert "this machine has no such managed identity" in _failed(ctx).found


@pytest.mark.parametrize(
    ("way", "words"),
    [("managed-identity", "no managed identity answers here"),
     ("azure-cli", "nobody is signed in to Azure: Azure CLI not found on path"),
     ("device-code", "the sign-in has expired or was taken back"),
     ("service-principal", "a service principal needs AZURE_TENANT_ID, AZURE_CLIENT_ID"),
     ("default", "nobody is signed in to Azure")],
)  # fmt: skip
def test_where_nobody_is_signed_in_it_is_said_at_once(
    person: StandIn,
    ctx: Context,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    way: str,
    words: str,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(credentials.LIMITS, "read_timeout", 1)
    with socket.socket() as silent:  # takes connections and never answers, as a firewall does
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr("azure.identity._credentials.imds.IMDS_AUTHORITY", address)
        if way == "managed-identity":
            monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", address)
        _auth(ctx, way)
        began = time.monotonic()
        done = fmtui("azure", "status")
        taken = time.monotonic() - began
    assert done.code == 5 and words in done.out, done.out
    assert done.err == "", "what azure-identity warns of is no second report"
    assert taken < 6, taken
    step = _failed(ctx)
    assert step.advice, "what to do is said"


@pytest.mark.parametrize(
    ("name", "value", "said", "hint"),
    [("AZURE_CLIENT_SECRET", "old", "the client secret has expired (AADSTS7000222)",
      "Make a new one"),
     ("AZURE_CLIENT_SECRET", "other", "the client secret is wrong (AADSTS7000215)",
      "Set AZURE_CLIENT_SECRET anew"),
     ("AZURE_CLIENT_ID", "nobody", "there is no such application in the tenant", "AZURE_CLIENT_ID"),
     ("AZURE_TENANT_ID", "00000000-0000-4000-8000-000000000000", "there is no such tenant",
      "AZURE_TENANT_ID")],
)  # fmt: skip
@pytest.mark.parametrize("way", ["default", "service-principal"])
def test_an_application_that_is_refused(
    azure: StandIn,
    ctx: Context,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    name: str,
    value: str,
    said: str,
    hint: str,
) -> None:
    azure.world.expired_secrets.add("old")
    monkeypatch.setenv(name, value)
    _auth(ctx, way)
    step = _failed(ctx)
    assert said in step.found and hint in str(step.advice)


def test_a_sign_in_that_does_not_answer_is_given_up(
    azure: StandIn, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(credentials.LIMITS, "read_timeout", 1)
    azure.world.faults.plan(Fault("POST", "/oauth2/v2.0/token", None, delay=4.0))
    began = time.monotonic()
    with pytest.raises(RemoteError, match="can't reach") as caught:
        connect(ctx.home).token()
    assert not isinstance(caught.value, SignInError), "waiting may help here"
    assert time.monotonic() - began < 10


def _certificate(folder: Path, key: Any) -> Path:
    """A certificate with its key, as an application signs in by it."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(
        name, name, key.public_key(), 1, now, now + timedelta(days=1)
    ).sign(key, hashes.SHA256())
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = folder / "client.pem"
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize("way", ["default", "service-principal"])
def test_an_application_signs_in_by_its_certificate(
    azure: StandIn, ctx: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str
) -> None:
    path = _certificate(tmp_path, rsa.generate_private_key(65537, 2048))
    monkeypatch.delenv("AZURE_CLIENT_SECRET")
    monkeypatch.setenv("AZURE_CLIENT_CERTIFICATE_PATH", str(path))
    _auth(ctx, way)
    step = _failed(ctx)
    assert "the application does not know the certificate (AADSTS700027)" in step.found
    azure.world.client_certificates["client-of-tests"] = path
    assert all(step.verdict == "ok" for step in service.examine(ctx))

    monkeypatch.setenv("AZURE_CLIENT_CERTIFICATE_PATH", str(tmp_path / "no.pem"))
    done = fmtui("azure", "status")
    assert done.code == 5 and "no.pem: can't be read: No such file" in done.out, done.out
    _certificate(tmp_path, ec.generate_private_key(ec.SECP256R1()))
    monkeypatch.setenv("AZURE_CLIENT_CERTIFICATE_PATH", str(path))
    found = list(service.examine(ctx, {"client_id": "another"}))[-1]
    assert "must have an RSA private key" in found.found
    assert "AZURE_CLIENT_CERTIFICATE_PATH" in str(found.advice)


def _az(folder: Path, script: str) -> None:
    """An `az` that says what the real one would."""
    (folder / "az").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "az").chmod(0o755)


@pytest.mark.parametrize("way", ["default", "azure-cli"])
def test_who_signed_in_by_az_is_signed_in(
    person: StandIn, ctx: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    _auth(ctx, way)
    _az(tmp_path, "echo 'ERROR: Please run '\\''az login'\\'' to setup account.' >&2; exit 1")
    step = _failed(ctx)
    assert "nobody is signed in to Azure" in step.found and "az login" in str(step.advice)
    cases = ""
    for number, audience in enumerate(tokens.AUDIENCES):
        token = {"accessToken": tokens.issue(person.world, audience, "az"),
                 "expires_on": int(time.time()) + 3600}  # fmt: skip
        (tmp_path / f"{number}.json").write_text(json.dumps(token))
        cases += f"  *{audience}*) cat {tmp_path}/{number}.json;;\n"
    _az(tmp_path, f'case "$*" in\n{cases}esac')
    steps = {step.name: step for step in service.examine(ctx)}
    assert steps["sign-in"].found == "a token by AzureCli"
    assert steps["registry"].verdict == "ok"
