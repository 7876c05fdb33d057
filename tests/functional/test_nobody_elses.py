"""What is somebody's is nobody else's: others cannot tell it from what does not exist, and it stays as it is."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import yarl

from tests.conftest import PASSWORDS, Server, new_user
from tests.functional.doors import doors, prepared

# They take a name, but make, check or list something of the caller's own under it.
OWN = {
    ("PUT", "/api/v1/templates/{name}"),
    ("POST", "/api/v1/templates/{name}/check"),
    # Lists of what they see, whose address holds the name of her template, “report”: tests/functional/test_lists.py.
    ("GET", "/api/v1/reports"),
    ("GET", "/api/v1/reports/export.csv"),
    ("GET", "/api/v1/reports/export.zip"),
}
KINDS = (
    "/datasets/{name}",
    "/templates/{name}",
    "/uploads/{id}",
    "/imports/{job_id}",
    "/batches/{id}",
    "/reports/{id}",
    "/links/{id}",
    "/views/{id}",
)
PUBLIC = re.compile(
    r"/(login|login/code|login/passkey|login/passkey/begin|login/openid|login/openid/callback|logout|setup|invitation|reset-password|mail/confirm|mail/stop|service-worker.js|manifest.webmanifest|offline|unsubscribe/\{code\}|"
    r"s/\{secret\}(/.*)?|language|healthz|readyz|docs|docs/api/[^/]+|docs/events|docs/events.json|help|help/pictures/\{file\}|help/\{name\}|help/\{language\}/\{chapter\}|websocket-test|wall|"
    r"api/v1/tokens|api/v1/openapi.json|api/v1/uploads)$"
)


@pytest.fixture
async def viewer(
    server: Server, admin: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[aiohttp.ClientSession]:
    monkeypatch.setitem(PASSWORDS, "vera", "correct-horse-vera")
    async with await new_user(server, admin, "vera", role="viewer") as client:
        yield client


async def test_others_cannot_tell_what_is_there(
    server: Server,
    alice: aiohttp.ClientSession,
    bob: aiohttp.ClientSession,
    viewer: aiohttp.ClientSession,
) -> None:
    places = await prepared(alice)
    before = await _everything(alice, places)
    names = _names_of_alice(places)
    tried = 0
    for door in doors(places):
        if (
            not any(name in door.path for name in names)
            or (door.method, door.pattern) in OWN
            or door.pattern.startswith("/s/")  # which is for whoever has the link
            or "source" in str(door.body)
        ):
            continue
        for client in (bob, viewer):
            there = await _answer(client, door.method, door.path, door.body, names)
            nowhere = await _answer(client, door.method, _elsewhere(door.path, names), door.body, names)
            assert there == nowhere, door
            assert there[0] >= 400, door
            tried += 1
    assert tried > 100
    assert await _everything(alice, places) == before


async def test_strangers_pass_no_door_but_those_for_everybody(server: Server, alice: aiohttp.ClientSession) -> None:
    places = await prepared(alice)
    before = await _everything(alice, places)
    async with aiohttp.ClientSession(server.url) as stranger:
        for door in doors(places):
            if PUBLIC.search(door.pattern):
                continue
            status, _ = await _answer(stranger, door.method, door.path, door.body, ())
            assert status == 401, door
    assert await _everything(alice, places) == before


def _names_of_alice(places: dict[str, str]) -> tuple[str, ...]:
    """Her ids and names as they stand in addresses."""
    return tuple(places[kind].rpartition("/")[2] for kind in KINDS)


def _elsewhere(path: str, names: tuple[str, ...]) -> str:
    """The same address of something that there is not; its id looks like any other."""
    for name in names:
        other = name[:-1] + ("0" if name[-1] != "0" else "1") if len(name) > 20 else f"{name}x"
        path = re.sub(rf"(?<=/){re.escape(name)}(?=/|$|\\.)", other, path)
    return path


async def _answer(
    client: aiohttp.ClientSession, method: str, path: str, body: dict[str, Any], names: tuple[str, ...]
) -> tuple[int, str]:
    """Status and text, without what names the request or the thing that was asked for."""
    address = yarl.URL(path, encoded=True)
    async with client.request(method, address, allow_redirects=False, **body) as response:
        text = await response.text()
    text = re.sub(r'"request_id":"\w+"', "", text)
    for name in names:
        text = re.sub(rf"{re.escape(name[:-1] if len(name) > 20 else name)}\w?", "…", text)
    return response.status, text


async def _everything(client: aiohttp.ClientSession, places: dict[str, str]) -> list[str]:
    """What its owner sees of each thing."""
    seen = []
    for kind in KINDS:
        async with client.get(f"/api/v1{places[kind]}") as response:
            assert response.status == 200, await response.text()
            seen.append(await response.text())
    return seen
