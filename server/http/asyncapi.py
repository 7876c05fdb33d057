"""The AsyncAPI 3 document of the live protocol, made from the structs that the socket decodes and encodes."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec

from server import __version__
from server.realtime.protocol import COMMANDS, SERVER_MESSAGES

_SCHEMAS = "#/components/schemas/{name}"
_DESCRIPTION = (
    "One WebSocket carries everything that moves: jobs, their progress, notifications, subscribed events. Every frame "
    "is one JSON object (with `?format=array` an array of them). A signed-in browser is known by its session cookie, a "
    "program by `Authorization: Bearer <token>` or by a first message `auth`."
)


def asyncapi_document(*, host: str, is_secure: bool) -> dict[str, Any]:
    """The document for this server, with `host` as it was asked for."""
    _, schemas = msgspec.json.schema_components([*SERVER_MESSAGES, *COMMANDS], ref_template=_SCHEMAS)
    sent = {_key("receive", kind): _message(kind) for kind in SERVER_MESSAGES}
    taken = {_key("send", kind): _message(kind) for kind in COMMANDS}
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
            "this": {
                "host": host,
                "protocol": "wss" if is_secure else "ws",
                "security": [{"$ref": f"#/components/securitySchemes/{name}"} for name in ("token", "session")],
            }
        },
        "channels": {
            "live": {
                "address": "/ws/{client_id}",
                "description": "`client_id` names one tab or device of whoever is signed in; it never chooses who is.",
                "parameters": {"client_id": {"description": "1 to 64 of A-Z a-z 0-9 _ . -"}},
                "messages": {key: {"$ref": f"#/components/messages/{key}"} for key in (*sent, *taken)},
            }
        },
        "operations": {
            "receive": _operation("send", "What the server sends.", sent),
            "command": _operation("receive", "What a client may send.", taken),
        },
        "components": {
            "messages": sent | taken,
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "An API token."},
                "session": {"type": "httpApiKey", "in": "cookie", "name": "jindu_session", "description": "Signed in."},
            },
        },
    }


def _operation(action: str, summary: str, messages: dict[str, Any]) -> dict[str, Any]:
    """`action` is seen from the server, as AsyncAPI 3 wants it."""
    refs = [{"$ref": f"#/channels/live/messages/{key}"} for key in messages]
    return {"action": action, "channel": {"$ref": "#/channels/live"}, "summary": summary, "messages": refs}


def _message(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {
        "name": str(kind.__struct_config__.tag),
        "summary": inspect.cleandoc(kind.__doc__ or ""),
        "payload": {"$ref": _SCHEMAS.format(name=kind.__name__)},
    }


def _key(direction: str, kind: type[msgspec.Struct]) -> str:
    return f"{direction}_{kind.__struct_config__.tag}"
