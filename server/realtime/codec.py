"""What stands in a frame: messages as JSON, and what a client wrote as a command, something to echo, or an error."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
from msgspec import Struct

from server.errors import InvalidInput, MalformedRequest
from server.realtime.protocol import COMMANDS, Command, CommandId

_ESCAPED_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_ENCODER = msgspec.json.Encoder()
_COMMANDS_BY_TYPE = {str(command.__struct_config__.tag): command for command in COMMANDS}


class Unknown(Struct, frozen=True):
    """A well-formed object that is no command; it is echoed."""

    id: CommandId
    data: msgspec.Raw


def type_of(message: Any) -> str:
    """What stands in its `type`."""
    if isinstance(message, dict):
        return str(message.get("type", ""))
    return str(type(message).__struct_config__.tag)


def encode(message: Any) -> bytes:
    """A message as the JSON that goes into a frame."""
    return _ENCODER.encode(message)


def decode(frame: str) -> Command | Unknown:
    """A client's text frame; raises `MalformedRequest` (no JSON) or `InvalidInput` (wrong fields, `command_id`)."""
    try:
        # Decoded as a whole, though often one field would do: what is echoed must be known to be valid.
        content = msgspec.json.decode(frame)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise MalformedRequest(
            "This is not valid JSON: {reason}.",
            code="invalid_json",
            reason=_reason(error),
            command_id=_id_of_half(frame),
        ) from None
    if not isinstance(content, dict):
        raise InvalidInput("Send one JSON object per frame.", code="invalid_message")
    command_id = _command_id_of(content)
    kind = content.get("type", "")
    command = _COMMANDS_BY_TYPE.get(kind) if isinstance(kind, str) else None
    if command is None:
        return Unknown(command_id, msgspec.Raw(frame))
    try:
        return msgspec.convert(content, command)
    except msgspec.ValidationError as error:
        raise InvalidInput(
            "The command “{type}” is wrong: {reason}.",
            code="invalid_message",
            type=kind,
            reason=_reason(error),
            command_id=command_id,
        ) from None


def _id_of_half(frame: str) -> CommandId:
    """Of a command with half a character in it, escaped: no JSON to msgspec, but programs write it, and wait."""
    if not _ESCAPED_HALF.search(frame):
        return None
    try:
        content = json.loads(frame)
        found = _command_id_of(content) if isinstance(content, dict) else None
        str(found).encode()
    except (ValueError, RecursionError):
        return None
    return found


def _command_id_of(content: dict[str, Any]) -> CommandId:
    command_id = content.get("id")
    is_usable = isinstance(command_id, str | int) and not isinstance(command_id, bool)
    return command_id if is_usable else None


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return str(error).rstrip(".")
