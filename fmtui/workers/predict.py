"""Answer requests with a registered model: `python -m fmtui.workers.predict FOLDER`.

JSON lines: first one that says what the model does, `{"task": T}`, then an answer to each request
from stdin, or the answers to a list of them. `{"error": E, "fault": "input"}` is the request's
fault, `"model"` the model's. Ends with stdin, and while it loads or computes with its parent, so it
never outlives whoever asked. The scoring is that of endpoints.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from typing import Any


def main() -> int:
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    os.environ["AZUREML_MODEL_DIR"] = sys.argv[1]
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # What libraries print must not stand between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    from fmtui.serving import score

    def reply(value: dict[str, Any]) -> None:
        answers.write(json.dumps(value, ensure_ascii=False) + "\n")
        answers.flush()

    try:
        score.init()
        task = score.loaded_task()
    except Exception as error:
        traceback.print_exc()
        reply({"error": _sentence(error), "fault": "model"})
        return 1
    reply({"task": task})
    for line in sys.stdin:
        try:
            reply({"answer": _answer(line)})
        except score.BadRequest as error:
            reply({"error": str(error), "fault": "input"})
        except Exception as error:
            traceback.print_exc()
            reply({"error": _sentence(error), "fault": "model"})
    return 0


def _end_with(parent: int) -> None:
    """End this process when its parent is gone. The kernel's own signal for that would follow the
    thread that began it, which may end before."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _answer(line: str) -> Any:
    """The answer to a request; to a list of requests theirs, computed in batches."""
    from fmtui.serving import score

    if not line.startswith("["):
        return score.run(line)
    answers = score.predict(json.loads(line))
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


def _sentence(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


if __name__ == "__main__":
    sys.exit(main())
