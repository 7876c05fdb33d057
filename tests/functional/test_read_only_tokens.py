"""A token that may only read changes nothing, neither over the API nor through the forms of the pages."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.conftest import Server, new_user
from tests.functional import batches
from tests.functional.browsing import browser, sign_in
from tests.functional.importing import import_text, upload

# What only looks, although it is asked for by POST.
LOOKS = {
    "/api/v1/queries",
    "/api/v1/uploads/{id}/preview",
    "/api/v1/templates/from-dataset",
    "/api/v1/templates/from-gallery",
    "/api/v1/templates/{name}/check",
    "/api/v1/templates/{name}/preview",
    "/templates/{name}/preview",
    "/batches/new/expansion",
    "/imports/preview",
    "/account/brand/picture",
    "/admin/brand/picture",
    "/datasets/{name}/query",
}
STRANGERS = {"/login", "/logout", "/setup", "/api/v1/tokens"}  # of a browser, a name and password, the link


@pytest.fixture
async def reader(server: Server, admin: aiohttp.ClientSession) -> AsyncIterator[aiohttp.ClientSession]:
    """An administrator's token with the scope `read`: the role itself forbids nothing."""
    async with admin.post("/api/v1/tokens", json={"name": "r", "scopes": ["read"]}) as response:
        assert response.status in (200, 201)
        token = (await response.json())["token"]
    async with aiohttp.ClientSession(server.url, headers={"Authorization": f"Bearer {token}"}) as client:
        yield client


HERE_THERE_ARE_NONE = (409,)  # no passkeys, at an address without a name


def changing(server: Server) -> list[tuple[str, str]]:
    """Every method and path that may change something."""
    found = set()
    for route in server.app.router.routes():
        path = route.resource.canonical if route.resource else ""
        if route.method not in ("GET", "HEAD", "OPTIONS", "*") and path not in LOOKS | STRANGERS:
            found.add((route.method, path))
    return sorted(found)


async def test_every_door_that_changes_something_is_closed(
    server: Server, admin: aiohttp.ClientSession, reader: aiohttp.ClientSession
) -> None:
    await import_text(admin)
    await batches.put_template(admin)
    order = await batches.start(admin, formats=["html"])
    async with admin.get("/api/v1/me") as response:
        user = (await response.json())["id"]
    places = {"name": "orders", "number": "1", "job_id": order["job_id"], "user_id": user, "report_id": "x", "id": user}
    uploaded = await upload(admin)
    doors = changing(server)
    assert len(doors) > 50
    for method, canonical in doors:
        path = re.sub(r"\{(\w+)[^}]*\}", lambda match: places.get(match[1], "x"), canonical)
        for other in ("batches", "jobs", "uploads"):
            known = {"batches": order["batch_id"], "jobs": order["job_id"], "uploads": uploaded}[other]
            path = re.sub(rf"/{other}/{user}", f"/{other}/{known}", path)
        path = path.replace("/templates/orders", "/templates/sales")
        async with reader.request(method, path, json={}, allow_redirects=False) as response:
            told = await response.text()
            refused = (403, 415, 422, 404, 405, 400, 412, *(HERE_THERE_ARE_NONE if "passkey" in path else ()))
            assert response.status in refused, (method, path, response.status, told)
            if response.status != 403:
                assert await still_there(admin, order["batch_id"]), (method, path)
            assert response.status != 303, (method, path)
    assert await still_there(admin, order["batch_id"])


async def still_there(admin: aiohttp.ClientSession, batch_id: str) -> bool:
    for path in ("/datasets/orders", "/templates/sales", f"/batches/{batch_id}"):
        async with admin.get(f"/api/v1{path}") as response:
            if response.status != 200:
                return False
    return True


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/notifications/read", None),
        ("POST", "/notifications/read?until=1", None),
        ("POST", "/websocket-test/notification", None),
        ("POST", "/account", {"name": "other"}),
        ("POST", "/account/password", {"current_password": "x", "new_password": "y", "new_password_again": "y"}),
        ("POST", "/account/tokens", {"name": "t", "scope_read": "1", "days": "365"}),
        ("POST", "/account/sessions/end-others", None),
        ("POST", "/language", {"language": "zh-CN"}),
        ("POST", "/datasets/orders/change", {"description": "x"}),
        ("POST", "/datasets/orders/delete", None),
        ("POST", "/samples", None),
        ("POST", "/templates/samples", None),
        ("POST", "/templates/gallery/data-quality", None),
        ("POST", "/admin/broadcast", {"title": "x", "level": "info"}),
    ],
)
async def test_forms_of_pages_refuse_it_as_the_api_does(
    reader: aiohttp.ClientSession, method: str, path: str, body: dict[str, str] | None
) -> None:
    async with reader.request(method, path, data=body, allow_redirects=False) as response:
        assert response.status == 403, await response.text()


async def test_a_viewer_may_look_at_what_is_told(server: Server, admin: aiohttp.ClientSession) -> None:
    """In the browser; a token of theirs may only read."""
    async with await new_user(server, admin, "bob", role="viewer") as token, browser(server) as viewer:
        await sign_in(viewer, "bob")
        for path in ("/notifications/read", "/websocket-test/notification"):
            for client, statuses in ((viewer, (200, 204, 303)), (token, (403,))):
                async with client.post(path, allow_redirects=False) as response:
                    assert response.status in statuses, (path, response.status)
