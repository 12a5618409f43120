"""Scoring: what a deployed model answers, by its key and by its share of the traffic."""

from __future__ import annotations

import random
from typing import Any

from tests.azure.standin.http import Answer, RefusalError, Request, Router
from tests.azure.standin.world import DOMAIN, World

router = Router()
SUFFIX = f".inference.{DOMAIN}"


@router.on("POST", "/chat/completions")
def chat(world: World, request: Request) -> Answer:
    """A serverless endpoint for chat."""
    endpoint = world.serverless.get(request.host.removesuffix(SUFFIX).lower())
    if endpoint is None:
        raise RefusalError(404, "NotFound", "no such endpoint")
    if request.token not in endpoint.keys.values():
        raise RefusalError(401, "Unauthorized", "Access denied: the key is not valid.")
    last = request.json["messages"][-1]["content"]
    said = {"role": "assistant", "content": f"You said: {last}"}
    choice = {"index": 0, "message": said, "finish_reason": "stop"}
    usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    return Answer(200, {"object": "chat.completion", "choices": [choice], "usage": usage})


@router.on("POST", "/score")
def score(world: World, request: Request) -> Answer:
    endpoint = world.online.get(request.host.removesuffix(SUFFIX).lower())
    if endpoint is None:
        raise RefusalError(404, "NotFound", "no such endpoint")
    if request.token not in endpoint.keys.values():
        raise RefusalError(401, "key_auth_access_denied", "Access denied: the key is not valid.")
    name = request.headers.get("azureml-model-deployment") or _pick(endpoint.body, random.random())
    deployment = endpoint.deployments.get(name or "")
    if deployment is None:
        raise RefusalError(404, "not_found", "No deployment has traffic.")
    endpoint.asked.append(str(name))
    headers = {"azureml-model-deployment": str(name)}
    try:
        answer = _predict(str(deployment["properties"]["model"]), request.json)
    except (KeyError, TypeError, ValueError) as error:
        return Answer(424, {"message": f"An unexpected error in scoring script: {error!r}"})
    return Answer(200, answer, headers=headers)


def _pick(body: dict[str, Any], point: float) -> str | None:
    reached = 0.0
    for name, share in body["properties"]["traffic"].items():
        reached += share / 100
        if point < reached:
            return str(name)
    return None


def _predict(model: str, body: dict[str, Any]) -> Any:
    """An answer of the form that the model's task has."""
    data = body["input_data"]
    if isinstance(data, dict) and "input_string" in data:
        return [{"0": str(["O"] * len(text.split()))} for text in data["input_string"]]
    if isinstance(data, dict) and "question" in data:
        return [context.split()[0] for context in data["context"]]
    rows = data["data"] if isinstance(data, dict) else data
    if any(word in model for word in ("bart", "t5", "gpt", "opus", "llama", "summar", "transl")):
        return [f"generated: {row if isinstance(row, str) else row[0]}"[:60] for row in rows]
    return [{"label": "POSITIVE", "score": 0.98} for _ in rows]
