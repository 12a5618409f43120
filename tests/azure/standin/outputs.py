"""What a job leaves in the workspace's storage account: a model as MLflow lays it out, figures."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

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
    for name, output in (job.body.get("outputs") or {}).items():
        folder = f"azureml/{job.name}/{name}"
        if output.get("jobOutputType") == "mlflow_model":
            for path, content in _model().items():
                _put(world, f"{folder}/{path}", content)
        else:
            figures = json.dumps({"accuracy": 0.92, "f1_macro": 0.91, "log_loss": 0.3})
            _put(world, f"{folder}/evaluationResult/metrics.json", figures.encode())


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
    from azure.storage.blob import BlobServiceClient

    assert world.store_ca is not None
    client = BlobServiceClient(
        f"https://localhost:{world.blob_port}/{world.account}",
        credential={"account_name": world.account, "account_key": world.account_key},
        connection_verify=world.store_ca,
        use_env_settings=False,
    )
    with client, client.get_blob_client(CONTAINER, path) as blob:
        blob.upload_blob(content, overwrite=True)
