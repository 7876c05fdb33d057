"""The AsyncAPI 3 document of the live protocol, made from the structs that the transports decode and encode."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import msgspec
from msgspec import Struct

from server import __version__
from server.realtime.close_codes import CloseCode
from server.realtime.examples import EXAMPLES
from server.realtime.limits import LiveLimits
from server.realtime.protocol import ANSWERS, COMMANDS, SERVER_MESSAGES, Auth, Command, Echo, Error

Json = dict[str, Any]

_SCHEMAS = "#/components/schemas/{name}"
_DESCRIPTION = """\
One connection carries everything that moves: jobs, their progress, notifications, subscribed events.

* **WebSocket**: `GET /ws/{client_id}`. Every frame is one JSON object; with `?format=array` it may be an array of them.
* **Server-sent events**: `GET /events`. Every event's data is one JSON object; commands go to
  `POST /events/{client_id}`, their answers come on the stream.

A signed-in browser is known by its session cookie, a program by `Authorization: Bearer <token>`, over a WebSocket also
by a first message `auth`. Kept messages (`job`, `notification`) have an `offset` in a stream of their user: who comes
back with `?since=<epoch>:<offset>` gets all that were missed, or is told that this cannot be.
"""
_CLIENT_ID = {
    "client_id": {"description": "1 to 64 of A-Z a-z 0-9 _ . - naming one tab or device; it never chooses who."}
}
_LANG = {"type": "string", "enum": ["en", "zh-CN"], "description": "Language of the texts for people."}
_SINCE = {
    "type": "string",
    "pattern": "^[0-9A-Za-z_-]{1,64}:[0-9]{1,18}$",
    "description": "The position, `<epoch>:<offset>`, of the last kept message that the client has.",
}
_FORMAT = {"type": "string", "enum": ["array"], "description": "Several messages may come in one frame, as an array."}
_QUERY_CLIENT_ID = {"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,64}$", "description": "As in `/ws/{client_id}`."}
_ANYTHING: Json = {
    "name": "anything",
    "title": "anything",
    "summary": "Any object whose `type` is no command is sent back as it was.",
    "payload": {"type": "object"},
    "examples": [{"payload": {"type": "hello"}}],
}
_CLOSE: Json = {
    "name": "close",
    "title": "close",
    "summary": "The last event of a stream, `event: close`: why it ends, as the close frame of a WebSocket says.",
    "payload": {
        "type": "object",
        "required": ["code", "reason"],
        "properties": {"code": {"type": "integer"}, "reason": {"type": "string"}},
    },
    "examples": [{"payload": {"code": int(CloseCode.SLOW_CONSUMER), "reason": CloseCode.SLOW_CONSUMER.reason}}],
}


def asyncapi_document(*, host: str, is_secure: bool, limits: LiveLimits) -> Json:
    """The document for this server, with `host` as it was asked for and the limits that are in force."""
    _, schemas = msgspec.json.schema_components([*SERVER_MESSAGES, *COMMANDS], ref_template=_SCHEMAS)
    sent = {key_of(kind): _message(kind) for kind in SERVER_MESSAGES}
    taken = {key_of(kind): _message(kind) for kind in COMMANDS} | {"send_anything": _ANYTHING}
    beside_stream = [key for key in taken if key != key_of(Auth)]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Jindu live protocol",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "websocket": _server(host, "wss" if is_secure else "ws"),
            "events": _server(host, "https" if is_secure else "http"),
        },
        "channels": {
            "live": {
                "address": "/ws/{client_id}",
                "title": "WebSocket",
                "description": "Messages and commands together. A newer one of the same client_id replaces it.",
                "servers": [_ref("servers", "websocket")],
                "parameters": _CLIENT_ID,
                "messages": _refs([*sent, *taken]),
                "bindings": {"ws": {"method": "GET", "query": _query(lang=_LANG, since=_SINCE, format=_FORMAT)}},
            },
            "stream": {
                "address": "/events",
                "title": "Server-sent events",
                "description": "The same messages. Kept ones have their position as the event's `id`.",
                "servers": [_ref("servers", "events")],
                "messages": _refs([*sent, "receive_close"]),
            },
            "commands": {
                "address": "/events/{client_id}",
                "title": "Commands of a stream",
                "description": "One command a request, answered by 202 at once and by a message on the stream.",
                "servers": [_ref("servers", "events")],
                "parameters": _CLIENT_ID,
                "messages": _refs(beside_stream),
            },
        },
        "operations": _operations(sent, taken, beside_stream),
        "components": {
            "messages": sent | taken | {"receive_close": _CLOSE},
            "schemas": dict(sorted(schemas.items())),
            "correlationIds": {
                "command": {"description": "Repeated in the answer.", "location": "$message.payload#/id"}
            },
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "An API token."},
                "session": {"type": "httpApiKey", "in": "cookie", "name": "jindu_session", "description": "Signed in."},
            },
        },
        "x-close-codes": [
            {"code": int(code), "reason": code.reason, "reconnect": code.may_reconnect} for code in CloseCode
        ],
        "x-limits": asdict(limits),
    }


def key_of(kind: type[Struct]) -> str:
    """A message's name in the document; seen from the client, since some types are both sent and received."""
    return f"{'send' if issubclass(kind, Command) else 'receive'}_{kind.__struct_config__.tag}"


def summary_of(kind: type[Struct]) -> str:
    """Its docstring in one line: what the documentation says of it, and translates."""
    return " ".join((kind.__doc__ or "").split())


def _operations(sent: Iterable[str], taken: Iterable[str], beside_stream: Iterable[str]) -> Json:
    """Each `action` is seen from the server, as AsyncAPI 3 wants it."""
    query = _query(lang=_LANG, since=_SINCE, client_id=_QUERY_CLIENT_ID)
    operations: Json = {
        "receive": {
            "action": "send",
            "channel": _ref("channels", "live"),
            "summary": "What the server sends over a WebSocket.",
            "messages": _of_channel("live", sent),
        },
        "receive_events": {
            "action": "send",
            "channel": _ref("channels", "stream"),
            "summary": "What the server sends as server-sent events.",
            "messages": _of_channel("stream", [*sent, "receive_close"]),
            "bindings": {"http": {"method": "GET", "query": query, "bindingVersion": "0.3.0"}},
        },
    }
    answers = {key_of(command): key_of(answer) for command, answer in ANSWERS.items()} | {"send_anything": key_of(Echo)}
    for key in taken:
        operations[key] = _command(key, answers[key], channel="live", answered_on="live")
    for key in beside_stream:
        operations[f"{key}_beside_stream"] = _command(key, answers[key], channel="commands", answered_on="stream") | {
            "bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}}
        }
    return operations


def _command(key: str, answer: str, *, channel: str, answered_on: str) -> Json:
    return {
        "action": "receive",
        "channel": _ref("channels", channel),
        "summary": f"The command `{key.removeprefix('send_')}`.",
        "messages": _of_channel(channel, [key]),
        "reply": {
            "channel": _ref("channels", answered_on),
            "messages": _of_channel(answered_on, [answer, key_of(Error)]),
        },
    }


def _message(kind: type[Struct]) -> Json:
    name = str(kind.__struct_config__.tag)
    message: Json = {
        "name": name,
        "title": name,
        "summary": summary_of(kind),
        "payload": {"$ref": _SCHEMAS.format(name=kind.__name__)},
        "examples": [{"payload": EXAMPLES[kind]}],
    }
    if "id" in kind.__struct_fields__:
        message["correlationId"] = _ref("components/correlationIds", "command")
    return message


def _server(host: str, scheme: str) -> Json:
    schemes = [_ref("components/securitySchemes", name) for name in ("token", "session")]
    return {"host": host, "protocol": scheme, "security": schemes}


def _query(**parameters: Json) -> Json:
    return {"type": "object", "properties": parameters}


def _ref(place: str, name: str) -> Json:
    return {"$ref": f"#/{place}/{name}"}


def _refs(keys: Iterable[str]) -> Json:
    return {key: _ref("components/messages", key) for key in keys}


def _of_channel(channel: str, keys: Iterable[str]) -> list[Json]:
    return [_ref(f"channels/{channel}/messages", key) for key in keys]
