"""The documentation that the server gives of the live protocol: as a page and as JSON. See `reference` for HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
from aiohttp import web

from server.http.addresses import is_secure
from server.http.asyncapi import LiveChannels, asyncapi_document, key_of
from server.http.based_requests import base_path_of
from server.http.parts import parts_of
from server.realtime.close_codes import CloseCode
from server.realtime.job_fields import JobFields
from server.realtime.limits import LiveLimits
from server.realtime.protocol import ANSWERS, COMMANDS, SERVER_MESSAGES, Connected, Echo
from views.context import render

_JOB_FIELDS = frozenset(JobFields.__struct_fields__)
_MEANINGFUL = 2**53  # a larger limit only keeps numbers within their type
_ONE_LINE = 72  # characters of an example that needs no more than a line


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageField:
    """One row of a message's table."""

    name: str
    type: str
    is_required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageShown:
    """`answer` is the anchor of what answers a command."""

    name: str
    anchor: str
    summary: str
    fields: list[MessageField]
    has_job_fields: bool
    example: str
    answer: str = ""


async def events_json(request: web.Request) -> web.Response:
    document = _described_for(request).document
    body = msgspec.json.encode(document | {"servers": _servers(request, document)})
    return web.Response(body=body, content_type="application/json")


async def events_page(request: web.Request) -> web.Response:
    """The AsyncAPI document as people read it."""
    described = _described_for(request)
    servers = _servers(request, described.document)
    response = await render(
        request,
        "docs/events.html",
        servers={
            name: f"{server['protocol']}://{server['host']}{server.get('pathname', '')}"
            for name, server in servers.items()
        },
        pushes=described.pushes,
        commands=described.commands,
        answers=described.answers,
        job_fields=described.job_fields,
        close_codes=list(CloseCode),
        limits=parts_of(request).live_limits,
    )
    response.enable_compression()  # in a thread: to a tenth
    return response


@dataclass(frozen=True, slots=True, kw_only=True)
class _Described:
    """All but the host, which everybody names as they like."""

    document: dict[str, Any]
    pushes: list[MessageShown]
    commands: list[MessageShown]
    answers: list[MessageShown]
    job_fields: dict[str, MessageField]


def _described_for(request: web.Request) -> _Described:
    parts = parts_of(request)
    return _described(parts.live_limits, parts.live_channels, is_secure(request))


@lru_cache(maxsize=4)
def _described(limits: LiveLimits, transports: tuple[LiveChannels, ...], is_secure: bool) -> _Described:
    """Made once: it takes ten milliseconds, and strangers may ask for it."""
    document = asyncapi_document(host="", is_secure=is_secure, limits=limits, transports=transports)
    replies: list[type[msgspec.Struct]] = [*ANSWERS.values(), Echo]
    answers = [kind for kind in dict.fromkeys(replies) if kind is not Connected]
    pushes = [kind for kind in SERVER_MESSAGES if kind not in answers]
    schemas = document["components"]["schemas"]
    return _Described(
        document=document,
        pushes=list(_shown(document, pushes)),
        commands=list(_shown(document, COMMANDS)),
        answers=list(_shown(document, answers)),
        job_fields={field.name: field for field in _fields(schemas["JobFields"], schemas)},
    )


def _servers(request: web.Request, document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    here = {"host": request.host} | ({"pathname": base} if (base := base_path_of(request).text) else {})
    return {name: server | here for name, server in document["servers"].items()}


def _shown(document: dict[str, Any], kinds: Iterable[type[msgspec.Struct]]) -> Iterator[MessageShown]:
    schemas = document["components"]["schemas"]
    answers = {key_of(command): key_of(answer) for command, answer in ANSWERS.items()}
    for name in map(key_of, kinds):
        message = document["components"]["messages"][name]
        fields = list(_fields(_resolved(message["payload"], schemas), schemas))
        has_job_fields = {field.name for field in fields} >= _JOB_FIELDS
        yield MessageShown(
            name=message["name"],
            anchor=name,
            summary=message["summary"],
            fields=[field for field in fields if not (has_job_fields and field.name in _JOB_FIELDS)],
            has_job_fields=has_job_fields,
            example=_written(message["examples"][0]["payload"]),
            answer=answers.get(name, ""),
        )


def _written(example: dict[str, Any]) -> str:
    line = json.dumps(example, ensure_ascii=False)
    return line if len(line) <= _ONE_LINE else json.dumps(example, ensure_ascii=False, indent=2)


def _fields(schema: dict[str, Any], schemas: dict[str, Any]) -> Iterator[MessageField]:
    for name, field in schema["properties"].items():
        if name != "type":  # it stands in the heading
            is_required = name in schema.get("required", ())
            yield MessageField(name=name, type=_type_text(field, schemas), is_required=is_required)


def _type_text(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """`string | null`, `string (1…128)`, `string[] (1…100)`, `{code: string, message: string}`."""
    if "$ref" in schema:
        inner = _resolved(schema, schemas)
        if "properties" not in inner or len(inner["properties"]) > 4:
            return str(schema["$ref"].rpartition("/")[2])
        parts = (f"{name}: {_type_text(part, schemas)}" for name, part in inner["properties"].items())
        return "{" + ", ".join(parts) + "}"
    if "anyOf" in schema:
        return " | ".join(_type_text(part, schemas) for part in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(f'"{value}"' for value in schema["enum"])
    if schema.get("type") == "array":
        return f"{_type_text(schema.get('items', {}), schemas).partition(' (')[0]}[]{_limits(schema)}"
    return f"{schema.get('type', 'any')}{_limits(schema)}"


def _limits(schema: dict[str, Any]) -> str:
    """` (1…100)`: of length, of how many, or of the number itself."""
    low = next((schema[key] for key in ("minItems", "minLength", "minimum") if key in schema), None)
    high = next((schema[key] for key in ("maxItems", "maxLength", "maximum") if key in schema), None)
    if low is None and high is None:
        return ""
    if high is not None and high > _MEANINGFUL:
        high = None
    return f" ({'' if low is None else low}…{'' if high is None else high})"


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    found: dict[str, Any] = schemas[reference.rpartition("/")[2]] if reference else schema
    return found
