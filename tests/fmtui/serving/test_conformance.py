"""The same script behind this server and behind Microsoft's own gives the same answers.

FMTUI_INFERENCE_SERVER names the python of a virtual environment that has
azureml-inference-server-http; it pins packages that can't live beside azure-ai-ml.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.serving_tools import Client, eventually

PYTHON = os.environ.get("FMTUI_INFERENCE_SERVER", "")

pytestmark = pytest.mark.skipif(
    not Path(PYTHON).is_file(), reason="FMTUI_INFERENCE_SERVER names no python"
)

SCRIPT = """
import json, os

def init():
    global where
    where = os.environ["AZUREML_MODEL_DIR"]

def run(raw):
    body = json.loads(raw)
    if body == "fail":
        raise RuntimeError("no")
    if body == "where":
        return os.path.isdir(where)
    return {"list": [1, "ação", None], "text": "a text", "json": '{"a": 1}', "float": 0.5,
            "nothing": None, "true": True}[body] if isinstance(body, str) else body
"""

SERVER = """
import sys
from wsgiref.simple_server import make_server
from azureml_inference_server_http.server.create_app import create
make_server("127.0.0.1", int(sys.argv[1]), create()).serve_forever()
"""


@pytest.fixture
def microsofts(tmp_path: Path) -> Iterator[Client]:
    """Their server on a free port, with SCRIPT."""
    script = tmp_path / "theirs" / "score.py"
    script.parent.mkdir()
    script.write_text(SCRIPT)
    (tmp_path / "theirs" / "model" / "1").mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {
        **os.environ,
        "AZUREML_ENTRY_SCRIPT": str(script),
        "AZUREML_MODEL_DIR": str(tmp_path / "theirs"),
    }
    process = subprocess.Popen(
        [PYTHON, "-c", SERVER, str(port)],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    client = Client(port, None)

    def answers() -> bool:
        try:
            return client("GET", "/").status == 200
        except OSError:
            assert process.poll() is None, "their server ended"
            return False

    try:
        eventually(answers)
        yield client
    finally:
        process.terminate()
        process.wait()


def test_answers_are_the_same(microsofts: Client, serve: Callable[..., Client]) -> None:
    ours = serve(SCRIPT)
    json_type = {"content_type": "application/json"}
    for body in ("list", "text", "json", "float", "nothing", "true", "where", [], {"a": [1]}, 0):
        theirs, here = microsofts.score(body, **json_type), ours.score(body, **json_type)
        assert (here.status, here.json()) == (theirs.status, theirs.json()), body
        assert here.headers["content-type"] == theirs.headers["content-type"]
    failed, failed_here = microsofts.score("fail", **json_type), ours.score("fail", **json_type)
    assert failed.status == failed_here.status == 500
    live, live_here = microsofts("GET", "/"), ours("GET", "/")
    assert (live.status, live.body) == (live_here.status, live_here.body)
    for method, path in (("GET", "/nothing"), ("DELETE", "/score"), ("GET", "/swagger.json")):
        assert microsofts(method, path).status == ours(method, path).status, (method, path)
