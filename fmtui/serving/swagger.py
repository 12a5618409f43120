"""What `GET /swagger.json` says: an OpenAPI 3 description of `POST /score`."""

from __future__ import annotations

from typing import Any

from fmtui.serving.client import DEPLOYMENT_HEADER
from fmtui.serving.definition import Definition

_ERRORS = {
    "400": "The body is no JSON, or the input is bad.",
    "401": "The key is missing or wrong.",
    "404": "No such deployment, or none has traffic.",
    "413": "The body is too large.",
    "429": "Too many requests wait; Retry-After says when to try again.",
    "500": "The model failed.",
    "503": "The model is loading, or did not load.",
}


def description(definition: Definition) -> dict[str, Any]:
    """OpenAPI 3.0.3, https://spec.openapis.org/oas/v3.0.3."""
    score = {
        "operationId": "score",
        "summary": "Answer a request with one of the endpoint's deployments.",
        "security": [{"key": []}],
        "parameters": [
            {
                "name": DEPLOYMENT_HEADER,
                "in": "header",
                "description": "The deployment that shall answer; else the traffic decides.",
                "schema": {"type": "string", "enum": [d.name for d in definition.deployments]},
            }
        ],
        "requestBody": {"required": True, "content": _json("Request")},
        "responses": {"200": {"description": "One output a row.", "content": _json("Answer")}}
        | {
            code: {"description": text, "content": _json("Error")} for code, text in _ERRORS.items()
        },
    }
    return {
        "openapi": "3.0.3",
        "info": {"title": definition.name, "version": str(definition.generation)},
        "servers": [{"url": definition.url}],
        "paths": {
            "/": {"get": {"operationId": "live", "responses": {"200": {"description": "Lives."}}}},
            "/score": {"post": score},
        },
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": _SCHEMAS,
        },
    }


def _json(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


_TEXTS = {"type": "array", "items": {"type": "string"}}

_SCHEMAS: dict[str, Any] = {
    "Request": {
        "type": "object",
        "required": ["input_data"],
        "properties": {
            "input_data": {
                "oneOf": [
                    _TEXTS,
                    {"type": "array", "items": _TEXTS},
                    {
                        "type": "object",
                        "required": ["columns", "data"],
                        "properties": {
                            "columns": _TEXTS,
                            "index": {"type": "array", "items": {}},
                            "data": {"type": "array", "items": {"type": "array", "items": {}}},
                        },
                    },
                    {"type": "object", "additionalProperties": _TEXTS},
                ]
            },
            "params": {"type": "object"},
        },
    },
    "Answer": {"type": "array", "items": {}},
    "Error": {
        "type": "object",
        "properties": {
            "error": {
                "type": "object",
                "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
            }
        },
    },
}
