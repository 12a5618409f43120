"""What a program that speaks HTTP to an endpoint gets."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from fmtui.services import endpoints
from fmtui.services.context import Context
from fmtui.serving import control
from fmtui.serving.definition import Limits
from tests.serving_tools import (
    BATCHES,
    ECHO,
    Client,
    client_of,
    eventually,
    folder_of,
    register_model,
)

Serve = Callable[..., Client]


def test_the_script_answers_with_its_model_as_on_azure(serve: Serve) -> None:
    answer = serve().score({"input_data": ["hello"]})
    assert answer.status == 200
    assert answer.json() == {"body": {"input_data": ["hello"]}, "model": "1"}
    assert answer.headers["azureml-model-deployment"] == "blue"
    assert answer.headers["content-type"] == "application/json"


def test_liveness_and_description_need_no_key(serve: Serve) -> None:
    client = serve().with_key(None)
    live = client("GET", "/")
    assert (live.status, live.body) == (200, b"Healthy")
    described = client("GET", "/swagger.json").json()
    assert described["openapi"].startswith("3.")
    assert described["info"]["title"] == "bank"
    assert "post" in described["paths"]["/score"]


def test_only_the_two_keys_open_it(serve: Serve, ctx: Context) -> None:
    client = serve()
    keys = endpoints.keys(ctx, "bank")
    assert client.with_key(keys.secondary).score({}).status == 200
    missing = client.with_key(None).score({})
    assert (missing.status, missing.headers["www-authenticate"]) == (401, "Bearer")
    assert "a key is missing" in missing.message
    wrong = client.with_key("guess").score({})
    assert (wrong.status, "the key is wrong" in wrong.message) == (401, True)
    for header in ("", "Bearer", "Bearer ", f"Basic {keys.primary}", keys.primary, "Bearer é"):
        assert client.score({}, authorization=header).status == 401, header


def test_a_key_that_was_replaced_is_refused_at_once(serve: Serve, ctx: Context) -> None:
    client = serve()
    fresh = endpoints.regenerate(ctx, "bank", "primary")
    assert client.score({}).status == 401
    assert client.with_key(fresh.primary).score({}).status == 200
    assert client.with_key(fresh.secondary).score({}).status == 200


def test_what_is_no_json_is_refused_in_one_sentence(serve: Serve) -> None:
    client = serve()
    for body in (b"", b"{", b'{"input_data": [}', b"[" * 100_000):
        answer = client("POST", "/score", body)
        assert (answer.status, "is no JSON" in answer.message) == (400, True), body[:20]
        assert "\n" not in answer.message
    broken = client("POST", "/score", b'{"input_data": ["\xff\xfe"]}')
    assert (broken.status, broken.message) == (400, "the body is not UTF-8")


def test_other_addresses_and_methods(serve: Serve) -> None:
    client = serve()
    assert client("GET", "/nothing").status == 404
    answer = client("GET", "/score")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert client("POST", "/", b"{}").headers["allow"] == "GET, HEAD"
    head = client("HEAD", "/")
    assert (head.status, head.body) == (200, b"")


def _limit(ctx: Context, limits: Limits) -> None:
    folder = folder_of(ctx, "bank")
    with folder.change() as definition:
        folder.write(replace(definition, limits=limits, generation=definition.generation + 1))
    control.notify(folder)
    eventually(lambda: folder.status().generation > definition.generation)  # type: ignore[union-attr]


def test_a_body_that_is_too_large(serve: Serve, ctx: Context) -> None:
    client = serve()
    _limit(ctx, Limits(body_bytes=1000))
    assert client.score("x" * 900).status == 200
    answer = client.score("x" * 1001)
    assert (answer.status, answer.message) == (413, "the body is larger than 1,000 bytes")

    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=10)
    headers = {"authorization": f"Bearer {client.key}", "transfer-encoding": "chunked"}
    chunks = (b"x" * 400 for _ in range(5))  # no Content-Length to know it by
    connection.request("POST", "/score", chunks, headers, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


def test_a_stack_trace_reaches_the_log_and_not_the_answer(serve: Serve, ctx: Context) -> None:
    client = serve("def init(): pass\n\ndef run(raw):\n    raise KeyError('of the house')\n")
    answer = client.score({})
    assert (answer.status, answer.message) == (500, "the model failed on this request")
    log = endpoints.log_path(ctx, "bank").read_text()
    assert "Traceback" in log
    assert "of the house" in log
    assert "POST /score 500 blue" in log


def test_a_script_says_that_the_request_is_at_fault(serve: Serve) -> None:
    script = (
        "class Bad(Exception):\n    status_code = 422\n\n"
        "def init(): pass\n\ndef run(raw):\n    raise Bad('too short')\n"
    )
    answer = serve(script).score({})
    assert (answer.status, answer.message) == (422, "too short")


def test_an_answer_that_json_cannot_hold(serve: Serve) -> None:
    answer = serve("def init(): pass\n\ndef run(raw):\n    return {1, 2}\n").score({})
    assert answer.status == 500


def test_no_key_reaches_the_log(serve: Serve, ctx: Context) -> None:
    client = serve()
    client.score({})
    client.with_key("wrong-key").score({})
    log = eventually(lambda: endpoints.log_path(ctx, "bank").read_text())
    keys = endpoints.keys(ctx, "bank")
    assert not any(k in log for k in (keys.primary, keys.secondary, "wrong-key"))


@pytest.fixture
def held(serve: Serve, ctx: Context) -> tuple[Client, Path]:
    """A server whose first batch waits until the file `hold` goes."""
    client = serve(BATCHES)
    folder = ctx.home.models / "toy" / "1"
    (folder / "hold").touch()
    return client, folder


def _batches(folder: Path) -> list[int]:
    path = folder / "batches.txt"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def test_what_queued_meanwhile_is_one_batch(held: tuple[Client, Path]) -> None:
    client, folder = held
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(client.score, 0)
        eventually(lambda: _batches(folder) == [1])
        rest = [pool.submit(client.score, n) for n in range(1, 9)]
        eventually(lambda: _waiting(client.port) == 9)
        (folder / "hold").unlink()
        answers = [future.result().json() for future in [first, *rest]]
    assert answers == [{"got": n} for n in range(9)]
    assert _batches(folder) == [1, 8]


def test_a_request_that_breaks_the_script_breaks_no_other(held: tuple[Client, Path]) -> None:
    client, folder = held
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(client.score, "a")
        eventually(lambda: _batches(folder) == [1])
        rest = [pool.submit(client.score, body) for body in ("b", "break", "c")]
        eventually(lambda: _waiting(client.port) == 4)
        (folder / "hold").unlink()
        assert [f.result().status for f in [first, *rest]] == [200, 200, 500, 200]


def test_a_full_queue_says_when_to_try_again(serve: Serve, ctx: Context) -> None:
    client = serve(BATCHES)
    _limit(ctx, Limits(queue=2))
    script = folder_of(ctx, "bank").path / "score.py"
    script.write_text(BATCHES)
    endpoints.deploy(ctx, "bank", "toy", name="blue", script=script)  # with the new limit
    folder = ctx.home.models / "toy" / "1"
    (folder / "hold").touch()
    with ThreadPoolExecutor(3) as pool:
        running = pool.submit(client.score, 0)
        eventually(lambda: _batches(folder) == [1])
        waiting = [pool.submit(client.score, n) for n in (1, 2)]
        eventually(lambda: _waiting(client.port) == 3)
        refused = client.score(3)
        assert (refused.status, int(refused.headers["retry-after"]) >= 1) == (429, True)
        assert "too many requests" in refused.message
        (folder / "hold").unlink()
        assert [f.result().status for f in (running, *waiting)] == [200, 200, 200]
    assert client.score(4).status == 200


def test_who_leaves_is_not_computed_for(held: tuple[Client, Path]) -> None:
    client, folder = held
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(client.score, 0)
        eventually(lambda: _batches(folder) == [1])
        gone = http.client.HTTPConnection("127.0.0.1", client.port)
        gone.request("POST", "/score", "1", {"authorization": f"Bearer {client.key}"})
        eventually(lambda: _waiting(client.port) == 2)
        gone.close()
        eventually(lambda: _waiting(client.port) == 1)
        second = pool.submit(client.score, 2)
        eventually(lambda: _waiting(client.port) == 2)
        (folder / "hold").unlink()
        assert (first.result().status, second.result().status) == (200, 200)
    assert _batches(folder) == [1, 1]


def _waiting(port: int) -> int:
    """Connections to the server that are open, from the kernel's table."""
    here = f"0100007F:{port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(1 for row in rows if row[1] == here and row[3] == "01")


@pytest.fixture
def two(serve: Serve, ctx: Context, tmp_path: Path) -> Client:
    """`blue` of model toy and `green` of model other, which has no traffic."""
    serve()
    other = ctx.home.models / "other" / "other"
    register_model(ctx, "other", other)
    (tmp_path / "score.py").write_text(ECHO)
    endpoints.deploy(ctx, "bank", "other", script=tmp_path / "score.py")
    return client_of(ctx, "bank")


def test_the_header_picks_a_deployment(two: Client) -> None:
    answer = two.score({}, azureml_model_deployment="green")
    assert answer.json()["model"] == "other"
    assert answer.headers["azureml-model-deployment"] == "green"
    assert two.score({}).headers["azureml-model-deployment"] == "blue"
    assert two.score({}, azureml_model_deployment="red").status == 404


def test_traffic_goes_where_it_was_sent(two: Client, ctx: Context) -> None:
    endpoints.traffic(ctx, "bank", {"blue": 25, "green": 75})
    connection = http.client.HTTPConnection("127.0.0.1", two.port)
    answered: Counter[str | None] = Counter()
    for _ in range(400):
        connection.request("POST", "/score", "{}", {"authorization": f"Bearer {two.key}"})
        answer = connection.getresponse()
        answer.read()
        answered[answer.getheader("azureml-model-deployment")] += 1
    connection.close()
    # Five standard deviations of a fair draw of 400 at 75%: 300 +- 43.
    assert 257 <= answered["green"] <= 343
    assert answered["blue"] == 400 - answered["green"]

    endpoints.traffic(ctx, "bank", {"green": 100})
    assert {two.score({}).headers["azureml-model-deployment"] for _ in range(20)} == {"green"}


def test_an_endpoint_without_a_deployment_says_so(ctx: Context, end_endpoints: None) -> None:
    endpoints.create(ctx, "empty")
    answer = client_of(ctx, "empty").score({})
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (404, "NotFound")
    assert "no deployment" in answer.message
