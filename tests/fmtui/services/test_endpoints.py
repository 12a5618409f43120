"""Endpoints from their making to their end, and what is left when processes are killed."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import socket
import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fmtui.errors import (
    BadInputError,
    ConflictError,
    NotFoundError,
    RemoteError,
    RunFailedError,
    StorageError,
    UsageError,
)
from fmtui.services import endpoints
from fmtui.services.context import Context
from fmtui.serving import supervisor
from fmtui.serving.control import is_locked
from tests.serving_tools import (
    BROKEN,
    ECHO,
    Client,
    client_of,
    eventually,
    folder_of,
    register_model,
)

Serve = Callable[..., Client]

pytestmark = pytest.mark.usefixtures("end_endpoints")


def _state(ctx: Context) -> str:
    return endpoints.show(ctx, "bank").state


def _kill(ctx: Context, *, server: bool = False, keeper: bool = False) -> None:
    folder = folder_of(ctx, "bank")
    identities = [folder.supervisor()] * keeper + [folder.server()] * server
    for identity in identities:
        assert identity is not None
        assert identity.signal(signal.SIGKILL)
        eventually(lambda i=identity: not i.alive())


def _script(tmp_path: Path, source: str) -> Path:
    path = tmp_path / "other_score.py"
    path.write_text(source)
    return path


def _left(ctx: Context) -> tuple[list[Path], int, int]:
    """Folders, rows of endpoints and rows of deployments that there are."""
    db = ctx.db.read()
    counts = [
        int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
        for table in ("endpoint", "deployment")
    ]
    return list(ctx.home.endpoints.glob("*")), counts[0], counts[1]


# Making


def test_from_create_to_delete(ctx: Context, tmp_path: Path) -> None:
    register_model(ctx, "toy")
    told: list[str] = []
    made = endpoints.create(ctx, "bank", progress=told.append)
    assert (made.state, made.deployments) == ("healthy", ())
    info = endpoints.deploy(
        ctx, "bank", "toy", script=_script(tmp_path, ECHO), progress=told.append
    )
    assert info.as_json() | {"created": ""} == {
        "endpoint": "bank",
        "target": "local",
        "kind": "online",
        "state": "healthy",
        "url": made.url,
        "deployments": [
            {"name": "blue", "model": "toy:1", "state": "healthy", "traffic": 100, "error": None}
        ],
        "created": "",
        "error": None,
    }
    assert any("loading toy:1" in line for line in told)
    assert endpoints.invoke(ctx, "bank", "{}").check().deployment == "blue"
    assert endpoints.list_endpoints(ctx) == [info]
    server = folder_of(ctx, "bank").server()
    endpoints.delete(ctx, "bank")
    assert server is not None
    assert not server.alive()
    assert _left(ctx) == ([], 0, 0)
    assert endpoints.list_endpoints(ctx) == []


def test_a_port_in_use_leaves_nothing_behind(ctx: Context) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConflictError, match=f"port {port} is in use") as error:
            endpoints.create(ctx, "bank", port=port)
    assert "--port" in str(error.value)
    assert _left(ctx) == ([], 0, 0)


def test_a_port_of_an_endpoint_that_is_stopped_stays_its_own(serve: Serve, ctx: Context) -> None:
    port = serve().port
    endpoints.stop(ctx, "bank")
    with pytest.raises(ConflictError, match="belongs to endpoint `bank`"):
        endpoints.create(ctx, "other", port=port)
    assert endpoints.start(ctx, "bank").port == port


def test_names_and_addresses_that_cannot_be(ctx: Context) -> None:
    with pytest.raises(BadInputError, match="can't be the name"):
        endpoints.create(ctx, "../bank")
    with pytest.raises(BadInputError, match="can't listen on"):
        endpoints.create(ctx, "bank", host="192.0.2.1")
    with pytest.raises(UsageError, match="no target `elsewhere`"):
        endpoints.create(ctx, "bank", target="elsewhere")
    with pytest.raises(BadInputError, match="no workspace of Azure ML is known"):
        endpoints.create(ctx, "bank", target="azureml")
    assert _left(ctx) == ([], 0, 0)
    endpoints.create(ctx, "bank")
    with pytest.raises(ConflictError, match="exists"):
        endpoints.create(ctx, "bank")
    assert _state(ctx) == "healthy"


def test_unknown_names_come_with_the_nearest(serve: Serve, ctx: Context) -> None:
    serve()
    with pytest.raises(NotFoundError, match="Nearest: bank"):
        endpoints.show(ctx, "bnak")
    with pytest.raises(NotFoundError, match="toy"):
        endpoints.deploy(ctx, "bank", "tooy")
    with pytest.raises(NotFoundError, match="Nearest: blue"):
        endpoints.traffic(ctx, "bank", {"blu": 100})


def test_keys_are_the_owners_alone(ctx: Context) -> None:
    endpoints.create(ctx, "bank")
    folder = folder_of(ctx, "bank")
    assert stat.S_IMODE(folder.keys_file.stat().st_mode) == 0o600
    keys = endpoints.keys(ctx, "bank")
    assert len(keys.primary) >= 40
    assert keys.primary != keys.secondary
    assert keys.primary not in repr(keys)
    assert keys.primary.encode() not in ctx.home.registry.read_bytes()
    server = folder.server()
    assert server is not None
    for file in ("cmdline", "environ"):
        assert keys.primary.encode() not in Path(f"/proc/{server.pid}/{file}").read_bytes()


# Deploying


def test_a_second_deployment_waits_for_its_traffic(serve: Serve, ctx: Context) -> None:
    serve()
    script = folder_of(ctx, "bank").path / "x.py"
    script.write_text(ECHO)
    info = endpoints.deploy(ctx, "bank", "toy", script=script)
    assert [(d.name, d.traffic) for d in info.deployments] == [("blue", 100), ("green", 0)]
    info = endpoints.deploy(ctx, "bank", "toy", name="third", traffic=25, script=script)
    assert [(d.name, d.traffic) for d in info.deployments] == [
        ("blue", 75),
        ("green", 0),
        ("third", 25),
    ]
    with pytest.raises(BadInputError, match="sum to 90, not to 100"):
        endpoints.traffic(ctx, "bank", {"blue": 80, "green": 10})
    with pytest.raises(BadInputError):
        endpoints.traffic(ctx, "bank", {"blue": 110, "green": -10})
    with pytest.raises(ConflictError, match="75% of the traffic"):
        endpoints.delete_deployment(ctx, "bank", "blue")
    endpoints.traffic(ctx, "bank", {"green": 100})
    info = endpoints.delete_deployment(ctx, "bank", "blue")
    assert [(d.name, d.traffic) for d in info.deployments] == [("green", 100), ("third", 0)]
    rows = ctx.db.read().execute("SELECT name, traffic FROM deployment ORDER BY name").fetchall()
    assert [tuple(row) for row in rows] == [("green", 100), ("third", 0)]


def test_replacing_a_deployment_drops_no_request(
    serve: Serve, ctx: Context, tmp_path: Path
) -> None:
    client = serve()
    statuses: list[int] = []
    models: set[str] = set()
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            answer = client.score({})
            statuses.append(answer.status)
            models.add(answer.json().get("model", "new"))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for number in range(3):
            source = f"def init(): pass\n\ndef run(raw):\n    return {{'model': 'v{number}'}}\n"
            endpoints.deploy(ctx, "bank", "toy", name="blue", script=_script(tmp_path, source))
            eventually(lambda n=number: f"v{n}" in models)
    finally:
        done.set()
        asking.join()
    assert set(statuses) == {200}
    assert len(list(folder_of(ctx, "bank").revisions.iterdir())) == 1


def test_a_model_that_does_not_load_leaves_what_was_there(
    serve: Serve, ctx: Context, tmp_path: Path
) -> None:
    client = serve()
    before = endpoints.show(ctx, "bank")
    script = _script(tmp_path, BROKEN)
    with pytest.raises(RunFailedError, match="the weights are upside down") as error:
        endpoints.deploy(ctx, "bank", "toy", name="blue", traffic=100, script=script)
    assert "fmtui endpoint logs bank" in str(error.value)
    with pytest.raises(RunFailedError, match="bank/green did not load"):
        endpoints.deploy(ctx, "bank", "toy", traffic=50, script=script)
    eventually(lambda: _state(ctx) == "healthy")
    assert endpoints.show(ctx, "bank") == before
    assert client.score({}).json()["model"] == "1"
    assert "Traceback" in endpoints.log_path(ctx, "bank").read_text()
    assert len(list(folder_of(ctx, "bank").revisions.iterdir())) == 1


def test_a_script_that_ends_the_process_is_given_up(
    serve: Serve, ctx: Context, tmp_path: Path
) -> None:
    client = serve()
    source = "import os\n\ndef init():\n    os._exit(7)\n\ndef run(raw): pass\n"
    with pytest.raises(RunFailedError, match=r"status 7 5 times in a row"):
        endpoints.deploy(ctx, "bank", "toy", script=_script(tmp_path, source))
    eventually(lambda: _state(ctx) == "healthy")
    assert client.score({}).status == 200


def test_a_load_that_hangs_is_ended_by_its_timeout(
    serve: Serve, ctx: Context, tmp_path: Path
) -> None:
    serve()
    source = "import time\n\ndef init():\n    time.sleep(3600)\n\ndef run(raw): pass\n"
    with pytest.raises(RunFailedError, match=r"not ready within 0\.5 s"):
        endpoints.deploy(ctx, "bank", "toy", timeout=0.5, script=_script(tmp_path, source))
    info = endpoints.deploy(ctx, "bank", "toy", script=_script(tmp_path, ECHO), timeout=10)
    assert info.state == "healthy"


def test_what_cannot_be_served_is_refused_before_anything_starts(
    ctx: Context, tmp_path: Path
) -> None:
    endpoints.create(ctx, "bank")
    odd = register_model(ctx, "odd")
    (odd / "config.json").write_text('{"architectures": ["WhisperEncoderThing"]}')
    with pytest.raises(BadInputError, match="WhisperEncoderThing has no task"):
        endpoints.deploy(ctx, "bank", "odd")
    (odd / "config.json").write_text('{"architectures": ["BertForSequenceClassification"]}')
    with pytest.raises(BadInputError, match="no safetensors file"):
        endpoints.deploy(ctx, "bank", "odd")
    for source, sentence in (
        ("def init(:", "is no Python"),
        ("def init(): pass", "defines no function `run`"),
    ):
        with pytest.raises(BadInputError, match=sentence):
            endpoints.deploy(ctx, "bank", "odd", script=_script(tmp_path, source))
    with pytest.raises(BadInputError, match="can't be a share"):
        endpoints.deploy(ctx, "bank", "odd", traffic=101, script=_script(tmp_path, ECHO))
    assert _left(ctx)[1:] == (1, 0)
    assert endpoints.show(ctx, "bank").deployments == ()


def test_a_full_disk_leaves_no_half_of_a_deployment(
    serve: Serve, ctx: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve()
    before = endpoints.show(ctx, "bank")

    def full(path: Path, value: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("fmtui.serving.definition.write_json", full)
        with pytest.raises(StorageError, match="No space left on device"):
            endpoints.deploy(ctx, "bank", "toy", script=_script(tmp_path, ECHO))
        with pytest.raises(StorageError):
            endpoints.create(ctx, "other")
    assert endpoints.list_endpoints(ctx) == [before]
    assert _left(ctx)[1:] == (1, 1)
    assert len(list(folder_of(ctx, "bank").revisions.iterdir())) == 1
    assert not list(ctx.home.endpoints.glob(".*"))
    assert client.score({}).status == 200


def test_a_stopped_endpoint_whose_port_was_taken_takes_no_deployment(
    serve: Serve, ctx: Context, tmp_path: Path
) -> None:
    client = serve()
    endpoints.stop(ctx, "bank")
    with (
        socket.create_server(("127.0.0.1", client.port), reuse_port=False),
        pytest.raises(ConflictError, match=f"port {client.port} is in use"),
    ):
        endpoints.deploy(ctx, "bank", "toy", script=_script(tmp_path, ECHO))
    info = endpoints.show(ctx, "bank")
    assert (info.state, [d.name for d in info.deployments]) == ("stopped", ["blue"])


# Killing


def test_a_server_that_is_killed_is_started_again(serve: Serve, ctx: Context) -> None:
    client = serve()
    before = folder_of(ctx, "bank").server()
    _kill(ctx, server=True)
    eventually(lambda: _state(ctx) == "healthy")
    assert folder_of(ctx, "bank").server() != before
    assert client.score({}).status == 200
    log = endpoints.log_path(ctx, "bank").read_text()
    assert "the server was ended by SIGKILL; starting it again" in log


def test_a_supervisor_that_is_killed_leaves_the_server_serving(
    serve: Serve, ctx: Context, tmp_path: Path
) -> None:
    client = serve()
    server = folder_of(ctx, "bank").server()
    _kill(ctx, keeper=True)
    assert _state(ctx) == "healthy"
    assert client.score({}).status == 200
    # The next command that changes something brings a new one, which adopts the server.
    endpoints.deploy(ctx, "bank", "toy", script=_script(tmp_path, ECHO))
    assert folder_of(ctx, "bank").server() == server
    _kill(ctx, server=True)
    eventually(lambda: _state(ctx) == "healthy")
    assert client.score({}).status == 200


def test_a_home_that_is_deleted_by_hand_leaves_no_process(serve: Serve, ctx: Context) -> None:
    serve()
    folder = folder_of(ctx, "bank")
    server, keeper = folder.server(), folder.supervisor()
    assert server is not None
    assert keeper is not None
    shutil.rmtree(ctx.home.root)
    eventually(lambda: not server.alive() and not keeper.alive())


def test_when_both_are_killed_it_is_not_shown_as_healthy(serve: Serve, ctx: Context) -> None:
    client = serve()
    _kill(ctx, keeper=True, server=True)
    info = endpoints.show(ctx, "bank")
    assert (info.state, info.deployments[0].state) == ("failed", "failed")
    assert "its processes are gone" in str(info.error)
    with pytest.raises(RemoteError, match="does not answer") as error:
        endpoints.invoke(ctx, "bank", "{}")
    assert "fmtui endpoint start bank" in str(error.value)
    info = endpoints.start(ctx, "bank")
    assert (info.state, info.port) == ("healthy", client.port)
    assert client.score({}).status == 200


def test_a_server_that_hangs_is_unhealthy(
    serve: Serve, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve()
    server = folder_of(ctx, "bank").server()
    assert server is not None
    server.signal(signal.SIGSTOP)
    try:
        assert _state(ctx) == "unhealthy"
    finally:
        server.signal(signal.SIGCONT)
    assert _state(ctx) == "healthy"
    assert client.score({}).status == 200


def test_a_server_that_dies_again_and_again_is_failed(
    serve: Serve, ctx: Context, tmp_path: Path
) -> None:
    serve(
        "import os, sys\n\ndef init():\n"
        "    if os.path.exists(os.environ['AZUREML_MODEL_DIR'] + '/bad'):\n"
        "        sys.stderr.write('the disk is gone\\n')\n"
        "        os._exit(9)\n\n"
        "def run(raw): return 1\n"
    )
    bad = ctx.home.models / "toy" / "1" / "bad"
    bad.touch()
    _kill(ctx, server=True)
    eventually(lambda: _state(ctx) == "failed")
    error = str(endpoints.show(ctx, "bank").error)
    assert f"{supervisor.QUICK_DEATHS} times in a row; last: the disk is gone" in error
    with pytest.raises(RunFailedError, match="the disk is gone"):
        endpoints.start(ctx, "bank")
    bad.unlink()
    assert endpoints.start(ctx, "bank").state == "healthy"


def test_a_port_that_was_taken_meanwhile(serve: Serve, ctx: Context) -> None:
    client = serve()
    endpoints.stop(ctx, "bank")
    assert _state(ctx) == "stopped"
    with (
        socket.create_server(("127.0.0.1", client.port), reuse_port=False),
        pytest.raises(ConflictError, match=f"port {client.port} is in use"),
    ):
        endpoints.start(ctx, "bank")
    assert _state(ctx) == "stopped"
    assert endpoints.start(ctx, "bank").state == "healthy"


# Ending


def test_stop_answers_what_was_asked(serve: Serve, ctx: Context) -> None:
    client = serve(
        "import os, time\n\ndef init(): pass\n\ndef run(raw):\n"
        "    open(os.environ['AZUREML_MODEL_DIR'] + '/began', 'w').close()\n"
        "    time.sleep(0.5)\n    return 'late'\n"
    )
    answers: list[object] = []
    asking = threading.Thread(target=lambda: answers.append(client.score({}).json()))
    asking.start()
    eventually((ctx.home.models / "toy" / "1" / "began").exists)
    info = endpoints.stop(ctx, "bank")
    asking.join()
    assert (answers, info.state) == (["late"], "stopped")
    assert endpoints.stop(ctx, "bank").state == "stopped"
    assert endpoints.log_path(ctx, "bank").read_text().endswith("the server ended\n")


def test_a_deletion_that_was_interrupted_is_finished(serve: Serve, ctx: Context) -> None:
    serve()
    folder = folder_of(ctx, "bank")
    with folder.change() as definition:
        folder.write(replace(definition, wanted="deleted"))
    assert _state(ctx) == "deleting"
    with pytest.raises(ConflictError, match="is being deleted"):
        endpoints.start(ctx, "bank")
    endpoints.delete(ctx, "bank")
    assert _left(ctx) == ([], 0, 0)
    assert not is_locked(folder.server_lock)
    with pytest.raises(NotFoundError):
        endpoints.delete(ctx, "bank")


def test_rows_or_folders_that_are_left_alone_can_be_deleted(ctx: Context) -> None:
    endpoints.create(ctx, "bank")
    with ctx.db.write() as db:
        db.execute("DELETE FROM endpoint")
    assert _state(ctx) == "healthy"
    endpoints.delete(ctx, "bank")
    with ctx.db.write() as db:
        db.execute(
            "INSERT INTO endpoint (name, target, state, created) "
            "VALUES ('bank', 'local', 'healthy', '2026')"
        )
    info = endpoints.show(ctx, "bank")
    assert (info.state, "its folder is gone" in str(info.error)) == ("failed", True)
    endpoints.delete(ctx, "bank")
    assert _left(ctx) == ([], 0, 0)


def test_a_foreign_process_with_the_pid_is_left_alone(serve: Serve, ctx: Context) -> None:
    serve()
    endpoints.stop(ctx, "bank")
    folder = folder_of(ctx, "bank")
    server = folder.server()
    assert server is not None
    replace(server, pid=os.getpid()).save(folder.process_file)  # used again by this very process
    assert _state(ctx) == "stopped"
    endpoints.delete(ctx, "bank")


def test_a_sample_request_fits_the_model(ctx: Context, bert: Path, tmp_path: Path) -> None:
    endpoints.create(ctx, "bank")
    assert "input_data" in endpoints.sample_request(ctx, "bank")
    register_model(ctx, "base", bert)
    endpoints.deploy(ctx, "bank", "base", script=_script(tmp_path, ECHO))
    sample = endpoints.sample_request(ctx, "bank")
    assert client_of(ctx, "bank")("POST", "/score", sample).status == 200
    assert "My card is gone" in sample


def test_the_commands_that_forms_show() -> None:
    assert endpoints.create_command("bank") == "fmtui endpoint create bank"
    assert (
        endpoints.deploy_command("bank", "banking:1", name="green", traffic=10)
        == "fmtui endpoint deploy bank --model banking:1 --name green --traffic 10"
    )
