"""HEAD tells of everything that can be had by GET what GET would, without a body, and without making anything."""

from __future__ import annotations

import re

import aiohttp
import pytest
from aiohttp import web

from tests.conftest import Server
from tests.functional.batches import made, put_template, reports_of
from tests.functional.browsing import HTML, browser, sign_in
from tests.functional.importing import import_text, upload
from tests.functional.raw_socket import tcp
from tests.waiting import until

Client = aiohttp.ClientSession
# What differs from answer to answer anyway; HEAD is a method of tus, so under /uploads it has its version.
_OWN = {"Date", "X-Request-ID", "Transfer-Encoding", "Connection", "Keep-Alive", "Set-Cookie", "Tus-Resumable"}


def told(response: aiohttp.ClientResponse) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name not in _OWN}


@pytest.fixture
async def things(alice: Client) -> dict[str, str]:
    """Paths of what has a body of its own."""
    state = await import_text(alice)
    await put_template(alice)
    batch = await made(alice)
    reports = await reports_of(alice, batch["id"])
    file = next(each for each in reports[0]["artifacts"] if each["file"].endswith("xlsx"))
    return {
        "upload": f"/api/v1/uploads/{await upload(alice)}/content",
        "rejects": f"/api/v1/imports/{state['job_id']}/rejects.csv",
        "artifact": f"/api/v1/reports/{reports[0]['id']}/{file['file']}",
        "zip": f"/api/v1/batches/{batch['id']}/download.zip",
        "csv": "/api/v1/datasets/orders/export.csv",
        "xlsx": "/api/v1/datasets/orders/export.xlsx",
        "rows": "/api/v1/datasets/orders/rows",
        "list": "/api/v1/datasets",
        "nothing": "/api/v1/datasets/nothing/export.csv",
        "format": "/api/v1/datasets/orders/export.doc",
    }


async def test_head_says_what_get_says(server: Server, alice: Client, bob: Client, things: dict[str, str]) -> None:
    for name, path in things.items():
        async with alice.get(path) as response:
            await response.read()
            expected, status = told(response), response.status
        if name in ("csv", "xlsx"):  # a worker that is worn is replaced once it is done
            await until(lambda: server.parts.workers.exports._pool.statistics().idle, so="the workers are at rest")
        made_before = server.parts.statistics["exports"]()
        async with alice.head(path) as response:
            assert await response.read() == b""
            found = told(response)
            assert response.status == status, (name, response.status)
        if name in ("csv", "xlsx"):  # it would have to be made to know its length
            assert "Content-Length" not in found
            del expected["Content-Length"]
            assert server.parts.statistics["exports"]() == made_before
        assert found.keys() == expected.keys(), name
        assert {key: found[key] for key in found if key != "Content-Length"} == {
            key: expected[key] for key in expected if key != "Content-Length"
        }, name
        if name not in ("list", "nothing", "format"):
            async with bob.head(path) as response:
                assert response.status == 404, name
        async with aiohttp.ClientSession(server.url) as stranger, stranger.head(path) as response:
            assert response.status == 401, name


async def test_a_length_that_is_known_is_told(alice: Client, things: dict[str, str]) -> None:
    for name in ("upload", "artifact", "rows", "list"):
        async with alice.get(things[name]) as response:
            length = len(await response.read())
        async with alice.head(things[name]) as response:
            assert int(response.headers["Content-Length"]) == length, name
    async with alice.head(things["artifact"], headers={"Range": "bytes=0-9"}) as response:
        assert (response.status, response.headers["Content-Length"]) == (206, "10")


async def test_every_door_that_takes_get_takes_head_and_no_body_follows(server: Server, alice: Client) -> None:
    """One connection for all: a body, where none may be, would stand where the next answer begins."""
    routes = {
        (str(resource.canonical), route.method)
        for resource in server.app.router.resources()
        for route in resource
        if isinstance(resource, web.PlainResource | web.DynamicResource)
    }
    doors = sorted(path for path, method in routes if method == "GET" and not path.startswith("/ws/"))
    assert len(doors) > 60
    async with browser(server) as client:
        await sign_in(client, "alice")
        for path in doors:
            assert (path, "HEAD") in routes, path
            async with client.head(re.sub(r"\{[^}]*\}", "1", path), headers=HTML, allow_redirects=False) as response:
                assert response.status in (200, 303, 401, 403, 404, 410), (path, response.status)
                assert await response.read() == b""
    raw = await tcp(server)
    await raw.send(
        *(b"HEAD %b HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode() for path in ("/login", "/healthz", "/none"))
    )
    heads = [await raw._reader.readuntil(b"\r\n\r\n") for _ in range(3)]
    assert [head.split()[1] for head in heads] == [b"200", b"200", b"404"]
    raw.vanish()


ALLOWED = {
    "/api/v1/jobs/demonstration": {"POST"},
    "/api/v1/me": {"GET", "HEAD", "PATCH"},
    "/api/v1/me/password": {"POST"},
    "/api/v1/tokens": {"GET", "HEAD", "POST"},
    "/api/v1/uploads/x": {"DELETE", "GET", "HEAD", "PATCH", "POST"},
    "/api/v1/queries": {"POST"},
    "/logout": {"POST"},
    "/login": {"GET", "HEAD", "POST"},
    "/healthz": {"GET", "HEAD"},
    "/ws/tab": {"GET"},
}


async def test_a_method_that_is_not_there_is_told_which_are(server: Server, alice: Client) -> None:
    for path, methods in ALLOWED.items():
        for method in {"GET", "PUT", "DELETE", "TRACE", "PROPFIND"} - methods:
            async with alice.request(method, path, allow_redirects=False) as response:
                assert response.status == 405, (method, path)
                assert set(response.headers["Allow"].split(",")) == methods, (method, path)
