"""Batching what queued answers more requests per CPU second than answering one at a time.

A classifier of MiniLM's size (6 layers of 384, random weights, 77 classes) behind a local endpoint,
32 clients that each wait for their answer. The same scoring script is deployed twice: as it is,
and without its `predict`, so that each request is a pass of its own. CPU time is the server's.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import tempfile
import threading
import time
from pathlib import Path

CLIENTS = 32
LIMIT = 1.5
WORDS = [f"word{n}" for n in range(2000)]


def make_model(folder: Path) -> None:
    """A BertForSequenceClassification with random weights and a word-level tokenizer."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    ids = {word: i for i, word in enumerate([*special, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        model_max_length=128,
        model_input_names=["input_ids", "attention_mask"],
    ).save_pretrained(folder)
    config = transformers.BertConfig(
        vocab_size=len(ids),
        hidden_size=384,
        num_hidden_layers=6,
        num_attention_heads=12,
        intermediate_size=1536,
        max_position_embeddings=128,
        num_labels=77,
    )
    transformers.BertForSequenceClassification(config).save_pretrained(folder)


def register(folder: Path) -> None:
    from fmtui.services import models
    from fmtui.services.context import context

    models.import_model(context(), str(folder), name="bench")


def cpu_seconds(pid: int) -> float:
    """User and system time of a live process, from /proc/PID/stat."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    fields = stat[stat.rindex(")") + 2 :].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(port: int, key: str, deployment: str, seconds: float) -> tuple[int, list[float]]:
    """Requests that were answered, and the milliseconds of each."""
    times: list[float] = []
    end = time.monotonic() + seconds

    def client(seed: int) -> None:
        rng = random.Random(seed)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        headers = {"authorization": f"Bearer {key}", "azureml-model-deployment": deployment}
        while time.monotonic() < end:
            text = " ".join(rng.choices(WORDS, k=rng.randint(4, 24)))
            began = time.perf_counter()
            connection.request("POST", "/score", json.dumps({"input_data": [text]}), headers)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{answer.status} {body!r}")
            times.append((time.perf_counter() - began) * 1000)
        connection.close()

    threads = [threading.Thread(target=client, args=(n,)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(times), sorted(times)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    measured: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as temp:
        os.environ["FMTUI_HOME"] = str(Path(temp) / "home")
        from fmtui.runs.process import Identity
        from fmtui.services import endpoints
        from fmtui.services.context import context
        from fmtui.serving import score

        ctx = context()
        make_model(Path(temp) / "model")
        register(Path(temp) / "model")
        single = Path(temp) / "single.py"
        source = Path(score.__file__).read_text()
        # Under another name the server does not find it, and calls `run` for each request.
        single.write_text(source.replace("predict(", "_answer_all("))
        endpoints.create(ctx, "bench")
        try:
            endpoints.deploy(ctx, "bench", "bench", name="batched")
            endpoints.deploy(ctx, "bench", "bench", name="single", script=single)
            info = endpoints.show(ctx, "bench")
            key = endpoints.keys(ctx, "bench").primary
            server = Identity.load(ctx.home.endpoints / "bench" / "process.json")
            assert server is not None
            assert info.port is not None
            for name in ("single", "batched"):
                load(info.port, key, name, 1.0)
                before = cpu_seconds(server.pid)
                answered, times = load(info.port, key, name, arguments.seconds)
                spent = cpu_seconds(server.pid) - before
                measured[f"{name}_per_cpu_second"] = round(answered / spent, 1)
                measured[f"{name}_per_second"] = round(answered / arguments.seconds, 1)
                measured[f"{name}_p50_ms"] = round(times[len(times) // 2], 1)
                measured[f"{name}_p99_ms"] = round(times[int(len(times) * 0.99)], 1)
        finally:
            endpoints.delete(ctx, "bench")
    ratio = measured["batched_per_cpu_second"] / measured["single_per_cpu_second"]
    measured["ratio"] = round(ratio, 2)
    holds = ratio >= LIMIT
    claim = f"at {CLIENTS} clients batching answers {LIMIT} times as many requests per CPU second"
    print(json.dumps({"claim": claim, "measured": measured, "holds": holds}))
    return 0 if holds else 1


if __name__ == "__main__":
    raise SystemExit(main())
