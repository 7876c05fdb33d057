"""The API does what its own document says, for everybody, and no request, allowed by it or not, makes it fail.

`openapi-3.1.json` is the specification's own schema: https://spec.openapis.org/oas/3.1/schema/2022-10-07 (Apache-2.0),
unchanged.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema_rs
import pytest

from server.http.endpoint import Endpoint
from tests.conftest import PASSWORDS, Server, new_user
from tests.contract.fuzzing import UNSAYABLE, Inhabitant, fuzz
from tests.functional.doors import OF_BROWSERS, Door, doors, prepared
from views.api import ENDPOINTS

# Few, so that the whole is a matter of a minute; `make fuzz` takes many, and viewers as well.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
PHASES = {"admin": "coverage", "editor": "fuzzing"}
BARRED = {"admin": (), "editor": ("admin",), "viewer": ("write", "admin")}
_META_SCHEMA = Path(__file__).parent / "openapi-3.1.json"
Clients = dict[str, aiohttp.ClientSession]
Json = dict[str, Any]


@pytest.fixture
async def document(server: Server) -> Json:
    async with aiohttp.ClientSession(server.url) as client, client.get("/api/v1/openapi.json") as response:
        assert response.status == 200
        found: Json = await response.json()
    return found


@pytest.fixture
async def clients(
    server: Server, admin: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Clients]:
    """One of each role. The viewer made what is theirs before they became one: so there is something to look at."""
    found = {"admin": admin}
    async with AsyncExitStack() as stack:
        for role in ("editor", "viewer"):
            monkeypatch.setitem(PASSWORDS, role, f"correct-horse-{role}s")
            found[role] = await stack.enter_async_context(await new_user(server, admin, role))
        yield found


async def test_it_is_an_openapi_document(document: Json) -> None:
    jsonschema_rs.validate(json.loads(_META_SCHEMA.read_text("utf-8")), document)
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))


async def test_every_schema_of_the_document_is_valid(document: Json) -> None:
    for name, schema in document["components"]["schemas"].items():
        standing_alone = schema | {"components": document["components"]}
        jsonschema_rs.meta.validate(schema)
        assert jsonschema_rs.Draft202012Validator(standing_alone), name


async def test_every_placeholder_is_a_parameter(document: Json) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            named = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
            assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")} or "." in path


async def test_what_is_refused_in_spite_of_the_document_is_said_of_operations_there_are(document: Json) -> None:
    names = {operation["operationId"] for path in document["paths"].values() for operation in path.values()}
    assert UNSAYABLE.keys() <= names


@pytest.mark.timeout(1500 + 60 * EXAMPLES)
async def test_schemathesis_finds_nothing(document: Json, server: Server, clients: Clients, tmp_path: Path) -> None:
    people = [await _inhabitant(role, client) for role, client in clients.items()]
    await _demote(clients)
    said = await asyncio.gather(
        *(
            fuzz(
                person,
                url=server.url,
                peers=[each for each in people if each.role != "admin"],
                directory=tmp_path,
                document=document,
                examples=EXAMPLES or 3,
                phases="examples,coverage,fuzzing,stateful" if EXAMPLES else PHASES[person.role],
            )
            for person in people
            if EXAMPLES or person.role in PHASES
        )
    )
    if failures := "".join(said):
        pytest.fail(failures, pytrace=False)  # an assertion would be cut off
    for person in people:  # else it would have looked at locked doors
        await _is_still_there(clients[person.role], person)


async def test_viewers_change_nothing_and_editors_administer_nothing(server: Server, clients: Clients) -> None:
    places = {role: await prepared(client) for role, client in clients.items() if role != "admin"}
    await _demote(clients)
    tried = 0
    for role in places:
        for door in doors(places[role]):
            endpoint = _endpoint(door)
            if endpoint is None or endpoint.access not in BARRED[role]:
                continue
            # Before anything of it is read: what schemathesis sends need not be tried here.
            for sent in (door.body, {"params": {"no": "such", "limit": "\0"}, "data": b"\xff["}):
                async with clients[role].request(door.method, door.path, **sent) as response:
                    assert response.status == 403, (role, door, await response.text())
            tried += 1
    assert tried > 40


def _endpoint(door: Door) -> Endpoint | None:
    """None for pages."""
    wanted = (door.method, door.pattern)
    return next((each for each in ENDPOINTS if (each.method, f"/api/v1{each.path}") == wanted), None)


async def _inhabitant(role: str, client: aiohttp.ClientSession) -> Inhabitant:
    places = await prepared(client)
    of_api = {kind: path for kind, path in places.items() if kind.startswith("/") and not kind.startswith("/s/")}
    things = {kind: path.rpartition("/")[2] for kind, path in of_api.items() if kind != OF_BROWSERS}
    return Inhabitant(
        role=role,
        token=client.headers["Authorization"].removeprefix("Bearer "),
        things=things,
        closed=[each.name for each in ENDPOINTS if each.access in BARRED[role] and not each.raw],
    )


async def _demote(clients: Clients) -> None:
    async with clients["viewer"].get("/api/v1/me") as response:
        user_id = (await response.json())["id"]
    async with clients["admin"].patch(f"/api/v1/admin/users/{user_id}", json={"role": "viewer"}) as response:
        assert response.status == 200


async def _is_still_there(client: aiohttp.ClientSession, person: Inhabitant) -> None:
    async with client.get("/api/v1/me") as response:
        assert (await response.json())["role"] == person.role
    for kind, name in person.things.items():
        async with client.get(f"/api/v1{kind.partition('{')[0]}{name}") as response:
            assert response.status == 200, (person.role, kind)
