"""Every door to a shared thing: whoever was given it comes in, as far as it was given, and no more when it is over."""

from __future__ import annotations

import re
from typing import Any

import yarl

from tests.conftest import Server
from tests.functional.colleagues import Client, People
from tests.functional.doors import Door, doors, prepared

# What renders, or reads all rows: one of them tries these, and they ask no other question than the rest.
COSTLY = re.compile(r"preview|export|combined|download|/columns/|/diff|profiles|shapes|/batches/new|\.(html|pdf|xlsx)$")
KINDS = {"/datasets/{name}": "dataset", "/templates/{name}": "template", "/batches/{id}": "batch"}


async def test_every_door_opens_to_whom_it_was_shared_with_and_closes_again(server: Server, people: People) -> None:
    places = await prepared(people.alice)
    batch_id = places["/batches/{id}"].rpartition("/")[2]
    made = await call(people.admin, "POST", "/api/v1/admin/groups", json={"name": "Finance", "members": ["mel"]})
    assert made["members"] == ["mel"]
    grants = [
        {"user": "bob", "right": "view"},
        {"user": "edith", "right": "edit"},
        {"group": "Finance", "right": "view"},
        {"user": "vera", "right": "edit"},
    ]
    looked = {door.path: door for door in doors(places) if door.method == "GET" and is_shared(door, places)}
    assert len(looked) > 45
    closed = await statuses(people.stranger, looked.values())
    assert set(closed.values()) == {404}
    for kind, access in accesses(places).items():
        told = await call(people.alice, "PUT", access, json={"grants": grants})
        assert (told["owner"], len(told["grants"])) == ("alice", 4), kind

    await opened(people, looked)
    assert set((await statuses(people.stranger, looked.values())).values()) == {404}
    await changes(people, places)

    lists = [f"/api/v1/{kind}?whose=shared" for kind in ("datasets", "templates", "batches")]
    for who in (people.looks, people.member, people.viewer):
        assert [(await call(who, "GET", path))["total"] for path in lists] == [1, 1, 1]
        for page in ("/datasets", "/templates", "/batches", "/"):
            text = await text_of(who, page)
            assert "alice" in text or page == "/", page
    rows = await call(people.member, "POST", "/api/v1/queries", json={"sql": 'select * from "alice"."orders"'})
    assert len(rows["items"]) == 2

    await call(people.admin, "PATCH", "/api/v1/admin/groups/Finance", json={"members": []})
    assert set((await statuses(people.member, looked.values())).values()) == {404}
    for access in accesses(places).values():
        await call(people.alice, "PUT", access, json={"grants": []})
    for who in (people.looks, people.edits, people.member, people.viewer, people.stranger):
        closed = await statuses(who, looked.values())
        assert {path: status for path, status in closed.items() if status != 404 and not is_for_editors(path)} == {}
        assert [(await call(who, "GET", path))["total"] for path in lists] == [0, 0, 0]
        for page in ("/datasets", "/templates", "/batches", "/"):
            text = await text_of(who, page)
            assert "alice" not in text, (page, text[max(0, text.find("alice") - 200) : text.find("alice") + 60])
            assert batch_id not in text, page
    async with people.looks.post("/api/v1/queries", json={"sql": 'select * from "alice"."orders"'}) as response:
        assert response.status == 422
        assert "alice.orders" in await response.text()  # as it was written, and nothing else


async def opened(people: People, looked: dict[str, Door]) -> None:
    """Each of them is answered as the owner is, but for what is not theirs to do."""
    own = await statuses(people.alice, looked.values(), owner="")
    for who in (people.looks, people.edits, people.member, people.viewer, people.admin):
        tried = [door for door in looked.values() if who is people.viewer or not COSTLY.search(door.path)]
        for path, status in (await statuses(who, tried)).items():
            may_edit = who in (people.edits, people.admin)
            pattern = looked[path].pattern
            is_closed = pattern == "/templates/{name}/edit" and not may_edit
            is_closed |= pattern.endswith("/batches/{id}/deliveries") and who is not people.admin
            assert status == (403 if is_closed else own[path]), (path, status)


async def changes(people: People, places: dict[str, str]) -> None:
    """What the right to edit allows, the right to look does not, and neither does what is the owner's."""
    note = {"json": {"description": "ours"}}
    source = (await text_of(people.alice, f"/api/v1{places['/templates/{name}']}")).encode() + b"# again\n"
    saved = {"data": source, "headers": {"Content-Type": "application/yaml"}}
    batch = places["/batches/{id}"]
    tried: list[tuple[str, str, dict[str, Any], bool]] = [
        ("PATCH", "/api/v1/datasets/orders?owner=alice", note, True),
        ("POST", "/api/v1/datasets/orders/versions/1/restore?owner=alice", {}, True),
        ("PUT", "/api/v1/templates/report?owner=alice", saved, True),
        ("POST", f"/api/v1{batch}/retry", {}, True),
        ("POST", f"/api/v1{batch}/cancel", {}, True),
        ("PUT", "/api/v1/datasets/orders/access?owner=alice", {"json": {"grants": []}}, False),
        ("PUT", f"/api/v1{batch}/access", {"json": {"grants": []}}, False),
        ("DELETE", "/api/v1/datasets/orders?owner=alice", {}, False),
        ("DELETE", "/api/v1/templates/report?owner=alice", {}, False),
        ("DELETE", f"/api/v1{batch}", {}, False),
    ]
    for method, path, sent, may_editors in tried:
        for who in (people.looks, people.member, people.viewer, people.edits, people.stranger):
            async with who.request(method, path, **sent) as response:
                status = response.status
            if who is people.stranger:
                assert status == 404, path
            elif who is people.edits and may_editors:
                assert status in (200, 201, 202, 409), (path, status)
            else:
                assert status == 403, (path, status)


def accesses(places: dict[str, str]) -> dict[str, str]:
    return {kind: f"/api/v1{places[kind]}/access" for kind in KINDS}


def is_shared(door: Door, places: dict[str, str]) -> bool:
    """Whether it leads to something shared; not by the name of a job, to its saved queries, or by a share link."""
    if door.pattern.startswith("/s/"):
        return False
    shared = [places[kind] for kind in (*KINDS, "/reports/{id}")]
    return any(re.search(rf"{re.escape(path)}(?=/|$)", door.path) for path in shared)


def is_for_editors(path: str) -> bool:
    """A viewer is refused there, whatever there is."""
    return path.endswith("/edit")


async def statuses(who: Client, looked: Any, *, owner: str = "alice") -> dict[str, int]:
    """What is answered at each door, with its owner named as the API or a page does it."""
    found = {}
    for door in looked:
        path, params = door.path, dict(door.body.get("params", {}))
        if owner and "/api/v1/" in path:
            params |= {} if re.search(r"/(batches|reports)/", path) else {"owner": owner}
        elif owner:
            path = re.sub(r"^/(datasets|templates)/", rf"/\1/{owner}:", path)
        async with who.get(yarl.URL(path, encoded=True), params=params, allow_redirects=False) as response:
            found[door.path] = response.status
    return found


async def call(who: Client, method: str, path: str, **sent: Any) -> Any:
    async with who.request(method, path, **sent) as response:
        assert response.status < 300, await response.text()
        return await response.json()


async def text_of(who: Client, path: str) -> str:
    async with who.get(path) as response:
        assert response.status == 200, await response.text()
        return await response.text()
