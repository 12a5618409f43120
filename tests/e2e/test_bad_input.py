"""Bad input: a sentence that says what and where and what next, its exit code, nothing left."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.cli import Cli

FINETUNE = ("finetune", "tiny", "--task", "text-classification", "--train")


def files(home: Path) -> set[str]:
    """What lies in a home, but for the registry's own files and the catalogue's."""
    return {
        str(p.relative_to(home))
        for p in home.rglob("*")
        if p.is_file() and not p.name.startswith(("registry.db", "catalog"))
    }


def rows(cli: Cli) -> dict[str, int]:
    return {
        "models": len(cli.json("model", "list")),
        "data": len(cli.json("data", "list")),
        "runs": len(cli.json("run", "list")),
        "endpoints": len(cli.json("endpoint", "list")),
    }


def write(content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / "bad.csv"
        path.write_bytes(content)
        return path

    return make


GOOD = b"".join(f"a text {i},{'xy'[i % 2]}\n".encode() for i in range(20))

BAD_DATA = {
    "no label column": (write(b"text\nhello\nbye\n"), ["no column for the role label", "`text`"]),
    "empty file": (write(b""), ["bad.csv", "empty"]),
    "missing label": (
        write(b"text,label\n" + GOOD + b"last,\n"),
        ["bad.csv, row 21, column label", "the label is empty", "1 row like this", "drop-invalid"],
    ),
    "broken utf-8": (
        write(b"text,label\n" + GOOD + b"bro\xc3\x28ken\xff,x\n"),
        ["bad.csv, row 21, column text", "0xc3 is no valid UTF-8"],
    ),
    "one label": (write(b"text,label\na b,x\nc d,x\n"), ["all rows have the label `x`"]),
    "ragged": (write(b"text,label\na,x\nb,y,z\n"), ["bad.csv, row 2", "3 fields"]),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_data_with_a_fault_starts_nothing(tiny: Cli, tmp_path: Path, case: str) -> None:
    make, words = BAD_DATA[case]
    path = make(tmp_path)
    before = files(tiny.home), rows(tiny)
    done = tiny.run(*FINETUNE, str(path), code=4)
    for word in words:
        assert word in done.stderr
    assert (files(tiny.home), rows(tiny)) == before


def _squad(start: int) -> bytes:
    answer = {"text": "Ada", "answer_start": start}
    qas = [{"id": "q", "question": "Who?", "answers": [answer]}]
    article = {"title": "T", "paragraphs": [{"context": "Ada wrote it.", "qas": qas}]}
    return json.dumps({"data": [article]}).encode()


def test_bad_data_of_other_tasks_starts_nothing_either(tiny: Cli, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder").mkdir()
    files_by_name = {
        "tags.conll": b"a\tO\n\nb\tO\nc\n",
        "answers.json": _squad(1),
        "cut.jsonl.gz": gzip.compress(b'{"text":"a b"}\n' * 999)[:-12],
    }
    for name, content in files_by_name.items():
        (tmp_path / name).write_bytes(content)
    before = files(tiny.home), rows(tiny)
    for task, name, words in (
        (
            "token-classification",
            "tags.conll",
            "tags.conll, row 2, column tags: line 4 has 1 column",
        ),
        (
            "question-answering",
            "answers.json",
            "answers.json, row 1, column answers: the answer `Ada`",
        ),
        ("text-generation", "cut.jsonl.gz", "the gzip file is cut short"),
        ("translation", "pipe.csv", "pipe.csv: is no regular file"),
        ("summarization", "folder", "folder: is a folder"),
    ):
        path = str(tmp_path / name)
        done = tiny.run("finetune", "tiny", "--task", task, "--train", path, code=4)
        assert words in done.stderr
        if "row" in words:
            assert tiny.run("data", "check", path, "--task", task, code=4).stdout
        else:
            assert words in tiny.run("data", "add", path, code=4).stderr
    assert (files(tiny.home), rows(tiny)) == before


def test_a_fault_is_json_where_json_was_asked_for(tiny: Cli, tmp_path: Path) -> None:
    path = write(b"text,label\n" + GOOD + b"last,\n")(tmp_path)
    done = tiny.run(*FINETUNE, str(path), "--json", code=4)
    error = json.loads(done.stdout)["error"]
    assert (error["file"], error["row"], error["column"]) == ("bad.csv", 21, "label")


def test_rows_with_a_fault_can_be_dropped(tiny: Cli, tmp_path: Path) -> None:
    path = write(b"text,label\n" + GOOD + b"last,\n")(tmp_path)
    run = tiny.json(*FINETUNE, str(path), "--drop-invalid", "--set", "max_steps=1", "--wait", "-q")
    assert run["state"] == "completed"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("model", "show", "tini"), 3, "Nearest: tiny"),
        (("catalog", "show", "azureml:robert-base"), 3, "roberta-base"),
        (("model", "show", "tiny:9"), 3, "tiny"),
        (("data", "show", "trian"), 3, "Nearest: train"),
        (("run", "show", "r99"), 3, "no run `r99`"),
        (("endpoint", "show", "nope"), 3, "nope"),
        (("evaluate", "tyni", "--data", "test"), 3, "Nearest: tiny"),
        (("evaluate", "tiny", "--data", "tset"), 3, "Nearest: test"),
        (("finetune", "tiny", "--task", "nothing", "--train", "train"), 2, "text-classification"),
        ((*FINETUNE, "train", "--set", "learning_rat=1"), 2, "Nearest: learning_rate"),
        ((*FINETUNE, "train", "--set", "learning_rate"), 2, "key=value"),
        ((*FINETUNE, "train", "--columns", "label=nope"), 4, "no column `nope`"),
        (("modle", "list"), 2, "Did you mean `model`"),
        (("finetune", "hf:org/name", "--task", "text-classification", "--train", "train"), 4,
         "fmtui model import hf:org/name"),
    ],
)  # fmt: skip
def test_what_is_unknown_gets_the_nearest_names(
    tiny: Cli, words: tuple[str, ...], code: int, said: str
) -> None:
    done = tiny.run(*words, code=code)
    assert said in done.stderr
    assert done.stdout == ""


def test_a_name_that_exists_is_not_overwritten(tiny: Cli, bert: Path, tmp_path: Path) -> None:
    before = files(tiny.home), rows(tiny)
    done = tiny.run("model", "import", "--no-smoke", str(bert), "--name", "tiny", code=4)
    assert "tiny" in done.stderr
    other = tmp_path / "other.csv"
    other.write_text("text,label\na,b\n")
    done = tiny.run("data", "add", str(other), "--name", "train", code=4)
    assert "--new-version" in done.stderr
    assert (files(tiny.home), rows(tiny)) == before


def test_a_folder_that_is_no_model_is_refused(cli: Cli, bert: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(bert, bare)
    (bare / "config.json").unlink()
    assert "config.json" in cli.run("model", "import", "--no-smoke", str(bare), code=4).stderr

    pickled = tmp_path / "pickled"
    shutil.copytree(bert, pickled)
    (pickled / "model.safetensors").unlink()
    (pickled / "pytorch_model.bin").write_bytes(b"\x80\x04N.")
    assert "safetensors" in cli.run("model", "import", "--no-smoke", str(pickled), code=4).stderr

    cut = tmp_path / "cut"
    shutil.copytree(bert, cut)
    weights = cut / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert "model.safetensors" in cli.run("model", "import", "--no-smoke", str(cut), code=4).stderr
    assert rows(cli) == {"models": 0, "data": 0, "runs": 0, "endpoints": 0}
    assert files(cli.home) == set()


def test_a_port_in_use_makes_no_endpoint(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = cli.run("endpoint", "create", "bank", "--port", str(port), code=4)
    assert str(port) in done.stderr
    assert rows(cli)["endpoints"] == 0
    assert not (cli.home / "endpoints" / "bank").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_is_told_of_and_leaves_nothing_half_done(bert: Path, tmp_path: Path) -> None:
    import subprocess

    mount = tmp_path / "small"
    mount.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(mount)], check=False
    )
    if done.returncode:
        pytest.skip("this machine lets nobody mount a tmpfs")
    try:
        cli = Cli(mount / "home", {})
        cli.run("model", "list")
        before = files(cli.home), rows(cli)
        big = tmp_path / "big.csv"
        big.write_text("text,label\n" + "some words here,a\nmore of them,b\n" * 150_000)
        assert "space" in cli.run("data", "add", str(big), code=4).stderr.lower()
        model = tmp_path / "big-model"
        shutil.copytree(bert, model)
        (model / "vocab.txt").write_bytes(b"x\n" * 3_000_000)
        said = cli.run(
            "model", "import", "--no-smoke", str(model), "--name", "big", code=4
        ).stderr.lower()
        assert "space" in said or "room" in said
        assert (files(cli.home), rows(cli)) == before
    finally:
        subprocess.run(["umount", str(mount)], check=True)
