"""Try a registered model: a child process loads it, so that torch never enters this one."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from fmtui.errors import BadInputError, RunFailedError
from fmtui.services import models
from fmtui.services.context import Context
from fmtui.serving.scripts import check_servable


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model answered to one text.

    `output` has its task's shape, as an endpoint answers: `{"label", "score"}`, a text, the tags
    as `{"0": "['O', 'B-PER']"}`, or for a model without a head the embedding, a list of numbers.
    """

    input: str
    output: Any

    def as_json(self) -> dict[str, Any]:
        return {"input": self.input, "output": self.output}


def predict(
    ctx: Context,
    ref: str,
    texts: Sequence[str],
    *,
    context: str | None = None,
    params: dict[str, Any] | None = None,
) -> list[Prediction]:
    """Answer `texts` with a registered model, in one process that ends with it.

    Args:
        context: What a question is about, or the second text of each pair.
        params: As in a scoring request, `{"return_all_scores": True}`.

    Raises:
        NotFoundError: No such model.
        BadInputError: The model or the texts can't be used.
        RunFailedError: The process failed.
    """
    with PredictSession(ctx, ref) as session:
        return session.predict(texts, context=context, params=params)


class PredictSession:
    """A model that stays loaded while a person tries it.

    The process starts with the first `predict` and ends with `close`. Calls may come from any
    thread and are answered one after the other. Raises NotFoundError for an unknown model.
    """

    def __init__(self, ctx: Context, ref: str) -> None:
        self.model = models.show(ctx, ref)
        self.task: str | None = None
        """What the model does; known once it is loaded."""
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._stderr: IO[bytes] | None = None
        self._closed = False

    def __enter__(self) -> PredictSession:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def predict(
        self,
        texts: Sequence[str],
        *,
        context: str | None = None,
        params: dict[str, Any] | None = None,
    ) -> list[Prediction]:
        """Like the function `predict`. A process that died is started anew."""
        rows = [[text] if context is None else [text, context] for text in texts]
        answers = self.answer({"input_data": rows, "params": params or {}})
        return [Prediction(text, output) for text, output in zip(texts, answers, strict=True)]

    def answer(self, body: dict[str, Any] | list[dict[str, Any]]) -> list[Any]:
        """The answer to a scoring request, or the answers to many of them in few passes.

        Raises as `predict` does.
        """
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start()
            reply = self._ask(body)
        answers: list[Any] = reply["answer"]
        return answers

    def close(self) -> None:
        """End the process, also while it answers. Further calls raise RunFailedError."""
        self._closed = True
        self._end()

    def _start(self) -> None:
        folder = Path(self.model.path)
        check_servable(folder, self.model.ref)
        if self._closed:
            raise RunFailedError(f"the session with {self.model.ref} is closed")
        self._end()
        self._stderr = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "fmtui.workers.predict", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        try:
            self.task = str(self._reply(self._process)["task"])
        except BaseException:
            self._end()
            raise

    def _ask(self, body: dict[str, Any] | list[dict[str, Any]]) -> dict[str, Any]:
        process = self._process
        assert process is not None and process.stdin is not None
        try:
            process.stdin.write(json.dumps(body) + "\n")
            process.stdin.flush()
        except (OSError, ValueError) as error:
            raise self._died() from error
        return self._reply(process)

    def _reply(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
        except (OSError, ValueError) as error:
            raise self._died() from error
        if not line:
            raise self._died()
        reply: dict[str, Any] = json.loads(line)
        if "error" not in reply:
            return reply
        if reply["fault"] == "input":
            raise BadInputError(str(reply["error"]))
        raise RunFailedError(f"{self.model.ref} failed: {reply['error']}")

    def _died(self) -> RunFailedError:
        if self._closed:
            return RunFailedError(f"the session with {self.model.ref} is closed")
        process, how = self._process, ""
        if process is not None:
            status = process.wait()
            how = f" (signal {-status})" if status < 0 else f" (status {status})"
        last = self._last_line()
        return RunFailedError(
            f"the process that ran {self.model.ref} ended{how}" + (f": {last}" if last else ""),
            hint="Not enough memory is the usual reason." if how == " (signal 9)" else None,
        )

    def _last_line(self) -> str:
        if self._stderr is None or self._stderr.closed:
            return ""
        self._stderr.seek(max(0, self._stderr.seek(0, 2) - 4096))
        lines = self._stderr.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    try:
                        pipe.close()
                    except OSError:  # what was never flushed to a process that died
                        pass
        if self._stderr is not None:
            self._stderr.close()


def similarities(predictions: Sequence[Prediction]) -> list[list[float]]:
    """The cosine of each embedding with each, from -1 to 1; [] where the outputs are none."""
    vectors = [p.output for p in predictions if _is_embedding(p.output)]
    if len(vectors) != len(predictions):
        return []
    norms = [math.sqrt(math.fsum(x * x for x in v)) or 1.0 for v in vectors]
    return [
        [math.fsum(x * y for x, y in zip(a, b, strict=True)) / (m * n)
         for b, n in zip(vectors, norms, strict=True)]
        for a, m in zip(vectors, norms, strict=True)
    ]  # fmt: skip


def describe(output: Any) -> str:
    """An output as a person reads it: `card_lost 0.97, card_stolen 0.02`."""
    if isinstance(output, dict) and {"label", "score"} <= set(output):
        return f"{output['label']} {output['score']:.3f}"
    if _is_embedding(output):
        start = ", ".join(f"{x:.3f}" for x in output[:4])
        return f"embedding of {len(output)} numbers: {start}, …"
    if isinstance(output, list):
        return ", ".join(describe(part) for part in output) or "no label"
    if isinstance(output, dict):
        return " ".join(str(value) for value in output.values())
    return str(output)


def _is_embedding(output: Any) -> bool:
    return isinstance(output, list) and bool(output) and all(isinstance(x, float) for x in output)
