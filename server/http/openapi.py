"""The OpenAPI 3.1 document, made from the same typed endpoints that decode requests and encode answers."""

from __future__ import annotations

import http
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import msgspec

from server import __version__
from server.base_path import ROOT, BasePath
from server.http.endpoint import IDEMPOTENCY_KEY, Endpoint, Header, NoQuery
from server.http.problems import PROBLEM_TYPE, Problem
from server.http.values import KEY_SCHEMA, NO_NUL, Id

_SCHEMAS = "#/components/schemas/{name}"
_PLACEHOLDER = re.compile(r"\{(\w+)(?::[^{}]*(?:\{[^{}]*\})?[^{}]*)?\}")
_DESCRIPTION = (
    "Everything that the pages of Jindu do, for programs. Get a token with `POST /api/v1/tokens`, then send it as "
    "`Authorization: Bearer <token>`.\n\nErrors are `application/problem+json` (RFC 9457) with a stable `code`. Lists "
    "take `limit`, `cursor` and `q`; their answer holds `items`, `next_cursor` and `total`. Where there are "
    "parameters, one of another name, or one that stands there twice, is refused (422). Starting work answers 202 with "
    "a `job_id`; how far it is comes live over the WebSocket, see [the events]({base}/docs/events).\n\n"
    "Whatever can be had by GET answers HEAD, too."
)
_RAW_BODY: dict[str, Any] = {"type": "string", "format": "binary"}
_FILE_FORM: dict[str, Any] = {"type": "object", "required": ["file"], "properties": {"file": _RAW_BODY}}
_IDEMPOTENCY = Header(
    name=IDEMPOTENCY_KEY,
    said="The same key gives the same job, however often it is sent. For another request it is refused (409).",
    schema=KEY_SCHEMA,
)
# Any answer may be one of these: what is asked too often, and what comes while the server starts, ends or is too busy.
_ALWAYS = (429, 503)
_OF_WRITING = (507,)  # a full disk


def document_on_demand(endpoints: Sequence[Endpoint], *, base: BasePath) -> Callable[[], bytes]:
    """Gives the document as JSON, made when it is first asked for: most servers never are, and it never changes."""
    return cache(lambda: msgspec.json.encode(openapi_document(endpoints, base=base)))


def openapi_document(
    endpoints: Sequence[Endpoint], *, prefix: str = "/api/v1", base: BasePath = ROOT
) -> dict[str, Any]:
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
        "info": {"title": "Jindu", "version": __version__, "description": _DESCRIPTION.format(base=base.text)},
        "servers": [{"url": base.text or "/"}],
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
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": base.cookie("jindu_session"),
                    "description": "Signed in.",
                },
            },
        },
    }


def _schemas_of(endpoints: Sequence[Endpoint]) -> tuple[dict[Any, dict[str, Any]], dict[str, Any]]:
    """Each type's schema, and the components they refer to."""
    types: list[Any] = [Problem, Id]
    for endpoint in endpoints:
        types += [
            *endpoint.places.values(),
            endpoint.query,
            *(kind for kind in (endpoint.body, endpoint.answer) if kind not in (None, bytes)),
        ]
    unique = list({repr(kind): kind for kind in types}.values())
    found, components = msgspec.json.schema_components(unique, ref_template=_SCHEMAS)
    by_repr = dict(zip(map(repr, unique), found, strict=True))
    seen: set[int] = set()
    for endpoint in endpoints:
        for kind in (endpoint.body, endpoint.query, *endpoint.places.values()):
            if kind not in (None, bytes):
                _say_no_nul(by_repr[repr(kind)], components, seen)
    return {kind: by_repr[repr(kind)] for kind in types}, components


def _say_no_nul(schema: dict[str, Any], components: dict[str, Any], seen: set[int]) -> None:
    """Of every text in a body or an address, unless it is narrower already: what `http.storable` demands."""
    if "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]]
    if id(schema) in seen:
        return
    seen.add(id(schema))
    if schema.get("type") == "string" and not {"pattern", "enum", "const", "format"} & set(schema):
        schema["pattern"] = NO_NUL
    parts = [*schema.get("properties", {}).values(), *schema.get("anyOf", ()), *schema.get("prefixItems", ())]
    parts += [schema[key] for key in ("items", "additionalProperties") if isinstance(schema.get(key), dict)]
    for part in parts:
        _say_no_nul(part, components, seen)


def _operation(endpoint: Endpoint, schemas: dict[Any, dict[str, Any]], components: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "tags": [_tag(endpoint)],
        "parameters": [
            *_path_parameters(endpoint, schemas),
            *_query_parameters(endpoint, components),
            *(_header_parameter(header) for header in _headers(endpoint)),
        ],
        "responses": _responses(endpoint, schemas),
    }
    if said := describing(endpoint):
        operation["description"] = "\n\n".join(said)
    # What a token has to be good for, and whoever is signed in has to be allowed.
    needed = [] if endpoint.access == "public" else [endpoint.access]
    operation["security"] = [*([] if needed else [{}]), {"token": needed}, {"session": needed}]
    body = _body(endpoint, schemas)
    if body is not None:
        operation["requestBody"] = body
    return operation


def describing(endpoint: Endpoint) -> list[str]:
    """What its handler and its query say of themselves, beside the summary."""
    texts = (endpoint.handler.__doc__, None if endpoint.query is NoQuery else endpoint.query.__doc__)
    return [inspect.cleandoc(text) for text in texts if text]


def _headers(endpoint: Endpoint) -> Iterator[Header]:
    yield from endpoint.headers
    if endpoint.takes_key and all(header.name != IDEMPOTENCY_KEY for header in endpoint.headers):
        yield _IDEMPOTENCY


def _header_parameter(header: Header) -> dict[str, Any]:
    schema = {"type": "string", **header.schema}
    return {
        "name": header.name,
        "in": "header",
        "required": header.required,
        "description": header.said,
        "schema": schema,
    }


def _body(endpoint: Endpoint, schemas: dict[Any, dict[str, Any]]) -> dict[str, Any] | None:
    types = _several(endpoint.body_type)
    if endpoint.raw and types != ("application/json",):
        content = {name: {"schema": _FILE_FORM if name.startswith("multipart/") else _RAW_BODY} for name in types}
        return {"required": endpoint.body_required, "content": content}
    if endpoint.body is None:
        return None
    schema = endpoint.body_schema if endpoint.body is bytes else schemas[endpoint.body]
    return {"required": endpoint.body_required, "content": {name: {"schema": schema} for name in types}}


def _several(types: str | tuple[str, ...]) -> tuple[str, ...]:
    return (types,) if isinstance(types, str) else types


def _path_parameters(endpoint: Endpoint, schemas: dict[Any, dict[str, Any]]) -> list[dict[str, Any]]:
    names = [match[1] for match in _PLACEHOLDER.finditer(endpoint.path)]
    return [
        {"name": name, "in": "path", "required": True, "schema": schemas[endpoint.places.get(name, Id)]}
        for name in names
    ]


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
    statuses = (_usual_status(endpoint), *endpoint.other_statuses)
    problem = {"$ref": "#/components/responses/Problem"}
    return (
        {str(status): _success(endpoint, status, schemas) for status in statuses}
        | {str(code): problem for code in sorted(_error_statuses(endpoint).difference(statuses))}
        | {"default": problem}
    )


def _usual_status(endpoint: Endpoint) -> int:
    is_empty = endpoint.answer is None and _is_json(endpoint) and not endpoint.raw
    return 204 if endpoint.status == 200 and is_empty else endpoint.status


def _success(endpoint: Endpoint, status: int, schemas: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    success: dict[str, Any] = {"description": http.HTTPStatus(status).phrase}
    if status in (204, 304):
        content: dict[str, Any] = {}
    else:
        content = {name: _answer_of(endpoint, name, schemas) for name in _answer_types(endpoint)}
    if content:
        success["content"] = content
    told = {"Location": "The job."} if status == 202 else endpoint.answer_headers
    if told:
        success["headers"] = {name: {"description": said, "schema": {"type": "string"}} for name, said in told.items()}
    return success


def _answer_types(endpoint: Endpoint) -> tuple[str, ...]:
    return () if endpoint.answer is None and _is_json(endpoint) else _several(endpoint.answer_type)


def _answer_of(endpoint: Endpoint, media_type: str, schemas: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    """Of JSON what is in it; of files only that they are, since a schema would be of what a reader makes of them."""
    if media_type == "application/json" and endpoint.answer not in (None, bytes):
        return {"schema": schemas[endpoint.answer]}
    return {}


def _error_statuses(endpoint: Endpoint) -> set[int]:
    statuses = {*endpoint.errors, *_ALWAYS}
    if endpoint.access != "public":
        statuses |= {401, 403}
    if endpoint.access in ("write", "admin") and endpoint.method not in ("GET", "HEAD"):
        statuses.update(_OF_WRITING)
    if "{" in endpoint.path:
        statuses.add(404)
    if endpoint.body is not None:
        statuses |= {400, 413, 415, 422}
    if endpoint.takes_key:
        statuses |= {409, 422}
    if endpoint.query is not NoQuery:
        statuses.add(422)
    return statuses


def _is_json(endpoint: Endpoint) -> bool:
    return endpoint.answer_type == "application/json"


def _tag(endpoint: Endpoint) -> str:
    return endpoint.path.split("/")[1].split(".")[0]
