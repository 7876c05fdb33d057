"""The OpenAPI 3.1 document, made from the same typed endpoints that decode requests and encode answers."""

from __future__ import annotations

import http
import inspect
import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import msgspec

from server import __version__
from server.http.endpoint import Endpoint, NoQuery
from server.http.problems import PROBLEM_TYPE, Problem

_SCHEMAS = "#/components/schemas/{name}"
_PLACEHOLDER = re.compile(r"\{(\w+)(?::[^{}]*(?:\{[^{}]*\})?[^{}]*)?\}")
_DESCRIPTION = (
    "Everything that the pages of Jindu do, for programs. Get a token with `POST /api/v1/tokens`, then send it as "
    "`Authorization: Bearer <token>`.\n\nErrors are `application/problem+json` (RFC 9457) with a stable `code`. Lists "
    "take `limit`, `cursor` and `q`; their answer holds `items`, `next_cursor` and `total`. Starting work answers 202 "
    "with a `job_id`; how far it is comes live over the WebSocket, see [the events](/docs/events)."
)
_RAW_BODY: dict[str, Any] = {"type": "string", "format": "binary"}
_FILE_FORM: dict[str, Any] = {"type": "object", "properties": {"file": _RAW_BODY}}
_IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key gives the same job, however often it is sent.",
    "schema": {"type": "string", "maxLength": 200},
}


class ApiDocument:
    """The document as JSON, made when it is first asked for: all endpoints are known by then, and it never changes."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self._endpoints = endpoints

    @cached_property
    def body(self) -> bytes:
        return msgspec.json.encode(openapi_document(self._endpoints))


def openapi_document(endpoints: Sequence[Endpoint], *, prefix: str = "/api/v1") -> dict[str, Any]:
    """`endpoints` as an OpenAPI 3.1 document."""
    schemas, components = _schemas_of(endpoints)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        path = prefix + _PLACEHOLDER.sub(r"{\1}", endpoint.path)
        paths.setdefault(path, {})[endpoint.method.lower()] = _operation(endpoint, schemas, components)
    for endpoint in endpoints:  # a query's fields stand as parameters; nothing refers to the struct itself
        components.pop(endpoint.query.__name__, None)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Jindu", "version": __version__, "description": _DESCRIPTION},
        "tags": [{"name": name} for name in sorted({_tag(endpoint) for endpoint in endpoints})],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(components.items())),
            "responses": {
                "Problem": {
                    "description": "What went wrong.",
                    "content": {PROBLEM_TYPE: {"schema": schemas[Problem]}},
                }
            },
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "An API token."},
                "session": {"type": "apiKey", "in": "cookie", "name": "jindu_session", "description": "Signed in."},
            },
        },
    }


def _schemas_of(endpoints: Sequence[Endpoint]) -> tuple[dict[Any, dict[str, Any]], dict[str, Any]]:
    """Each type's schema, and the components they refer to."""
    types: list[Any] = [Problem]
    for endpoint in endpoints:
        types += [endpoint.query, *(kind for kind in (endpoint.body, endpoint.answer) if kind not in (None, bytes))]
    unique = list({repr(kind): kind for kind in types}.values())
    found, components = msgspec.json.schema_components(unique, ref_template=_SCHEMAS)
    by_repr = dict(zip(map(repr, unique), found, strict=True))
    return {kind: by_repr[repr(kind)] for kind in types}, components


def _operation(endpoint: Endpoint, schemas: dict[Any, dict[str, Any]], components: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "tags": [_tag(endpoint)],
        "parameters": [
            *_path_parameters(endpoint),
            *_query_parameters(endpoint, components),
            *(
                {"name": name, "in": "header", "required": False} | _text(said)
                for name, said in endpoint.headers.items()
            ),
        ],
        "responses": _responses(endpoint, schemas),
    }
    if endpoint.handler.__doc__:
        operation["description"] = inspect.cleandoc(endpoint.handler.__doc__)
    if endpoint.method == "POST" and endpoint.status == 202:
        operation["parameters"].append(_IDEMPOTENCY)
    if endpoint.access == "public":
        operation["security"] = [{}, {"token": []}, {"session": []}]
    else:
        operation["security"] = [{"token": []}, {"session": []}]
    body = _body(endpoint, schemas)
    if body is not None:
        operation["requestBody"] = body
    return operation


def _text(description: str) -> dict[str, Any]:
    """A header that is free text for all that a schema could say."""
    return {"description": description, "schema": {"type": "string"}}


def _body(endpoint: Endpoint, schemas: dict[Any, dict[str, Any]]) -> dict[str, Any] | None:
    if endpoint.raw and endpoint.body_type != "application/json":
        schema = _FILE_FORM if endpoint.body_type == "multipart/form-data" else _RAW_BODY
        return {"required": False, "content": {endpoint.body_type: {"schema": schema}}}
    if endpoint.body is bytes:
        return {"required": True, "content": {endpoint.body_type: {"schema": _RAW_BODY}}}
    if endpoint.body is None:
        return None
    return {"required": True, "content": {endpoint.body_type: {"schema": schemas[endpoint.body]}}}


def _path_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    names = [match[1] for match in _PLACEHOLDER.finditer(endpoint.path)]
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_parameters(endpoint: Endpoint, components: dict[str, Any]) -> list[dict[str, Any]]:
    if endpoint.query is NoQuery:
        return []
    struct = components[endpoint.query.__name__]
    return [
        {"name": name, "in": "query", "required": name in struct.get("required", ()), "schema": _without_null(schema)}
        for name, schema in struct["properties"].items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter is left out, never null."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key != "anyOf" and not (key == "default" and value is None)}
    if not kinds:
        return rest
    return rest | (kinds[0] if len(kinds) == 1 else {"anyOf": kinds})


def _responses(endpoint: Endpoint, schemas: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    is_empty = endpoint.answer is None and _is_json(endpoint) and not endpoint.raw
    status = 204 if endpoint.status == 200 and is_empty else endpoint.status
    success: dict[str, Any] = {"description": http.HTTPStatus(status).phrase}
    if endpoint.answer not in (None, bytes):
        success["content"] = {endpoint.answer_type: {"schema": schemas[endpoint.answer]}}
    elif endpoint.answer is bytes or not _is_json(endpoint):
        success["content"] = {endpoint.answer_type: {"schema": _RAW_BODY}}
    told = {"Location": "The job."} if status == 202 else endpoint.answer_headers
    if told:
        success["headers"] = {name: _text(said) for name, said in told.items()}
    problem = {"$ref": "#/components/responses/Problem"}
    return (
        {str(status): success}
        | {str(code): problem for code in sorted(_error_statuses(endpoint))}
        | {"default": problem}
    )


def _error_statuses(endpoint: Endpoint) -> set[int]:
    statuses = set(endpoint.errors)
    if endpoint.access != "public":
        statuses |= {401, 403}
    if "{" in endpoint.path:
        statuses.add(404)
    if endpoint.body is not None:
        statuses |= {400, 413, 415, 422}
    if endpoint.query is not NoQuery:
        statuses.add(422)
    return statuses


def _is_json(endpoint: Endpoint) -> bool:
    return endpoint.answer_type == "application/json"


def _tag(endpoint: Endpoint) -> str:
    return endpoint.path.split("/")[1].split(".")[0]
