"""`fmtui batch score`: a whole file answered, whatever form it has, and gone on with."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.command import fmtui
from tests.models import write_causal
from tests.serving_tools import write_labeller
from tests.tiny import WORDS, messages


@pytest.fixture
def encoder(bert: Path) -> None:
    fmtui("model", "import", "--no-smoke", str(bert), "--name", "tiny")


def write(path: Path, texts: list[str]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["id", "text"], *enumerate(texts)])
    return path


def test_every_row_comes_back_with_its_answer(encoder: None, tmp_path: Path) -> None:
    texts = [text for text, _ in messages(40)]
    data, to = write(tmp_path / "in.csv", texts), tmp_path / "out.parquet"
    done = fmtui("batch", "score", "tiny", "--data", str(data), "--to", str(to), "--json")
    assert done.code == 0
    assert done.json.items() >= {"model": "tiny:1", "rows": 40, "dropped": 0, "kept": 0}.items()
    assert "40 of 40 rows" in done.err
    table = pq.read_table(to).to_pydict()
    assert table["text"] == texts and table["id"] == [str(n) for n in range(40)]
    alone = fmtui("model", "predict", "tiny", "--text", texts[7], "--json").json[0]["output"]
    assert table["prediction"][7] == pytest.approx(alone, abs=1e-5)
    assert sorted(p.name for p in tmp_path.iterdir() if "out" in p.name) == ["out.parquet"]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_text_gets_all_of_its_labels(form: str, tmp_path: Path) -> None:
    texts = ["my card", "what is the rate", "a loan"]
    folder = write_labeller(tmp_path / "many", texts)
    fmtui("model", "import", "--no-smoke", str(folder), "--name", "many")
    to = tmp_path / f"out.{form}"
    data = write(tmp_path / "in.csv", texts)
    assert fmtui("batch", "score", "many", "--data", str(data), "--to", str(to)).code == 0
    if form == "csv":
        rows = [{k: json.loads(row[k]) for k in ("prediction", "score")}
                for row in csv.DictReader(to.open())]  # fmt: skip
    else:
        rows = [json.loads(line) for line in to.read_text().splitlines()]
    asked = [word for text in texts for word in ("--text", text)]
    found = fmtui("model", "predict", "many", *asked, "--json").json
    for row, answer in zip(rows, found, strict=True):
        assert row["prediction"] == [one["label"] for one in answer["output"]]
        assert row["score"] == pytest.approx([one["score"] for one in answer["output"]], abs=1e-5)
    assert len({len(row["prediction"]) for row in rows}) > 1


def test_what_was_killed_goes_on(encoder: None, tmp_path: Path) -> None:
    texts = [f"{text} {n}" for n, (text, _) in enumerate(messages(2000))]
    data, to = write(tmp_path / "in.csv", texts), tmp_path / "out.jsonl"
    words = ["batch", "score", "tiny", "--data", str(data), "--to", str(to)]
    process = subprocess.Popen(
        [sys.executable, "-m", "fmtui", *words], stderr=subprocess.DEVNULL, start_new_session=True
    )
    part = tmp_path / ".out.jsonl.part"
    deadline = time.monotonic() + 60
    while not part.exists() or part.read_bytes().count(b"\n") < 2:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not to.exists()
    with part.open("a") as file:
        file.write('[{"label": "cut sho')
    done = fmtui(*words, "--json")
    assert done.json["kept"] >= 512 and done.json["rows"] == 2000
    answered = [json.loads(line) for line in to.read_text().splitlines()]
    assert [row["text"] for row in answered] == texts
    assert all(len(row["prediction"]) == len(answered[0]["prediction"]) for row in answered)
    assert not part.exists()


def test_what_can_not_be_asked_is_told_by_its_place(encoder: None, tmp_path: Path) -> None:
    data, to = write(tmp_path / "in.csv", ["my card", " ", "a loan"]), tmp_path / "out.csv"
    words = ["batch", "score", "tiny", "--data", str(data), "--to", str(to)]
    done = fmtui(*words)
    assert done.code == 4
    assert "in.csv, row 2, column text: the text is empty" in done.err
    assert not to.exists()
    assert fmtui(*words, "--drop-invalid").out.endswith("out.csv, 1 left out\n")
    assert [row["id"] for row in csv.DictReader(to.open())] == ["0", "2"]
    again = fmtui(*words, "--drop-invalid")
    assert again.code != 0 and "is there" in again.err
    assert fmtui(*words, "--drop-invalid", "--replace").code == 0
    bad = fmtui("batch", "score", "tiny", "--data", str(data), "--to", str(tmp_path / "out.xlsx"))
    assert (bad.code, "One of .csv" in bad.err) == (2, True)
    named = write(tmp_path / "named.csv", ["x"])
    named.write_text(named.read_text().replace("id", "prediction"))
    taken = fmtui("batch", "score", "tiny", "--data", str(named), "--to", str(tmp_path / "o.csv"))
    assert taken.code == 4 and "column prediction" in taken.err


def test_prompts_and_chats_are_gone_on_with(tmp_path: Path) -> None:
    folder = write_causal(tmp_path / "causal", [" ".join(WORDS)])
    (folder / "chat_template.jinja").write_text(
        "{% for m in messages %}<|im_start|> {{ m['role'] }} {{ m['content'] }} <|im_end|> "
        "{% endfor %}{% if add_generation_prompt %}<|im_start|> assistant {% endif %}"
    )
    fmtui("model", "import", "--no-smoke", str(folder), "--name", "writer")
    rows = [
        {"messages": [{"role": "user", "content": "my card"}]},
        {"messages": [{"from": "human", "value": "a loan"}]},
    ]
    data, to = tmp_path / "chats.jsonl", tmp_path / "said.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = fmtui("batch", "score", "writer", "--data", str(data), "--to", str(to))
    assert done.code == 0, done.err
    said = [json.loads(line) for line in to.read_text().splitlines()]
    assert [row["messages"] for row in said] == [row["messages"] for row in rows]
    assert all(isinstance(row["prediction"], str) for row in said)
