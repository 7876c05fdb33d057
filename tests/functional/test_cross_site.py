"""What pages of other sites may make a browser do here: nothing; and where nobody is sent, whatever an address says."""

from __future__ import annotations

import asyncio
import dataclasses

import aiohttp
import pytest
from yarl import URL

from server.settings import Settings
from tests.conftest import Server
from tests.functional.browsing import HTML, browser, sign_in
from tests.functional.test_accounts import answer

LISTED = "https://app.example"
Client = aiohttp.ClientSession


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(settings, allowed_origins=(LISTED,))


# From `Origin` and `Sec-Fetch-Site` as browsers send them for requests of other sites. SELF stands for our own origin.
REFUSED: list[tuple[str | None, str | None]] = [
    ("https://evil.example", None),
    ("null", None),
    ("https://evil.example", "cross-site"),
    ("null", "cross-site"),
    (None, "cross-site"),
    (None, "same-site"),
    ("https://evil.example", "same-site"),
    ("https://SELF_HOST", None),  # another scheme
    ("http://localhost:SELF_PORT", None),  # another name of this machine
    ("http://127.0.0.1:1", None),  # another port
    ("http://127.0.0.1", None),
    ("http://SELF_HOST.evil.example", None),
    ("http://evil.example/SELF_HOST", None),
    ("http://SELF_HOST@evil.example", None),
    ("file://", None),
    ("", None),
    ("http://", None),
    ("garbage", "garbage"),
]
CHANGES = [
    ("POST", "/logout", None),
    ("POST", "/login", None),
    ("POST", "/account/sessions/end-others", None),
    ("POST", "/api/v1/tokens", {"name": "forged"}),
    ("PATCH", "/api/v1/me", {"name": "forged"}),
    ("DELETE", "/api/v1/uploads/1", None),
    ("PUT", "/api/v1/templates/forged", None),
]


def filled(server: Server, origin: str) -> str:
    host = server.url.removeprefix("http://")
    origin = origin.replace("SELF_HOST", host).replace("SELF_PORT", host.partition(":")[2])
    return origin.replace("SELF", server.url)


async def test_no_page_of_another_site_changes_anything(server: Server, alice: Client) -> None:
    async with browser(server) as client:
        await sign_in(client, "alice")
        cookies = {cookie.key: cookie.value for cookie in client.cookie_jar}
        async with aiohttp.ClientSession(server.url, cookies=cookies) as forged:
            for case in REFUSED:
                origin, site = case
                headers = {} if origin is None else {"Origin": filled(server, origin)}
                headers |= {} if site is None else {"Sec-Fetch-Site": site}
                for method, path, body in CHANGES:
                    async with forged.request(
                        method, path, json=body, headers=headers, allow_redirects=False
                    ) as response:
                        assert response.status == 403, (case, method, path)
                        assert (await response.json(content_type=None))["code"] == "cross_origin"
        me = await answer(client.get("/api/v1/me"), 200)
        assert me["name"] == "alice"
        assert [token["name"] for token in (await answer(client.get("/api/v1/tokens"), 200))["items"]] == ["tests"]


LOOK_ALIKES = [
    "https://app.example.evil.example",
    "https://evilapp.example",
    "http://app.example",
    "https://app.example:444",
    "https://APP.example",
    "https://app.example/",
    "https://app.example, https://evil.example",
    "https://user@app.example",
    "null",
    "*",
]


async def test_only_the_listed_origin_itself_is_let_in_and_pages_stay_closed_to_it(
    server: Server, alice: Client
) -> None:
    async with aiohttp.ClientSession(server.url, headers=alice.headers) as client:
        for origin in LOOK_ALIKES:
            headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            for method in ("OPTIONS", "GET"):
                async with client.request(method, "/api/v1/me", headers=headers) as response:
                    assert "Access-Control-Allow-Origin" not in response.headers, origin
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                await client.ws_connect("/ws/tab", headers={"Origin": origin})
        async with client.get("/api/v1/me", headers={"Origin": LISTED}) as response:
            assert response.headers["Access-Control-Allow-Origin"] == LISTED
        for path in ("/login", "/", "/static/css/base.css", "/docs"):
            async with client.get(path, headers={"Origin": LISTED}) as response:
                assert "Access-Control-Allow-Origin" not in response.headers, path


FORGED_HOSTS = {
    "Host": "evil.example",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-For": "203.0.113.7",
    "Forwarded": "host=evil.example;proto=https",
    "X-Original-URL": "/admin",
    "X-Rewrite-URL": "/admin",
}


async def test_a_host_that_somebody_makes_up_stands_nowhere_in_an_answer(server: Server, alice: Client) -> None:
    async with aiohttp.ClientSession(server.url) as stranger:
        for name, value in FORGED_HOSTS.items():
            for path in ("/", "/login", "/nowhere", "/api/v1/openapi.json", "/docs"):
                async with stranger.get(path, headers={name: value, **HTML}, allow_redirects=False) as response:
                    assert response.status in (200, 303, 404), (name, path)
                    assert "evil.example" not in response.headers.get("Location", "")
                    assert "Strict-Transport-Security" not in response.headers
                    assert "evil.example" not in await response.text(), (name, path)
    async with alice.post(
        "/api/v1/uploads", headers={"Host": "evil.example", "Upload-Length": "0", "Tus-Resumable": "1.0.0"}
    ) as response:
        assert response.headers["Location"].startswith("/")


ELSEWHERE = [
    "https://evil.example",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r\nSet-Cookie: x=y",
    "\t//evil.example",
    " //evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "http:evil.example",
    "http:///evil.example",
    "evil.example",
    "@evil.example",
    ".evil.example",
    "%2f%2fevil.example",
    "/%09/evil.example/../..//evil.example\\@",
]


async def test_nobody_is_sent_to_another_site(server: Server, alice: Client) -> None:
    async with browser(server) as client:
        await sign_in(client, "alice")
        for target in ELSEWHERE:
            async with client.get("/login", params={"next": target}, headers=HTML, allow_redirects=False) as response:
                place = response.headers["Location"]
                assert URL(server.url).join(URL(place)).origin() == URL(server.url), (target, place)
                assert not place.startswith(("//", "/\\")), (target, place)
                assert "x" not in response.cookies


async def test_requests_without_either_header_are_of_programs_and_pass(server: Server) -> None:
    """As documented: every browser sends one of them with a change."""
    async with aiohttp.ClientSession(server.url) as program:
        problems = await asyncio.gather(
            answer(program.post("/api/v1/tokens", json={"username": "x", "password": "y"}), 401),
            answer(program.patch("/api/v1/me", json={}), 401),
        )
    assert {problem["code"] for problem in problems} <= {"wrong_credentials", "not_signed_in"}
