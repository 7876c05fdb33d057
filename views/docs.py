"""The documentation that the server gives of itself: the HTTP API and the live protocol, as pages and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from server.http.addresses import is_secure
from server.http.asyncapi import asyncapi_document
from views.context import render

SWAGGER_UI = "swagger-ui-5.35.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageField:
    """One row of a message's table."""

    name: str
    type: str
    is_required: bool
    limits: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageShown:
    name: str
    anchor: str
    summary: str
    fields: list[MessageField]


async def docs_page(request: web.Request) -> web.Response:
    """Swagger UI, from our own files."""
    return render(request, "docs/http.html", swagger_ui=f"/static/vendor/{SWAGGER_UI}")


async def events_json(request: web.Request) -> web.Response:
    body = msgspec.json.encode(_events(request))
    return web.Response(body=body, content_type="application/json")


async def events_page(request: web.Request) -> web.Response:
    """The AsyncAPI document as people read it."""
    document = _events(request)
    messages, schemas = document["components"]["messages"], document["components"]["schemas"]
    shown = {key: _shown(key, message, schemas) for key, message in messages.items()}
    server = document["servers"]["this"]
    return render(
        request,
        "docs/events.html",
        address=f"{server['protocol']}://{server['host']}/ws/{{client_id}}",
        received=[shown[key] for key in shown if key.startswith("receive_")],
        sent=[shown[key] for key in shown if key.startswith("send_")],
    )


def _events(request: web.Request) -> dict[str, Any]:
    return asyncapi_document(host=request.host, is_secure=is_secure(request))


def _shown(key: str, message: dict[str, Any], schemas: dict[str, Any]) -> MessageShown:
    schema = _resolved(message["payload"], schemas)
    return MessageShown(
        name=message["name"], anchor=key, summary=message["summary"], fields=list(_fields(schema, schemas))
    )


def _fields(schema: dict[str, Any], schemas: dict[str, Any]) -> Iterator[MessageField]:
    for name, field in schema["properties"].items():
        if name != "type":  # it stands in the heading
            is_required = name in schema.get("required", ())
            yield MessageField(
                name=name, type=_type_text(field, schemas), is_required=is_required, limits=_limits(field)
            )


def _type_text(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """`string or null`, `list of string`, `{code: string, message: string}`."""
    if "$ref" in schema:
        inner = _resolved(schema, schemas)
        if "properties" not in inner or len(inner["properties"]) > 4:
            return str(schema["$ref"].rpartition("/")[2])
        return (
            "{" + ", ".join(f"{name}: {_type_text(part, schemas)}" for name, part in inner["properties"].items()) + "}"
        )
    if "anyOf" in schema:
        return " or ".join(_type_text(part, schemas) for part in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type_text(schema.get('items', {}), schemas)}"
    return str(schema.get("type", "any JSON"))


def _limits(schema: dict[str, Any]) -> str:
    named = {"minItems": "≥ {} items", "maxItems": "≤ {} items", "maxLength": "≤ {} characters"}
    named |= {"minimum": "≥ {}", "maximum": "≤ {}"}
    return ", ".join(text.format(schema[key]) for key, text in named.items() if key in schema)


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    found: dict[str, Any] = schemas[reference.rpartition("/")[2]] if reference else schema
    return found
