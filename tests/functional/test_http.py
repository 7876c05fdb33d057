"""What every answer has: headers, request ids, problems for programs and pages for people; CORS, proxies, health."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from server.app.parts import build_parts
from server.app.web import build_app
from server.http.readiness import ServerPhase
from server.settings import Settings
from tests.conftest import PASSWORDS, Server, running, started
from tests.functional.browsing import HTML
from tests.functional.test_accounts import answer

OUR_APP = "https://app.example"


@asynccontextmanager
async def stranger_of(settings: Settings) -> AsyncIterator[aiohttp.ClientSession]:
    async with running(settings) as server, aiohttp.ClientSession(server.url) as client:
        yield client


@pytest.fixture
async def stranger(server: Server) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(server.url) as client:
        yield client


async def test_every_answer_says_what_browsers_may_do(stranger: aiohttp.ClientSession) -> None:
    for path in ("/login", "/api/v1/me", "/nowhere", "/static/css/base.css"):
        async with stranger.get(path) as response:
            policy = response.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Referrer-Policy"] == "same-origin"
            assert len(response.headers["X-Request-ID"]) == 16


async def test_programs_get_a_problem_and_people_a_page(stranger: aiohttp.ClientSession) -> None:
    async with stranger.get("/api/v1/nowhere", headers=HTML) as response:
        assert (response.status, response.content_type) == (404, "application/problem+json")
        problem = await response.json(content_type=None)
        assert problem["request_id"] == response.headers["X-Request-ID"]
        assert (problem["code"], problem["status"], problem["title"]) == ("not_found", 404, "Not Found")
    async with stranger.get("/nowhere", headers=HTML) as response:
        assert (response.status, response.content_type) == (404, "text/html")
        assert "There is nothing here, or it is not yours." in await response.text()
    async with stranger.delete("/api/v1/me") as response:
        assert response.status == 405
        assert set(response.headers["Allow"].split(",")) >= {"GET", "PATCH"}
        assert (await response.json(content_type=None))["code"] == "method_not_allowed"


async def test_odd_paths_are_not_found(stranger: aiohttp.ClientSession, server: Server) -> None:
    for path in ("/%00", "/%ff%fe", "/datasets/%ED%A0%80", "/" + "x" * 5000, "/api/v1/%2e%2e/%2e%2e"):
        url = URL(server.url + path, encoded=True)
        async with stranger.get(url, allow_redirects=False) as response:
            assert response.status in ((422,) if "%00" in path else (303, 401, 404)), path


async def test_an_unexpected_error_shows_no_trace_but_is_logged_with_its_id(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_request: web.Request) -> web.Response:
        raise ZeroDivisionError("secret detail")

    parts = build_parts(settings)
    app = build_app(parts)
    app.router.add_get("/fail", fail)
    async with (
        started(parts, app) as server,
        aiohttp.ClientSession(server.url) as client,
        client.get("/fail") as response,
    ):
        text = await response.text()
        assert response.status == 500
        assert "internal_error" in text
        assert "secret detail" not in text
        assert "Traceback" not in text
        assert any(getattr(record, "id", "") == response.headers["X-Request-ID"] for record in caplog.records)


async def test_problems_speak_the_language_that_was_asked_for(stranger: aiohttp.ClientSession, server: Server) -> None:
    language = server.parts.languages
    expected = language.of(language.choose("zh-CN")).gettext("Sign in first.")
    problem = await answer(stranger.get("/api/v1/me", headers={"Accept-Language": "zh-CN"}), 401)
    assert problem["detail"] == expected


async def test_health_and_readiness(stranger: aiohttp.ClientSession, server: Server) -> None:
    await answer(stranger.get("/healthz"), 200)
    await answer(stranger.get("/readyz"), 200)
    server.web.readiness.phase = ServerPhase.DRAINING
    async with stranger.get("/readyz") as response:
        assert response.status == 503
        assert int(response.headers["Retry-After"]) > 0
    await answer(stranger.get("/healthz"), 200)


async def test_other_origins_get_no_permission_by_default(stranger: aiohttp.ClientSession) -> None:
    headers = {"Origin": OUR_APP, "Access-Control-Request-Method": "PATCH"}
    async with stranger.options("/api/v1/me", headers=headers) as response:
        assert "Access-Control-Allow-Origin" not in response.headers
    async with stranger.get("/api/v1/me", headers=headers) as response:
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_a_listed_origin_may_use_the_api_with_tus_and_sees_errors(settings: Settings) -> None:
    async with stranger_of(dataclasses.replace(settings, allowed_origins=(OUR_APP,))) as client:
        asked = {"Origin": OUR_APP, "Access-Control-Request-Method": "PATCH"}
        async with client.options("/api/v1/uploads/x", headers=asked) as response:
            assert response.status == 204
            assert response.headers["Access-Control-Allow-Origin"] == OUR_APP
            assert response.headers["Access-Control-Allow-Credentials"] == "true"
            assert "Upload-Offset" in response.headers["Access-Control-Allow-Headers"]
        async with client.get("/api/v1/me", headers={"Origin": OUR_APP}) as response:
            assert response.status == 401
            assert response.headers["Access-Control-Allow-Origin"] == OUR_APP
            assert "Upload-Offset" in response.headers["Access-Control-Expose-Headers"]
            assert "Origin" in response.headers["Vary"]
        for origin in ("https://evil.example", "null", OUR_APP + ".evil.example"):
            async with client.get("/api/v1/me", headers={"Origin": origin}) as response:
                assert "Access-Control-Allow-Origin" not in response.headers
        async with client.get("/login", headers={"Origin": OUR_APP}) as response:
            assert "Access-Control-Allow-Origin" not in response.headers
        wanted = {"username": "admin", "password": PASSWORDS["admin"]}
        await answer(client.post("/api/v1/tokens", json=wanted, headers={"Origin": OUR_APP}), 201)
        async with client.post("/logout", headers={"Origin": OUR_APP}) as response:
            assert response.status == 403


@pytest.mark.parametrize(
    ("proxies", "forwarded", "seen"),
    [
        (0, "203.0.113.7", "127.0.0.1"),
        (1, "203.0.113.7", "203.0.113.7"),
        (1, "6.6.6.6, 203.0.113.7", "203.0.113.7"),
        (2, "6.6.6.6, 203.0.113.7, 10.0.0.1", "203.0.113.7"),
    ],
)
async def test_the_address_comes_from_proxies_that_are_trusted(
    settings: Settings, proxies: int, forwarded: str, seen: str
) -> None:
    async with stranger_of(dataclasses.replace(settings, trusted_proxies=proxies)) as client:
        wanted = {"username": "admin", "password": PASSWORDS["admin"]}
        headers = {"X-Forwarded-For": forwarded}
        token = (await answer(client.post("/api/v1/tokens", json=wanted, headers=headers), 201))["token"]
        lines = await answer(client.get("/api/v1/admin/audit", headers={"Authorization": f"Bearer {token}"}), 200)
        assert lines["items"][0]["address"] == seen


async def test_behind_tls_the_cookie_is_secure(settings: Settings) -> None:
    form = {"username": "admin", "password": PASSWORDS["admin"]}
    async with stranger_of(dataclasses.replace(settings, trusted_proxies=1)) as client:
        headers = {"X-Forwarded-Proto": "https", "Origin": f"https://{client._base_url.authority}"}
        async with client.post("/login", data=form, headers=headers, allow_redirects=False) as response:
            assert "Secure" in response.headers["Set-Cookie"]
            assert "max-age" in response.headers["Strict-Transport-Security"]
    async with stranger_of(dataclasses.replace(settings, public_url="https://reports.example.com")) as client:
        headers = {"Origin": "https://reports.example.com"}
        async with client.post("/login", data=form, headers=headers, allow_redirects=False) as response:
            assert response.status == 303
            assert "Secure" in response.headers["Set-Cookie"]


HOSTILE = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "Forwarded": "for=6.6.6.6;proto=https"}


@pytest.mark.parametrize(
    ("changed", "headers", "seen"),
    [
        ({"trusted_proxies": 0}, HOSTILE, "127.0.0.1"),
        ({"trusted_proxies": 1, "trusted_proxy_addresses": ("10.0.0.0/8",)}, HOSTILE, "127.0.0.1"),
        ({"trusted_proxies": 1, "trusted_proxy_addresses": ("127.0.0.0/8",)}, HOSTILE, "6.6.6.6"),
        ({"trusted_proxies": 1}, {"Forwarded": "for=6.6.6.6"}, "127.0.0.1"),
        (
            {"trusted_proxies": 1, "forwarded_header": "forwarded"},
            {"Forwarded": "for=6.6.6.6, for=203.0.113.7", "X-Forwarded-For": "7.7.7.7"},
            "203.0.113.7",
        ),
    ],
)
async def test_only_the_headers_of_the_proxies_that_the_settings_name_count(
    settings: Settings, changed: dict[str, object], headers: dict[str, str], seen: str
) -> None:
    async with stranger_of(dataclasses.replace(settings, **changed)) as client:  # type: ignore[arg-type]
        wanted = {"username": "admin", "password": PASSWORDS["admin"]}
        async with client.post("/api/v1/tokens", json=wanted, headers=headers) as response:
            assert ("Strict-Transport-Security" in response.headers) is (
                "X-Forwarded-Proto" in headers and seen == "6.6.6.6"
            )
            token = (await response.json())["token"]
        lines = await answer(client.get("/api/v1/admin/audit", headers={"Authorization": f"Bearer {token}"}), 200)
        assert lines["items"][0]["address"] == seen


async def test_a_refused_page_is_told_of_where_the_administrator_looks(settings: Settings) -> None:
    """A proxy that rewrites Host and says nothing: people's own pages are taken for foreign ones."""
    async with running(settings) as server, aiohttp.ClientSession(server.url) as client:
        theirs = {"Origin": "https://reports.example.com"}
        async with client.post("/login", data={}, headers={"Origin": "https://made-up.example"}) as response:
            assert response.status == 403  # a stranger's, once: no concern
        for _ in range(5):
            async with client.post("/login", data={}, headers=theirs) as response:
                assert response.status == 403
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await client.ws_connect("/ws/tab", headers=theirs | {"Origin": "https://reports.example.com:8443"})
        async with client.post("/login", data={}, headers={"Origin": "https://x", "Sec-Fetch-Site": "cross-site"}):
            pass
        wanted = {"username": "admin", "password": PASSWORDS["admin"]}
        token = (await answer(client.post("/api/v1/tokens", json=wanted), 201))["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        told = await answer(client.get("/api/v1/admin/statistics"), 200)
        assert told["refused_origins"] == ["https://reports.example.com:8443", "https://reports.example.com"]
        assert "origins" in told["concerns"]
        async with client.get("/admin", headers=HTML) as response:
            assert "https://reports.example.com:8443" in await response.text()


async def test_x_forwarded_host_of_a_trusted_proxy_is_our_name(settings: Settings) -> None:
    async with stranger_of(dataclasses.replace(settings, trusted_proxies=1)) as client:
        form = {"username": "admin", "password": PASSWORDS["admin"]}
        headers = {
            "Host": "app:8000",
            "Origin": "https://reports.example.com",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "reports.example.com:443",
        }
        async with client.post("/login", data=form, headers=headers, allow_redirects=False) as response:
            assert response.status == 303
            assert response.headers["Location"].startswith("/")
