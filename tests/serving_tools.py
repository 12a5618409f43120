"""Scoring scripts without torch, registered models without weights, and a plain HTTP client."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from fmtui.services import endpoints
from fmtui.services.context import Context
from fmtui.serving.definition import EndpointFolder
from fmtui.serving.score import Model
from registry.database import now
from tests.tiny import HIDDEN, TOPICS, write_bert

ECHO = """
import json, os

def init():
    global where
    where = os.environ["AZUREML_MODEL_DIR"]

def run(raw):
    return {"body": json.loads(raw), "model": os.path.basename(where)}
"""

BATCHES = """
import json, os, pathlib, time

def init():
    global folder
    folder = pathlib.Path(os.environ["AZUREML_MODEL_DIR"])

def run(raw):
    return predict([json.loads(raw)])[0]

def predict(bodies):
    with (folder / "batches.txt").open("a") as file:
        file.write(f"{len(bodies)}\\n")
    while (folder / "hold").exists():
        time.sleep(0.005)
    if any(body == "break" for body in bodies):
        raise RuntimeError("the secret inside")
    return [{"got": body} for body in bodies]
"""

BROKEN = """
def init():
    raise ValueError("the weights are upside down")

def run(raw):
    return None
"""


def register_model(ctx: Context, name: str, path: Path | None = None, **columns: Any) -> Path:
    """Rows of a model version whose folder is `path`, an empty one where left out."""
    path = path or ctx.home.models / name / "1"
    path.mkdir(parents=True, exist_ok=True)
    with ctx.db.write() as db:
        db.execute("INSERT INTO model (name, created) VALUES (?, ?)", (name, now()))
        model_id = db.execute("SELECT id FROM model WHERE name = ?", (name,)).fetchone()[0]
        values = {
            "model_id": model_id,
            "version": 1,
            "origin": "folder:x",
            "path": str(path),
            "size_bytes": 1,
            "created": now(),
            **columns,
        }
        db.execute(
            f"INSERT INTO model_version ({', '.join(values)}) "
            f"VALUES ({', '.join('?' * len(values))})",
            tuple(values.values()),
        )
    return path


def write_classifier(folder: Path, *, seed: int = 0) -> Path:
    """A BertForSequenceClassification of three classes with random weights."""
    write_bert(folder, seed=seed)
    config = json.loads((folder / "config.json").read_text())
    config["architectures"] = ["BertForSequenceClassification"]
    config["id2label"] = {str(i): topic for i, topic in enumerate(TOPICS)}
    config["label2id"] = {topic: i for i, topic in enumerate(TOPICS)}
    (folder / "config.json").write_text(json.dumps(config))
    encoder = load_file(folder / "model.safetensors")
    tensors = {f"bert.{name}": value for name, value in encoder.items()}
    rng = np.random.default_rng(seed)
    tensors["classifier.weight"] = rng.normal(0, 1, (len(TOPICS), HIDDEN)).astype(np.float32)
    tensors["classifier.bias"] = np.zeros(len(TOPICS), np.float32)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def write_labeller(folder: Path, texts: Sequence[str]) -> Path:
    """A classifier that gives a text any number of labels, each of them to some of `texts`."""
    write_classifier(folder)
    config = json.loads((folder / "config.json").read_text())
    config["problem_type"] = "multi_label_classification"
    (folder / "config.json").write_text(json.dumps(config))
    answers = Model(folder).answer([(text,) for text in texts], '{"return_all_scores": true}')
    logits = [
        [np.log(one["score"] / (1 - one["score"])) for scores in answers for one in scores
         if one["label"] == topic]
        for topic in TOPICS
    ]  # fmt: skip
    tensors = load_file(folder / "model.safetensors")
    tensors["classifier.bias"] = -np.array(logits, np.float32).mean(-1)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        return str(self.json()["error"]["message"])


@dataclass(frozen=True)
class Client:
    """Speaks plain HTTP to an endpoint, with its primary key unless told otherwise."""

    port: int
    key: str | None

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key is not None:
            sent.setdefault("authorization", f"Bearer {self.key}")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, sent, encode_chunked=False)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, answer.read(), found)
        finally:
            connection.close()

    def score(self, body: Any, **headers: str) -> Answer:
        return self("POST", "/score", json.dumps(body), **headers)

    def with_key(self, key: str | None) -> Client:
        return Client(self.port, key)


def client_of(ctx: Context, name: str) -> Client:
    info = endpoints.show(ctx, name)
    assert info.port is not None
    return Client(info.port, endpoints.keys(ctx, name).primary)


def folder_of(ctx: Context, name: str) -> EndpointFolder:
    return EndpointFolder(ctx.home.endpoints / name)


def eventually(check: Callable[[], Any], *, seconds: float = 20.0) -> Any:
    """What `check` returns once it is true; fails when it does not become so in time."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.01)
    return found
