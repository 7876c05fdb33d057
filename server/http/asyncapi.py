"""The AsyncAPI 3 document of the live protocol, made from the structs that the transports decode and encode."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import msgspec
from msgspec import Struct

from server import __version__
from server.realtime.close_codes import CloseCode
from server.realtime.examples import EXAMPLES
from server.realtime.limits import LiveLimits
from server.realtime.protocol import ANSWERS, COMMANDS, SERVER_MESSAGES, Command, Echo, Error

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
CLIENT_ID = {
    "client_id": {"description": "1 to 64 of A-Z a-z 0-9 _ . - naming one tab or device; it never chooses who."}
}
LANG: Json = {"type": "string", "enum": ["en", "zh-CN"], "description": "Language of the texts for people."}
SINCE: Json = {
    "type": "string",
    "pattern": "^[0-9A-Za-z_-]{1,64}:[0-9]{1,18}$",
    "description": "The position, `<epoch>:<offset>`, of the last kept message that the client has.",
}
_ANYTHING: Json = {
    "name": "anything",
    "title": "anything",
    "summary": "Any object whose `type` is no command is sent back as it was.",
    "payload": {"type": "object"},
    "examples": [{"payload": {"type": "hello"}}],
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LiveChannels:
    """How one transport stands in the document.

    `schemes` are those of its addresses, without and with TLS; `messages` are its own, beside those of the protocol.
    """

    server: str
    schemes: tuple[str, str]
    channels: Json
    operations: Json
    messages: Json = field(default_factory=dict)


def asyncapi_document(*, host: str, is_secure: bool, limits: LiveLimits, transports: Iterable[LiveChannels]) -> Json:
    """The document for this server, with `host` as it was asked for and the limits that are in force."""
    _, schemas = msgspec.json.schema_components([*SERVER_MESSAGES, *COMMANDS], ref_template=_SCHEMAS)
    schemas = _with_plain_discriminators(schemas)
    messages = {key_of(kind): _message(kind) for kind in (*SERVER_MESSAGES, *COMMANDS)} | {_SEND_ANYTHING: _ANYTHING}
    servers: Json = {}
    channels: Json = {}
    operations: Json = {}
    for transport in transports:
        servers[transport.server] = _server(host, transport.schemes[is_secure])
        at_server = {"servers": [_ref("servers", transport.server)]}
        channels |= {name: channel | at_server for name, channel in transport.channels.items()}
        operations |= transport.operations
        messages |= transport.messages
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Jindu live protocol",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": servers,
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": messages,
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


def _with_plain_discriminators(schema: Any) -> Any:
    """AsyncAPI names the field alone, where OpenAPI has an object."""
    if isinstance(schema, list):
        return [_with_plain_discriminators(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: _with_plain_discriminators(value) for name, value in schema.items()}
    if isinstance(found := plain.get("discriminator"), dict) and "propertyName" in found:
        plain["discriminator"] = found["propertyName"]
    return plain


def key_of(kind: type[Struct]) -> str:
    """A message's name in the document; seen from the client, since some types are both sent and received."""
    return f"{'send' if issubclass(kind, Command) else 'receive'}_{kind.__struct_config__.tag}"


def summary_of(kind: type[Struct]) -> str:
    """Its docstring in one line: what the documentation says of it, and translates."""
    return " ".join((kind.__doc__ or "").split())


_SEND_ANYTHING = "send_anything"
SENT = tuple(key_of(kind) for kind in SERVER_MESSAGES)
TAKEN = (*(key_of(kind) for kind in COMMANDS), _SEND_ANYTHING)
_ANSWERS = {key_of(command): key_of(answer) for command, answer in ANSWERS.items()} | {_SEND_ANYTHING: key_of(Echo)}

# Each `action` is seen from the server, as AsyncAPI 3 wants it.


def pushes(channel: str, keys: Iterable[str], *, summary: str) -> Json:
    """The operation by which the server sends the messages of those names."""
    return {
        "action": "send",
        "channel": _ref("channels", channel),
        "summary": summary,
        "messages": _of_channel(channel, keys),
    }


def command(key: str, *, channel: str, answered_on: str) -> Json:
    """The operation by which the server takes a command."""
    return {
        "action": "receive",
        "channel": _ref("channels", channel),
        "summary": f"The command `{key.removeprefix('send_')}`.",
        "messages": _of_channel(channel, [key]),
        "reply": {
            "channel": _ref("channels", answered_on),
            "messages": _of_channel(answered_on, [_ANSWERS[key], key_of(Error)]),
        },
    }


def query(**parameters: Json) -> Json:
    """The query of an address."""
    return {"type": "object", "properties": parameters}


def refs(keys: Iterable[str]) -> Json:
    """The messages of a channel."""
    return {key: _ref("components/messages", key) for key in keys}


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


def _ref(place: str, name: str) -> Json:
    return {"$ref": f"#/{place}/{name}"}


def _of_channel(channel: str, keys: Iterable[str]) -> list[Json]:
    return [_ref(f"channels/{channel}/messages", key) for key in keys]
