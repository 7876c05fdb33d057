"""The AsyncAPI document is valid, whole, and says what the server speaks.

`asyncapi-3.0.0.json` is the specification's own schema: `schemas/3.0.0-without-$id.json` of npm @asyncapi/specs 6.11.1
(Apache-2.0), unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema_rs
import pytest

from server.http.asyncapi import asyncapi_document
from server.http.parts import PARTS
from server.realtime.close_codes import CloseCode
from server.realtime.protocol import ANSWERS, COMMANDS, SERVER_MESSAGES
from tests.conftest import Server

SCHEMA = json.loads((Path(__file__).parent / "asyncapi-3.0.0.json").read_text("utf-8"))
Json = dict[str, Any]


@pytest.fixture
async def document(server: Server) -> Json:
    async with aiohttp.ClientSession(server.url) as client, client.get("/docs/events.json") as response:
        assert response.status == 200
        found: Json = await response.json()
    return found


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def resolved(document: Json, reference: str) -> Any:
    found: Any = document
    assert reference.startswith("#/")
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return resolved(document, found["$ref"]) if isinstance(found, dict) and "$ref" in found else found


async def test_the_document_is_valid_asyncapi_3(document: Json) -> None:
    assert document["asyncapi"] == "3.0.0"
    jsonschema_rs.Draft7Validator(SCHEMA).validate(document)


async def test_every_reference_leads_somewhere(document: Json) -> None:
    found = set(references(document))
    assert len(found) > 50
    for reference in found:
        assert resolved(document, reference)


async def test_every_message_has_an_example_that_its_schema_allows(document: Json) -> None:
    for name, message in document["components"]["messages"].items():
        assert message["summary"], name
        schema = message["payload"] | {"components": document["components"]}
        for example in message["examples"]:
            jsonschema_rs.Draft202012Validator(schema).validate(example["payload"])


async def test_every_message_of_the_protocol_goes_over_both_transports(document: Json) -> None:
    sent = {f"receive_{kind.__struct_config__.tag}" for kind in SERVER_MESSAGES}
    taken = {f"send_{kind.__struct_config__.tag}" for kind in COMMANDS} | {"send_anything"}
    channels = {name: set(channel["messages"]) for name, channel in document["channels"].items()}
    assert channels["live"] == sent | taken
    assert channels["stream"] == sent | {"receive_close"}
    assert channels["commands"] == taken - {"send_auth"}  # whoever has a stream is known already


async def test_every_message_belongs_to_an_operation_and_every_command_to_its_answer(document: Json) -> None:
    carried: dict[str, set[str]] = {}
    for operation in document["operations"].values():
        channel = operation["channel"]["$ref"].rpartition("/")[2]
        carried.setdefault(channel, set()).update(found["$ref"].rpartition("/")[2] for found in operation["messages"])
    assert carried == {name: set(channel["messages"]) for name, channel in document["channels"].items()}
    for command, answer in ANSWERS.items():
        tag = str(command.__struct_config__.tag)
        reply = document["operations"][f"send_{tag}"]["reply"]
        names = [resolved(document, found["$ref"])["name"] for found in reply["messages"]]
        assert names == [answer.__struct_config__.tag, "error"]
    assert set(ANSWERS) == set(COMMANDS)


async def test_servers_name_both_transports_and_how_one_is_known(document: Json, server: Server) -> None:
    host = server.url.removeprefix("http://")
    servers = {name: (entry["protocol"], entry["host"]) for name, entry in document["servers"].items()}
    assert servers == {"websocket": ("ws", host), "events": ("http", host)}
    for entry in document["servers"].values():
        assert [resolved(document, found["$ref"])["type"] for found in entry["security"]] == ["http", "httpApiKey"]


async def test_close_codes_and_limits_are_those_in_force(document: Json, server: Server) -> None:
    codes = {entry["code"]: (entry["reason"], entry["reconnect"]) for entry in document["x-close-codes"]}
    assert codes == {int(code): (code.reason, code.may_reconnect) for code in CloseCode}
    assert document["x-limits"] == asdict(server.parts.realtime.manager.limits)


async def test_a_secure_server_is_described_as_one(server: Server) -> None:
    web = server.app[PARTS]
    found = asyncapi_document(host="example.com", is_secure=True, limits=web.live_limits, transports=web.live_channels)
    assert {entry["protocol"] for entry in found["servers"].values()} == {"wss", "https"}
