"""`fmtui endpoint` as a person or a script uses it: what is printed where, and exit codes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fmtui.services import endpoints
from fmtui.services.context import Context
from tests.serving_tools import ECHO, Client, eventually, register_model, write_classifier
from tests.tiny import TOPICS

Serve = Callable[..., Client]
Result = subprocess.CompletedProcess[str]

pytestmark = pytest.mark.usefixtures("end_endpoints")


def fmtui(*words: str, stdin: str = "", **env: str) -> Result:
    return subprocess.run(
        [sys.executable, "-m", "fmtui", *words],
        input=stdin,
        capture_output=True,
        text=True,
        env=os.environ | env,
        timeout=60,
    )


def test_a_model_from_deploy_to_an_answer(ctx: Context, tmp_path: Path) -> None:
    """The real thing: weights, the scoring script that comes with fmtui, HTTP, JSON."""
    register_model(ctx, "topics", write_classifier(tmp_path / "classifier"))
    made = fmtui("endpoint", "create", "bank", "--json")
    assert (made.returncode, json.loads(made.stdout)["state"]) == (0, "healthy")
    assert "starting the server" in made.stderr

    deployed = fmtui("endpoint", "deploy", "bank", "--model", "topics", "--json")
    assert deployed.returncode == 0, deployed.stderr
    assert "loading topics:1 as bank/blue" in deployed.stderr
    shown = json.loads(deployed.stdout)
    assert {"endpoint", "target", "state", "url", "deployments"} <= set(shown)
    assert [tuple(d[k] for k in ("name", "model", "state", "traffic")) for d in
            shown["deployments"]] == [("blue", "topics:1", "healthy", 100)]  # fmt: skip

    body = endpoints.sample_request(ctx, "bank")
    answered = fmtui("endpoint", "invoke", "bank", "--body", "-", stdin=body)
    assert answered.returncode == 0, answered.stderr
    assert [answer["label"] in TOPICS for answer in json.loads(answered.stdout)] == [True, True]

    refused = fmtui("endpoint", "invoke", "bank", "--body", '{"input_data": [1]}')
    assert (refused.returncode, refused.stdout) == (4, "")
    assert refused.stderr == "Error: the endpoint answered 400: row 1 is no text.\n"

    assert fmtui("endpoint", "delete", "bank").stdout == "bank deleted\n"
    assert json.loads(fmtui("endpoint", "list", "--json").stdout) == []


def test_the_body_comes_as_json_from_a_file_or_from_stdin(serve: Serve, tmp_path: Path) -> None:
    serve()
    file = tmp_path / "body.json"
    file.write_text('{"from": "ação"}', encoding="utf-8")
    answers = [
        fmtui("endpoint", "invoke", "bank", "--body", '{"from": "ação"}'),
        fmtui("endpoint", "invoke", "bank", "--body", f"@{file}", "--json"),
        fmtui("endpoint", "invoke", "bank", "--body", "-", stdin='{"from": "ação"}'),
    ]
    assert {a.stdout for a in answers} == {'{"body": {"from": "ação"}, "model": "1"}\n'}
    missing = fmtui("endpoint", "invoke", "bank", "--body", "@nothing.json")
    assert (missing.returncode, "nothing.json" in missing.stderr) == (4, True)


def test_a_wrong_key_is_a_sentence_and_exit_code_5(serve: Serve, tmp_path: Path) -> None:
    client = serve()
    by_env = fmtui("endpoint", "invoke", "bank", "--body", "{}", FMTUI_ENDPOINT_KEY="wrong")
    assert by_env.returncode == 5
    assert by_env.stderr.startswith("Error: the endpoint answered 401: the key is wrong")
    assert "Traceback" not in by_env.stderr
    file = tmp_path / "key"
    file.write_text(f"{client.key}\n")
    by_file = fmtui(
        "endpoint", "invoke", "bank", "--body", "{}", "--key-file", str(file),
        FMTUI_ENDPOINT_KEY="wrong",
    )  # fmt: skip
    assert by_file.returncode == 0


def test_a_port_in_use(ctx: Context) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        made = fmtui("endpoint", "create", "bank", "--port", port, "--json")
    assert made.returncode == 4
    assert made.stderr.startswith(f"Error: port {port} is in use by another program.")
    assert json.loads(made.stdout)["exit_code"] == 4
    assert endpoints.list_endpoints(ctx) == []
    assert list(ctx.home.endpoints.glob("*")) == []


def test_what_cannot_be_done_has_its_exit_code(serve: Serve) -> None:
    serve()
    codes = {
        ("create", "cloud", "--target", "elsewhere"): 2,
        ("deploy", "bank"): 2,
        ("show", "bnak"): 3,
        ("deploy", "bank", "--model", "nothing"): 3,
        ("traffic", "bank", "blue=90"): 4,
        ("traffic", "bank", "blue=much"): 4,
        ("create", "bank"): 4,
    }
    for words, code in codes.items():
        result = fmtui("endpoint", *words)
        assert (result.returncode, result.stdout) == (code, ""), (words, result.stderr)


def test_keys_are_printed_and_replaced(serve: Serve) -> None:
    client = serve()
    before = json.loads(fmtui("endpoint", "keys", "bank", "--json").stdout)
    assert before["primary"] == client.key
    result = fmtui("endpoint", "keys", "bank", "--regenerate", "primary", "--json")
    after = json.loads(result.stdout)
    assert after["primary"] != before["primary"]
    assert after["secondary"] == before["secondary"]
    assert client.score({}).status == 401


def test_tables_for_people(serve: Serve, ctx: Context, tmp_path: Path) -> None:
    assert "fmtui endpoint create NAME" in fmtui("endpoint", "list").stderr
    client = serve()
    url = f"http://127.0.0.1:{client.port}"
    listed = fmtui("endpoint", "list").stdout.splitlines()
    assert listed[0].split() == ["endpoint", "target", "state", "url", "deployments"]
    assert listed[1].split() == ["bank", "local", "healthy", url, "blue", "toy:1", "100%"]
    script = tmp_path / "green.py"
    script.write_text(ECHO)
    fmtui("endpoint", "deploy", "bank", "--model", "toy", "--script", str(script), "-q")
    shared = fmtui("endpoint", "traffic", "bank", "blue=90", "green=10").stdout.splitlines()
    assert shared[0] == f"bank  local  healthy  {url}"
    assert [line.split() for line in shared[2:]] == [
        ["blue", "toy:1", "healthy", "90%"],
        ["green", "toy:1", "healthy", "10%"],
    ]
    assert fmtui("endpoint", "stop", "bank").stdout.startswith("bank  local  stopped")
    assert "healthy" in fmtui("endpoint", "start", "bank").stdout


def test_logs_follow(serve: Serve, tmp_path: Path) -> None:
    client = serve()
    last = fmtui("endpoint", "logs", "bank", "-n", "1").stdout
    assert last.count("\n") == 1
    assert "blue is healthy" in last
    out = tmp_path / "out.txt"
    with out.open("w") as file:
        command = [sys.executable, "-u", "-m", "fmtui", "endpoint", "logs", "bank", "-f", "-n", "0"]
        follower = subprocess.Popen(command, stdout=file)

    def heard() -> bool:
        client.score({})  # again and again: it may begin to follow after the first ones
        return "POST /score 200 blue" in out.read_text()

    try:
        eventually(heard)
    finally:
        follower.terminate()
        follower.wait()


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from fmtui.cli import cli; import fmtui.cli.endpoint;"
        "cli(['endpoint', '--help'], standalone_mode=False);"
        "print(sorted({'torch', 'textual', 'sqlmodel', 'uvicorn', 'transformers'} & "
        "set(sys.modules)), file=sys.stderr)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.stderr == "[]\n"
