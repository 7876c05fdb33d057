"""The first run: a one-time link makes the first administrator, and nothing else does."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from server.app.parts import build_parts
from server.errors import ConfigurationError
from server.settings import Settings
from tests.conftest import Server
from tests.functional.browsing import HTML, browser, sign_in
from tests.functional.command_line import run
from tests.functional.test_account_links import filled_in, path_of, sent
from tests.functional.test_accounts import answer

PASSWORD = "a-long-first-password"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(settings, admin_user="", admin_password="")


@pytest.fixture
def code(server: Server) -> str:
    found = server.parts.operations.first_run.code
    assert found is not None
    return found


def form(code: str, **changes: str) -> dict[str, str]:
    return {
        "code": code,
        "username": "王小明",
        "password": PASSWORD,
        "password_again": PASSWORD,
        "language": "en",
        "time_zone": "Asia/Shanghai",
    } | changes


async def test_the_link_makes_an_administrator_who_is_signed_in(server: Server, code: str) -> None:
    async with browser(server) as client:
        async with client.get("/setup", params={"code": code}, headers=HTML) as response:
            assert response.status == 200
        async with client.post("/setup", data=form(code), headers=HTML, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (303, "/")
        me = await answer(client.get("/api/v1/me"), 200)
        assert (me["name"], me["role"], me["time_zone"]) == ("王小明", "admin", "Asia/Shanghai")
        (made,) = (await answer(client.get("/api/v1/admin/audit?action=user.create"), 200))["items"]
        assert made["address"] == "127.0.0.1"


async def test_the_link_works_once(server: Server, code: str) -> None:
    async with browser(server) as first, browser(server) as second:
        async with first.post("/setup", data=form(code), headers=HTML, allow_redirects=False) as response:
            assert response.status == 303
        mallory = form(code, username="mallory")
        async with second.post("/setup", data=mallory, headers=HTML, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (303, "/")
        async with second.get("/setup", params={"code": code}, headers=HTML, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (303, "/")
        wanted = {"username": "mallory", "password": PASSWORD}
        await answer(second.post("/api/v1/tokens", json=wanted), 401)


async def test_of_many_who_use_the_link_at_once_one_becomes_administrator(server: Server, code: str) -> None:
    async def use(number: int) -> int:
        wanted = form(code, username=f"racer {chr(97 + number) * 3}")
        async with (
            browser(server) as client,
            client.post("/setup", data=wanted, headers=HTML, allow_redirects=False) as response,
        ):
            return response.status if response.headers.get("Location") != "/" or "Set-Cookie" in response.headers else 0

    statuses = await asyncio.gather(*map(use, range(10)))
    assert statuses.count(303) == 1
    assert set(statuses) <= {303, 403, 0}  # 0: sent home, since by then there was one
    async with server.parts.storage.database.read() as connection:
        assert await server.parts.auth.credentials.users.active_admins(connection) == 1


async def test_a_wrong_code_is_told_clearly_and_makes_nobody(server: Server) -> None:
    async with browser(server) as client:
        for wrong, status in (("", 403), ("wrong", 403), ("\x00", 422), ("é" * 100, 403)):
            async with client.get("/setup", params={"code": wrong}, headers=HTML) as response:
                assert response.status == status or not wrong
                said = "jindu admin invite --role admin" if status == 403 else "NUL (U+0000)"
                assert said in await response.text()
            async with client.post("/setup", data=form(wrong), headers=HTML) as response:
                assert response.status == status
    assert await server.parts.operations.first_run.is_pending()


async def test_who_lost_the_link_gets_another_one_without_a_restart(server: Server, settings: Settings) -> None:
    """As the page of a wrong one says."""
    where = {"JINDU_DATABASE_URL": settings.database_url} if settings.database_url else {}
    invited = await run("admin", "invite", "--role", "admin", "--data", str(settings.data), **where)
    link = invited.out.splitlines()[0]
    async with browser(server) as client:
        assert await sent(client, path_of(link), filled_in(link)) == (303, "/")
        assert (await answer(client.get("/api/v1/me"), 200))["role"] == "admin"
    assert not await server.parts.operations.first_run.is_pending()


async def test_mistakes_stand_at_their_fields_and_the_link_still_works(server: Server, code: str) -> None:
    async with browser(server) as client:
        wrong = form(code, password_again="something-else")
        async with client.post("/setup", data=wrong, headers=HTML) as response:
            page = await response.text()
            assert response.status == 422
        assert "The two passwords differ." in page
        assert "王小明" in page
        assert PASSWORD not in page
        short = form(code, password="short", password_again="short", username="")
        async with client.post("/setup", data=short, headers=HTML) as response:
            page = await response.text()
        assert "Use at least 10 characters." in page
        assert "Fill this in." in page
        async with client.post("/setup", data=form(code), headers=HTML, allow_redirects=False) as response:
            assert response.status == 303


async def test_a_new_server_says_how_to_begin(server: Server) -> None:
    async with browser(server) as client, client.get("/login", headers=HTML) as response:
        assert "This server is new." in await response.text()


@pytest.mark.sqlite(reason="looks at every byte of the database's files")
async def test_the_code_is_not_stored(server: Server, settings: Settings, code: str) -> None:
    assert all(code.encode() not in path.read_bytes() for path in settings.data.glob("jindu.db*"))


async def start(settings: Settings) -> None:
    async with build_parts(settings).open():
        pass


async def test_a_bad_administrator_in_the_settings_stops_the_start(settings: Settings) -> None:
    bad = dataclasses.replace(settings, admin_user="root", admin_password="short")
    with pytest.raises(ConfigurationError, match="JINDU_ADMIN_PASSWORD"):
        await start(bad)


async def test_the_settings_make_no_second_administrator(server: Server, settings: Settings, code: str) -> None:
    async with browser(server) as client:
        async with client.post("/setup", data=form(code), headers=HTML, allow_redirects=False) as response:
            assert response.status == 303
        later = dataclasses.replace(settings, admin_user="other", admin_password=PASSWORD)
        await start(later)
        await sign_in(client, "王小明", PASSWORD)
        assert (await answer(client.get("/api/v1/admin/users"), 200))["total"] == 1
