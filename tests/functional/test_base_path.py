"""`/jindu` of https://intranet/jindu/: every address that goes out has it, and each that comes may have it."""

from __future__ import annotations

import dataclasses
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from jindu.client import Client
from server.base_path import BasePath
from server.errors import ConfigurationError
from server.settings import Settings, load
from tests.conftest import PASSWORDS, Server, serving
from tests.functional.browsing import HTML
from tests.functional.command_line import token_of
from tests.functional.importing import import_text
from tests.functional.live_client import LiveSocket
from tests.proxy import proxying

BASE = "/jindu"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(settings, base_path=BASE)


def test_people_write_it_as_they_like() -> None:
    for written in ("jindu", "/jindu", "/jindu/", " jindu/ "):
        assert load({"base_path": written}, environ={}).base_path == BASE
    assert load({"base_path": "/"}, environ={}).base_path == load({}, environ={}).base_path == ""
    assert load({}, environ={"JINDU_BASE_PATH": "/a/b.c/"}).base_path == "/a/b.c"
    for wrong in ("/a b", "/../x", "https://intranet/jindu", "/a?b", "/ä"):
        with pytest.raises(ConfigurationError, match="base_path"):
            load({"base_path": wrong}, environ={})


async def test_one_that_begins_like_a_page_is_refused(settings: Settings) -> None:
    for taken in ("/jobs", "/api", "/static/x", "/ws"):
        with pytest.raises(ConfigurationError, match="take another one"):
            async with serving(dataclasses.replace(settings, base_path=taken)):
                pass


async def test_both_forms_of_an_address_are_taken_and_redirects_lead_inside(server: Server) -> None:
    async with aiohttp.ClientSession(headers=HTML) as client:
        for path in ("/healthz", "/jindu/healthz", "/jindu/api/v1/openapi.json", "/login", "/jindu/login?next=/jobs"):
            async with client.get(server.url + path) as response:
                assert response.status == 200, path
        for path, target in {
            "/jindu": "/jindu/login?next=/",
            "/jindu/": "/jindu/login?next=/",
            "/jobs?state=failed": "/jindu/login?next=/jobs%3Fstate%3Dfailed",
            "/jindu/jobs": "/jindu/login?next=/jobs",
        }.items():
            async with client.get(server.url + path, allow_redirects=False) as response:
                assert (response.status, response.headers["Location"]) == (303, target)
        async with client.get(server.url + "/jindux/login") as response:
            assert response.status == 404


async def test_after_signing_in_one_is_where_one_wanted_to_be(server: Server) -> None:
    for wanted in ("/jobs", "/jindu/jobs"):
        form = {"username": "admin", "password": PASSWORDS["admin"], "next": wanted}
        async with (
            aiohttp.ClientSession() as client,
            client.post(f"{server.url}/jindu/login", data=form, allow_redirects=False) as response,
        ):
            assert response.headers["Location"] == "/jindu/jobs"


async def test_cookies_of_neighbours_at_one_host_keep_apart(settings: Settings, tmp_path: Path) -> None:
    """Three installations: two below the host, one at its root, which a browser sends its cookies to all of them."""
    async with AsyncExitStack() as stack:
        behind = {}
        for base in ("/jindu", "/jindu-2", ""):
            data = tmp_path / f"data-of{base.replace('/', '-')}"
            data.mkdir()
            there = dataclasses.replace(settings, data=data, database_url="", base_path=base)
            behind[base] = (await stack.enter_async_context(serving(there))).url
        proxy = await stack.enter_async_context(proxying(behind, strips=False))
        jar = aiohttp.CookieJar(unsafe=True)
        client = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=jar, headers=HTML))
        for base in behind:
            await sign_in(client, proxy.url + base)
        names = {(cookie.key, cookie["path"]) for cookie in jar}
        assert names == {
            ("jindu_session~jindu", "/jindu"), ("jindu_device~jindu", "/jindu/login"),
            ("jindu_session~jindu-2", "/jindu-2"), ("jindu_device~jindu-2", "/jindu-2/login"),
            ("jindu_session", "/"), ("jindu_device", "/login"),
        }  # fmt: skip
        async with client.post(f"{proxy.url}/jindu/logout", headers={"Origin": proxy.url}) as response:
            assert response.url.path == "/jindu/login"
        assert [await is_signed_in(client, proxy.url + base) for base in behind] == [False, True, True]
        async with client.post(f"{proxy.url}/language", data={"language": "zh-CN"}) as response:
            assert response.status == 200
        async with client.get(f"{proxy.url}/jindu/login") as response:
            assert '<html lang="en"' in await response.text()


async def sign_in(client: aiohttp.ClientSession, url: str) -> None:
    form = {"username": "admin", "password": PASSWORDS["admin"]}
    async with client.post(f"{url}/login", data=form, allow_redirects=False) as response:
        assert response.status == 303, await response.text()


async def is_signed_in(client: aiohttp.ClientSession, url: str) -> bool:
    async with client.get(f"{url}/jobs", allow_redirects=False) as response:
        return response.status == 200


async def test_answers_lead_back_through_the_proxy(server: Server, alice: aiohttp.ClientSession) -> None:
    """Each address in any answer, followed as it stands there."""
    await import_text(alice)
    async with alice.get("/api/v1/jobs") as response:
        jobs = (await response.json())["items"]
    async with alice.get("/api/v1/datasets/orders/versions") as response:
        versions = (await response.json())["items"]
    found = set(addresses([jobs, versions]))
    assert len(found) > 8
    async with proxying({BASE: server.url}, strips=True) as proxy:
        for address in found:
            assert address.startswith("/jindu/")
            async with alice.get(proxy.url + address, headers=HTML, allow_redirects=False) as response:
                assert response.status in (200, 204, 303, 404, 405), address
        assert proxy.foreign == []


def addresses(value: Any, name: str = "") -> list[str]:
    """All that stands below `links`, and is called so."""
    if isinstance(value, dict):
        return [each for key, one in value.items() for each in addresses(one, "links" if name == "links" else key)]
    if isinstance(value, list):
        return [each for one in value for each in addresses(one, name)]
    return [value] if name in ("links", "url") and isinstance(value, str) and value else []


async def test_uploads_go_on_at_a_path_alone(server: Server, alice: aiohttp.ClientSession) -> None:
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "3", "Upload-Metadata": "filename YS5jc3Y="}
    async with proxying({BASE: server.url}, strips=True) as proxy:
        async with alice.post(f"{proxy.url}/jindu/api/v1/uploads", headers=headers) as response:
            location = response.headers["Location"]
        assert location.startswith("/jindu/api/v1/uploads/")
        headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        async with alice.patch(proxy.url + location, data=b"a\n1", headers=headers) as response:
            assert (response.status, response.headers["Upload-Offset"]) == (204, "3")


async def test_live_messages_lead_inside(server: Server, admin: aiohttp.ClientSession) -> None:
    async with admin.ws_connect("/jindu/ws/tab") as socket:
        live = LiveSocket(socket)
        await live.next("connection")
        async with admin.post("/api/v1/admin/broadcast", json={"title": "Look", "url": "/jobs"}) as response:
            assert response.ok, await response.text()
        assert (await live.next("notification"))["url"] == "/jindu/jobs"
        await import_text(admin)
        done = await live.next(lambda message: message.get("kind") == "data_import" and message["state"] == "succeeded")
        assert set(done["result"]["links"].values()) > {"/jindu/datasets/orders"}


async def test_documents_say_where_the_server_is(server: Server) -> None:
    async with aiohttp.ClientSession(server.url) as client:
        async with client.get("/jindu/api/v1/openapi.json") as response:
            document = await response.json()
        assert document["servers"] == [{"url": "/jindu"}]
        assert document["components"]["securitySchemes"]["session"]["name"] == "jindu_session~jindu"
        assert "/jindu/docs/events" in document["info"]["description"]
        async with client.get("/jindu/docs/events.json") as response:
            servers = (await response.json())["servers"]
        assert {each["pathname"] for each in servers.values()} == {"/jindu"}


async def test_the_python_client_takes_an_address_with_a_path(server: Server, alice: aiohttp.ClientSession) -> None:
    async with (
        proxying({BASE: server.url}, strips=True) as proxy,
        Client(f"{proxy.url}/jindu/", token_of(alice)) as client,
    ):
        assert (await client.get("/api/v1/me"))["name"] == "alice"
        assert proxy.foreign == []


def test_an_address_is_said_once() -> None:
    base = BasePath.read("jindu")
    assert base.outside("/jobs") == base.outside("/jindu/jobs") == "/jindu/jobs"
    assert base.outside("/jindux") == "/jindu/jindux"
    assert [base.outside(elsewhere) for elsewhere in ("https://a/b", "//a/b", "", "#x")] == [
        "https://a/b",
        "//a/b",
        "",
        "#x",
    ]
    assert [base.inside(each) for each in ("/jindu", "/jindu/", "/jindu/a", "/a")] == ["/", "/", "/a", "/a"]
    assert base.address("https://intranet/") == base.address("https://intranet/jindu/") == "https://intranet/jindu"
    assert BasePath().outside("/jobs") == "/jobs"
    assert BasePath().address("https://intranet/") == "https://intranet"
