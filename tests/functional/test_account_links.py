"""Links that administrators hand over: an account for who was invited, a new password for who forgot theirs."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from urllib.parse import urlsplit

import aiohttp
import pytest

from server.settings import Settings
from tests.conftest import PASSWORDS, Server, signed_in
from tests.functional.browsing import HTML, browser, sign_in
from tests.functional.test_accounts import answer
from tests.functional.test_accounts_admin import id_of

PUBLIC = "http://reports.example.com"
CHOSEN = "a few words to remember"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(settings, public_url=PUBLIC)


def path_of(link: str) -> str:
    parts = urlsplit(link)
    return f"{parts.path}?{parts.query}"


def code_of(link: str) -> str:
    return urlsplit(link).query.removeprefix("code=")


async def invited(admin: aiohttp.ClientSession, **wanted: object) -> str:
    return str((await answer(admin.post("/api/v1/admin/invitations", json=wanted), 201))["link"])


async def reset_link(admin: aiohttp.ClientSession, name: str) -> str:
    path = f"/api/v1/admin/users/{await id_of(admin, name)}/reset-link"
    return str((await answer(admin.post(path, json={}), 201))["link"])


def filled_in(link: str, **values: str) -> dict[str, str]:
    return {"code": code_of(link), "username": "carol", "password": CHOSEN, "password_again": CHOSEN, **values}


async def sent(client: aiohttp.ClientSession, path: str, form: dict[str, str], **options: object) -> tuple[int, str]:
    """The status, and where one is sent or what the page says."""
    async with client.post(path, data=form, allow_redirects=False, headers=HTML, **options) as response:
        return response.status, response.headers.get("Location") or await response.text()


async def test_whoever_is_invited_chooses_a_name_and_is_in(server: Server, admin: aiohttp.ClientSession) -> None:
    link = await invited(admin, role="viewer", name="caroline")
    assert link.startswith(f"{PUBLIC}/invitation?code=")
    async with browser(server) as carol:
        async with carol.get(path_of(link), headers=HTML) as response:
            assert response.headers["Referrer-Policy"] == "no-referrer"
            assert 'value="caroline"' in await response.text()
        status, where = await sent(carol, "/invitation", filled_in(link, language="zh-CN", time_zone="Asia/Shanghai"))
        assert (status, where) == (303, "/")
        me = await answer(carol.get("/api/v1/me"), 200)
        assert (me["name"], me["role"], me["language"]) == ("carol", "viewer", "zh-CN")
    audit = await answer(admin.get("/api/v1/admin/audit", params={"q": "carol"}), 200)
    (made,) = [line for line in audit["items"] if line["action"] == "user.create"]
    assert made["detail"]["invited_by"]


async def test_looking_at_a_link_uses_nothing_up(server: Server, admin: aiohttp.ClientSession, alice: object) -> None:
    links = {"/invitation": await invited(admin), "/reset-password": await reset_link(admin, "alice")}
    async with browser(server) as scanner:
        for path, link in links.items():
            for method in ("HEAD", "GET", "GET", "OPTIONS"):
                async with scanner.request(method, path_of(link)) as response:
                    assert response.status == (405 if method == "OPTIONS" else 200)
            status, _ = await sent(scanner, path, filled_in(link))
            assert status == 303


async def test_a_link_works_once_also_when_many_are_quick(
    server: Server, admin: aiohttp.ClientSession, alice: object
) -> None:
    link = await invited(admin)
    async with browser(server) as crowd:
        forms = [filled_in(link, username=f"guest {letter}{letter}{letter}") for letter in "abcdfg"]
        outcomes = await asyncio.gather(*(sent(crowd, "/invitation", form) for form in forms))
        assert sorted(status for status, _ in outcomes) == [303, 410, 410, 410, 410, 410]
        reset = await reset_link(admin, "alice")
        outcomes = await asyncio.gather(*(sent(crowd, "/reset-password", filled_in(reset)) for _ in range(4)))
        assert sorted(status for status, _ in outcomes) == [303, 410, 410, 410]


async def test_what_was_filled_in_wrongly_keeps_the_link(
    server: Server, admin: aiohttp.ClientSession, alice: object
) -> None:
    link = await invited(admin)
    async with browser(server) as carol:
        for wrong, complaint in (
            ({"username": "alice"}, "Somebody has this name already."),
            ({"password": "short", "password_again": "short"}, "Use at least 10 characters."),
            ({"password_again": "another one"}, "The two passwords differ."),
        ):
            status, page = await sent(carol, "/invitation", filled_in(link, **wrong))
            assert status in (409, 422)
            assert complaint in page
            assert CHOSEN not in page
        assert (await sent(carol, "/invitation", filled_in(link)))[0] == 303


async def test_a_withdrawn_invitation_opens_nothing(
    server: Server, admin: aiohttp.ClientSession, alice: aiohttp.ClientSession
) -> None:
    link = await invited(admin, name="carol")
    (listed,) = (await answer(admin.get("/api/v1/admin/invitations"), 200))["items"]
    assert (listed["name"], listed["made_by"], listed["role"]) == ("carol", "admin", "editor")
    path = f"/api/v1/admin/invitations/{listed['id']}"
    await answer(alice.delete(path), 403)
    await answer(alice.get("/api/v1/admin/invitations"), 403)
    await answer(admin.delete(path), 204)
    await answer(admin.delete(path), 404)
    async with browser(server) as carol:
        async with carol.get(path_of(link), headers=HTML) as response:
            assert response.status == 410
            assert "Ask for a new one." in await response.text()
        assert (await sent(carol, "/invitation", filled_in(link)))[0] == 410


async def test_a_link_dies_with_the_administrator_who_made_it(
    server: Server, admin: aiohttp.ClientSession, alice: aiohttp.ClientSession
) -> None:
    alice_path = f"/api/v1/admin/users/{await id_of(admin, 'alice')}"
    await answer(admin.patch(alice_path, json={"role": "admin"}), 200)
    async with await signed_in(server, "alice") as boss:
        link = await invited(boss, role="admin")
    await answer(admin.patch(alice_path, json={"role": "editor"}), 200)
    async with browser(server) as carol:
        assert (await sent(carol, "/invitation", filled_in(link)))[0] == 410
    assert (await answer(admin.get("/api/v1/admin/invitations"), 200))["items"] == []


async def test_a_new_password_by_a_link_signs_everybody_else_out_and_nobody_in(
    server: Server, admin: aiohttp.ClientSession, alice: aiohttp.ClientSession
) -> None:
    async with browser(server) as laptop, browser(server) as phone:
        await sign_in(laptop, "alice")
        link = await reset_link(admin, "alice")
        assert link.startswith(f"{PUBLIC}/reset-password?code=")
        async with phone.get(path_of(link), headers=HTML) as response:
            assert response.headers["Referrer-Policy"] == "no-referrer"
            assert "alice" in await response.text()
        assert await sent(phone, "/reset-password", filled_in(link)) == (303, "/login?done=password")
        await answer(laptop.get("/api/v1/me"), 401)
        await answer(phone.get("/api/v1/me"), 401)
        await sign_in(phone, "alice", CHOSEN)
        async with phone.get("/notifications", headers=HTML) as response:
            assert "Your password was set by a link" in await response.text()


async def test_only_the_newest_link_to_a_password_works_and_none_after_it_was_changed(
    server: Server, admin: aiohttp.ClientSession, alice: aiohttp.ClientSession
) -> None:
    first, second = await reset_link(admin, "alice"), await reset_link(admin, "alice")
    change = {"current_password": PASSWORDS["alice"], "new_password": "another-few-words"}
    async with browser(server) as thief:
        assert (await sent(thief, "/reset-password", filled_in(first)))[0] == 410
        await answer(alice.post("/api/v1/me/password", json=change), 204)
        assert (await sent(thief, "/reset-password", filled_in(second)))[0] == 410


async def test_the_owner_of_an_account_cannot_make_a_link_to_it_nor_may_others(
    admin: aiohttp.ClientSession, alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    path = f"/api/v1/admin/users/{await id_of(admin, 'alice')}/reset-link"
    for client in (alice, bob):
        await answer(client.post(path, json={}), 403)
        await answer(client.delete(path), 403)
    await answer(admin.post(path, json={"expires_in_hours": 73}), 422)
    await answer(admin.patch(path.removesuffix("/reset-link"), json={"disabled": True}), 200)
    assert (await answer(admin.post(path, json={}), 409))["code"] == "user_disabled"


async def test_nothing_of_a_link_stands_in_the_figures_or_the_log(
    server: Server, admin: aiohttp.ClientSession, alice: object, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    link = await reset_link(admin, "alice")
    async with browser(server) as anybody:
        async with anybody.get(path_of(link), headers={"Host": "evil.example", **HTML}) as response:
            page = await response.text()
            assert "evil.example" not in page
        await sent(anybody, "/reset-password", filled_in(link))
        await sent(anybody, "/reset-password", filled_in(link))
    async with admin.get("/metrics") as response:
        figures = await response.text()
    for told in (figures, caplog.text, await (await admin.get("/api/v1/admin/audit")).text()):
        assert code_of(link) not in told


async def test_other_sites_cannot_use_a_link_in_somebodys_browser(server: Server, admin: aiohttp.ClientSession) -> None:
    """Their pages tell no referrer, so that browsers say `null`: over plain HTTP that is all there is to go by."""
    link = await invited(admin)
    async with browser(server) as client:
        for headers in (
            {"Origin": "https://evil.example"},
            {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        ):
            client.headers.update(headers)
            assert (await sent(client, "/invitation", filled_in(link)))[0] == 403
        client.headers.update({"Origin": "null"})
        del client.headers["Sec-Fetch-Site"]
        assert await sent(client, "/invitation", filled_in(link)) == (303, "/login?done=invitation")
        await answer(client.get("/api/v1/me"), 401)
        assert (await sent(client, "/login", {"username": "carol", "password": CHOSEN}))[0] == 403


async def test_administrators_do_all_of_it_on_their_pages(
    server: Server, admin: aiohttp.ClientSession, alice: object
) -> None:
    async with browser(server) as boss:
        await sign_in(boss, "admin")
        form = {"invited_role": "editor", "invited_name": "dave", "days": "30"}
        status, page = await sent(boss, "/admin/invitations", form)
        assert status == 200
        assert f"{PUBLIC}/invitation?code=" in page
        assert "dave" in page
        (listed,) = (await answer(admin.get("/api/v1/admin/invitations"), 200))["items"]
        assert await sent(boss, f"/admin/invitations/{listed['id']}/delete", {}) == (303, "/admin/users?done=revoked")
        where = f"/admin/users/{await id_of(admin, 'alice')}"
        status, page = await sent(boss, f"{where}/reset-link", {"hours": "1"})
        (link,) = re.findall(rf"{PUBLIC}/reset-password\?code=[\w-]+", page)
        assert (status, (await boss.get(path_of(link))).status) == (200, 200)
        assert (await sent(boss, f"{where}/reset-link/delete", {}))[0] == 303
        assert (await boss.get(path_of(link))).status == 410
        status, page = await sent(boss, "/admin/invitations", {"invited_name": "a/b"})
        assert (status, "Leave out /" in page) == (422, True)
