"""What ends a cookie or a token ends it at once, and nothing else of anybody."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import aiohttp
import pytest

from tests.conftest import PASSWORDS, Server
from tests.functional.browsing import HTML, browser, sign_in
from tests.functional.test_accounts import answer

Client = aiohttp.ClientSession


@dataclass(frozen=True, slots=True)
class House:
    """Alice with two browsers and a token, Bob with one of each, and the administrator."""

    laptop: Client
    phone: Client
    token: Client
    his: Client
    bob: Client
    admin: Client

    async def alive(self) -> set[str]:
        alive = set()
        for name in ("laptop", "phone", "token", "his", "bob"):
            async with getattr(self, name).get("/api/v1/me") as response:
                assert response.status in (200, 401)
                if response.status == 200:
                    alive.add(name)
        return alive

    async def alice_id(self) -> str:
        users = await answer(self.admin.get("/api/v1/admin/users"), 200)
        return next(str(user["id"]) for user in users["items"] if user["name"] == "alice")


@pytest.fixture
async def house(server: Server, admin: Client, alice: Client, bob: Client) -> AsyncIterator[House]:
    async with browser(server) as laptop, browser(server) as phone, browser(server) as his:
        await sign_in(laptop, "alice")
        await sign_in(phone, "alice")
        await sign_in(his, "bob")
        yield House(laptop, phone, alice, his, bob, admin)


async def sign_out(house: House) -> None:
    async with house.phone.post("/logout", headers=HTML, allow_redirects=False) as response:
        assert response.status == 303


async def sign_out_with_the_old_cookie_kept(house: House) -> None:
    """Whoever has copied the cookie gets nothing out of it."""
    kept = {cookie.key: cookie.value for cookie in house.phone.cookie_jar}
    await sign_out(house)
    house.phone.cookie_jar.update_cookies(kept)


async def revoke(house: House) -> None:
    found = (await answer(house.laptop.get("/api/v1/sessions"), 200))["items"]
    other = next(session["id"] for session in found if not session["is_current"])
    await answer(house.laptop.delete(f"/api/v1/sessions/{other}"), 204)


async def revoke_others(house: House) -> None:
    async with house.laptop.post("/account/sessions/end-others", headers=HTML, allow_redirects=False) as response:
        assert response.status == 303


async def change_password(house: House) -> None:
    wanted = {"current_password": PASSWORDS["alice"], "new_password": "a-new-password-of-alice"}
    await answer(house.laptop.post("/api/v1/me/password", json=wanted), 204)


async def delete_token(house: House) -> None:
    found = (await answer(house.laptop.get("/api/v1/tokens"), 200))["items"]
    await answer(house.laptop.delete(f"/api/v1/tokens/{found[0]['id']}"), 204)


async def disable(house: House) -> None:
    await answer(house.admin.patch(f"/api/v1/admin/users/{await house.alice_id()}", json={"disabled": True}), 200)


async def new_password_by_admin(house: House) -> None:
    wanted = {"password": "given-by-the-administrator"}
    await answer(house.admin.patch(f"/api/v1/admin/users/{await house.alice_id()}", json=wanted), 200)


BOB = {"his", "bob"}
ENDINGS: dict[str, tuple[Callable[[House], Awaitable[None]], set[str]]] = {
    "signing out": (sign_out, {"laptop", "token"}),
    "signing out, with a copied cookie": (sign_out_with_the_old_cookie_kept, {"laptop", "token"}),
    "signing out there": (revoke, {"laptop", "token"}),
    "signing out everywhere else": (revoke_others, {"laptop", "token"}),
    "a new password": (change_password, {"laptop", "token"}),
    "a new password by an administrator": (new_password_by_admin, {"token"}),
    "deleting the token": (delete_token, {"laptop", "phone"}),
    "disabling": (disable, set()),
}


@pytest.mark.parametrize(("end", "left"), ENDINGS.values(), ids=ENDINGS.keys())
async def test_what_ends_is_dead_at_once_and_the_rest_lives(
    house: House, end: Callable[[House], Awaitable[None]], left: set[str]
) -> None:
    assert await house.alive() == {"laptop", "phone", "token"} | BOB
    await end(house)
    assert await house.alive() == left | BOB


async def test_a_role_that_is_taken_away_is_gone_at_once_for_cookie_and_token(house: House) -> None:
    place = f"/api/v1/admin/users/{await house.alice_id()}"
    await answer(house.admin.patch(place, json={"role": "admin"}), 200)
    await sign_in(house.laptop, "alice")
    created = await answer(house.laptop.post("/api/v1/tokens", json={"name": "of an admin"}), 201)
    headers = {"Authorization": f"Bearer {created['token']}"}
    await answer(house.laptop.get("/api/v1/admin/users"), 200)
    await answer(house.token.get("/api/v1/admin/users", headers=headers), 200)
    await answer(house.admin.patch(place, json={"role": "viewer"}), 200)
    async with house.laptop.get("/api/v1/admin/users") as response:
        assert response.status in (401, 403)
    async with house.token.get("/api/v1/admin/users", headers=headers) as response:
        assert response.status == 403
    async with house.token.put("/api/v1/templates/x", data=b"title: x", headers=headers) as response:
        assert response.status == 403


async def test_a_session_that_somebody_planted_is_not_used_on(server: Server, alice: Client, bob: Client) -> None:
    async with browser(server) as attacker, browser(server) as victim:
        await sign_in(attacker, "bob")
        planted = {cookie.key: cookie.value for cookie in attacker.cookie_jar}
        victim.cookie_jar.update_cookies(planted)
        await sign_in(victim, "alice")
        now = {cookie.key: cookie.value for cookie in victim.cookie_jar}
        assert now["jindu_session"] != planted["jindu_session"]
        async with attacker.get("/api/v1/me") as response:  # the session before is over, and never was hers
            assert response.status == 401
