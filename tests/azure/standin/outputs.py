"""What a job leaves in the workspace's storage account: a model as MLflow lays it out, figures."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path
from typing import Any

from azure.storage.blob import BlobServiceClient

from tests.azure.standin import assets
from tests.azure.standin.workspace import CONTAINER
from tests.azure.standin.world import Job, World
from tests.tiny import write_bert

_MLMODEL = """\
flavors:
  hftransformersv2:
    hf_pretrained_class: BertModel
    task_type: text-classification
model_uuid: 1350c70e836740e98f021b3b03234a11
"""


def write(world: World, job: Job) -> None:
    """Write the outputs of a job, where the workspace has a storage account."""
    if world.blob_port is None:
        return
    imported = "/components/import_model/" in json.dumps(job.body.get("jobs") or {})
    for name, output in (job.body.get("outputs") or {}).items():
        folder = f"azureml/{job.name}/{name}"
        if output.get("jobOutputType") == "mlflow_model":
            for path, content in _model().items():
                _put(world, f"{folder}/{path}", content)
        elif imported:
            details = json.dumps(_registered(world, job)).encode()
            _put(world, f"{folder}/model_registration_details.json", details)
        else:
            figures = json.dumps({"accuracy": 0.92, "f1_macro": 0.91, "log_loss": 0.3})
            _put(world, f"{folder}/evaluationResult/metrics.json", figures.encode())


def _registered(world: World, job: Job) -> dict[str, str]:
    """What the component for imports registers in the workspace, as it writes it down."""
    (node,) = job.body["jobs"].values()
    name = node["inputs"]["custom_model_name"]["value"]
    known = (world.assets.get("models") or {}).get(name)
    version = str(len(known.versions) + 1 if known else 1)
    uri = f"azureml://jobs/{job.name}/outputs/mlflow_model_folder"
    made = assets.put(
        world, "models", name, version, {"modelUri": uri, "modelType": "mlflow_model"}
    )
    return {"id": made["id"], "name": name, "version": version, "type": "mlflow_model"}


def answer(world: World, job: Job, inputs: dict[str, Any]) -> None:
    """Write what a batch job answers: a line for each row of the csv that it was given."""
    if world.blob_port is None:
        return
    for value in inputs.values():
        _, _, path = str(value.get("uri", "")).partition("/paths/")
        rows = list(csv.DictReader(io.StringIO(_get(world, path).decode())))
        lines = [f'{n} POSITIVE "{next(iter(row.values()))}"' for n, row in enumerate(rows)]
        text = "".join(f"{line}\n" for line in lines)
        _put(world, f"azureml/{job.children[0]}/score/predictions.csv", text.encode())


def _model() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        bert = write_bert(Path(folder) / "bert")
        files = {path.name: path.read_bytes() for path in bert.iterdir()}
    found = {"MLmodel": _MLMODEL.encode()}
    for name, content in files.items():
        part = "tokenizer" if name.startswith("tokenizer") else "model"
        found[f"data/{part}/{name}"] = content
    return found


def _put(world: World, path: str, content: bytes) -> None:
    with client(world) as service, service.get_blob_client(CONTAINER, path) as blob:
        blob.upload_blob(content, overwrite=True)


def _get(world: World, path: str) -> bytes:
    with client(world) as service, service.get_blob_client(CONTAINER, path) as blob:
        return bytes(blob.download_blob().readall())


def new_container(world: World, name: str) -> None:
    """A container of its own, as each upload of code gets one."""
    with client(world) as service:
        service.create_container(name)


def client(world: World) -> BlobServiceClient:
    assert world.store_ca is not None
    return BlobServiceClient(
        f"https://localhost:{world.blob_port}/{world.account}",
        credential={"account_name": world.account, "account_key": world.account_key},
        connection_verify=world.store_ca,
        use_env_settings=False,
    )
