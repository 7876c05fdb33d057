"""One's own account over the API: me, password, tokens, sessions; and what strangers may not see or do."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import aiohttp

from tests.conftest import PASSWORDS, Server
from tests.functional.browsing import browser, sign_in

NEW_PASSWORD = "a-new-password-of-alice"


async def answer(response_context: Any, status: int) -> Any:
    """The JSON of a response that must have `status`."""
    async with response_context as response:
        assert response.status == status, await response.text()
        return None if status == 204 else await response.json()


async def test_a_token_tells_who_asks(alice: aiohttp.ClientSession) -> None:
    me = await answer(alice.get("/api/v1/me"), 200)
    assert (me["name"], me["role"], me["scopes"]) == ("alice", "editor", ["read", "write"])


async def test_settings_are_kept(alice: aiohttp.ClientSession, bob: aiohttp.ClientSession) -> None:
    wanted = {"language": "en", "time_zone": "Asia/Shanghai", "notifications": {"finished": False}}
    changed = await answer(alice.patch("/api/v1/me", json=wanted), 200)
    assert (changed["time_zone"], changed["notifications"]["finished"]) == ("Asia/Shanghai", False)
    assert await answer(alice.get("/api/v1/me"), 200) == changed
    assert (await answer(bob.get("/api/v1/me"), 200))["time_zone"] is None


WRONG_SETTINGS: list[tuple[dict[str, Any], str]] = [
    ({"language": "tlh"}, "language"),
    ({"time_zone": "../../etc/passwd"}, "time_zone"),
    ({"time_zone": "Mars/Phobos"}, "time_zone"),
    ({"name": ""}, "name"),
    ({"name": "x" * 65}, "name"),
    ({"name": "with\u0000nul"}, "name"),
    ({"name": "a/b"}, "name"),
    ({"name": "invisible\u200b"}, "name"),
    ({"name": 5}, "name"),
    ({"notifications": {"finished": "yes"}}, "notifications.finished"),
]


async def test_wrong_settings_name_their_field(alice: aiohttp.ClientSession) -> None:
    for wanted, field in WRONG_SETTINGS:
        problem = await answer(alice.patch("/api/v1/me", json=wanted), 422)
        assert [error["field"] for error in problem["errors"]] == [field], wanted


async def test_a_name_in_use_cannot_be_taken(alice: aiohttp.ClientSession, bob: aiohttp.ClientSession) -> None:
    problem = await answer(alice.patch("/api/v1/me", json={"name": "BOB"}), 409)
    assert problem["code"] == "name_taken"
    assert (await answer(alice.patch("/api/v1/me", json={"name": "Alice"}), 200))["name"] == "Alice"


LOOK_LIKE_BOB = ["bоb", "bób", "bob.", "_bob", "b0b", "ЬоЬ"]  # with Cyrillic letters, accents, signs, digits


async def test_a_name_that_looks_like_another_is_refused(
    admin: aiohttp.ClientSession, alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    for name in LOOK_LIKE_BOB:
        problem = await answer(alice.patch("/api/v1/me", json={"name": name}), 409)
        assert problem["code"] == "name_taken", name
        wanted = {"username": name, "password": NEW_PASSWORD, "role": "viewer"}
        problem = await answer(admin.post("/api/v1/admin/users", json=wanted), 409)
        assert [error["field"] for error in problem["errors"]] == ["username"], name
    assert (await answer(bob.patch("/api/v1/me", json={"name": "Bób"}), 200))["name"] == "Bób"  # his own


async def test_one_of_two_who_want_a_name_at_once_gets_it(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    async def rename(client: aiohttp.ClientSession, name: str) -> int:
        async with client.patch("/api/v1/me", json={"name": name}) as response:
            return response.status

    for number in range(5):
        statuses = await asyncio.gather(rename(alice, f"wanted {number}x"), rename(bob, f"wаnted {number}x"))
        assert sorted(statuses) == [200, 409]


async def test_a_deleted_token_is_refused_at_once(alice: aiohttp.ClientSession) -> None:
    created = await answer(alice.post("/api/v1/tokens", json={"name": "second"}), 201)
    second = {"Authorization": f"Bearer {created['token']}"}
    await answer(alice.get("/api/v1/me", headers=second), 200)
    await answer(alice.delete(f"/api/v1/tokens/{created['id']}"), 204)
    problem = await answer(alice.get("/api/v1/me", headers=second), 401)
    assert problem["code"] == "token_revoked"


async def test_bob_does_not_see_or_delete_the_tokens_of_alice(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    created = await answer(alice.post("/api/v1/tokens", json={"name": "of alice"}), 201)
    seen = await answer(bob.get("/api/v1/tokens"), 200)
    assert "of alice" not in [token["name"] for token in seen["items"]]
    await answer(bob.delete(f"/api/v1/tokens/{created['id']}"), 404)
    mine = await answer(alice.get("/api/v1/tokens"), 200)
    assert created["token"] not in str(mine)
    assert mine["total"] == 2


async def test_a_token_cannot_make_one_that_may_more(alice: aiohttp.ClientSession) -> None:
    wanted = {"name": "reader", "scopes": ["read"], "expires_in_days": 1}
    reader = await answer(alice.post("/api/v1/tokens", json=wanted), 201)
    headers = {"Authorization": f"Bearer {reader['token']}"}
    problem = await answer(alice.post("/api/v1/tokens", json={"name": "x"}, headers=headers), 403)
    assert problem["code"] == "forbidden"
    await answer(alice.post("/api/v1/tokens", json={"name": "x", "scopes": ["admin"]}), 403)
    await answer(alice.delete(f"/api/v1/tokens/{reader['id']}", headers=headers), 403)

    writer = await answer(alice.post("/api/v1/tokens", json={"name": "w", "expires_in_days": 1}), 201)
    headers = {"Authorization": f"Bearer {writer['token']}"}
    child = await answer(
        alice.post("/api/v1/tokens", json={"name": "c", "expires_in_days": None}, headers=headers), 201
    )
    assert child["expires_at"] == writer["expires_at"]


async def test_wrong_passwords_say_nothing_about_the_name(server: Server, alice: aiohttp.ClientSession) -> None:
    async with aiohttp.ClientSession(server.url) as stranger:
        texts = set()
        for name in ("alice", "nobody"):
            wanted = {"username": name, "password": "wrong-password", "name": "x"}
            problem = await answer(stranger.post("/api/v1/tokens", json=wanted), 401)
            texts.add((problem["code"], problem["detail"]))
    assert texts == {("wrong_credentials", "The user name or the password is wrong.")}


HOSTILE_BODIES = [
    (b"", 401),
    (b"{", 400),
    (b"[]", 422),
    (b'"text"', 422),
    (b"\xff\xfe", 400),
    (b'{"username": "\\ud800", "password": "x"}', 422),
    (b'{"username": "a\\u0000b", "password": "x"}', 422),
    (b'{"username": 1, "password": "x"}', 422),
    (b'{"username": "alice", "password": "x", "scopes": ["root"]}', 422),
    (b'{"username": "alice", "password": "x", "expires_in_days": 99999999999999999999999}', 422),
    (b"[" * 15_000, 400),
    (b'{"username": "alice", "password": "' + b"x" * 15_000 + b'"}', 401),
    (b'{"username": "alice", "password": "' + b"x" * 20_000 + b'"}', 413),
    (b'{"name": "' + b"x" * 2_000_000 + b'"}', 413),
]


async def test_hostile_bodies_are_refused_clearly(server: Server, alice: aiohttp.ClientSession) -> None:
    async with aiohttp.ClientSession(server.url, headers={"Content-Type": "application/json"}) as stranger:
        for body, status in HOSTILE_BODIES:
            problem = await answer(stranger.post("/api/v1/tokens", data=io.BytesIO(body)), status)
            assert problem["request_id"], body[:40]


async def test_sign_in_attempts_are_limited(server: Server, alice: aiohttp.ClientSession) -> None:
    async with aiohttp.ClientSession(server.url) as stranger:
        for _ in range(10):
            wanted = {"username": "alice", "password": "wrong-password"}
            await answer(stranger.post("/api/v1/tokens", json=wanted), 401)
        right = {"username": "alice", "password": PASSWORDS["alice"]}
        async with stranger.post("/api/v1/tokens", json=right) as response:
            assert response.status == 429
            assert 0 < int(response.headers["Retry-After"]) <= 300
    await answer(alice.get("/api/v1/me"), 200)  # who is in stays in


async def test_sessions_are_listed_and_ended_by_their_owner_alone(
    server: Server, alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    async with browser(server) as laptop, browser(server) as phone:
        await sign_in(laptop, "alice")
        await sign_in(phone, "alice")
        found = await answer(laptop.get("/api/v1/sessions"), 200)
        assert [session["is_current"] for session in found["items"]].count(True) == 1
        (other,) = [session["id"] for session in found["items"] if not session["is_current"]]

        assert (await answer(bob.get("/api/v1/sessions"), 200))["items"] == []
        await answer(bob.delete(f"/api/v1/sessions/{other}"), 404)
        await answer(phone.get("/api/v1/me"), 200)

        await answer(laptop.delete(f"/api/v1/sessions/{other}"), 204)
        await answer(phone.get("/api/v1/me"), 401)
        await answer(laptop.get("/api/v1/me"), 200)


async def test_a_new_password_signs_all_other_devices_out(server: Server, alice: aiohttp.ClientSession) -> None:
    async with browser(server) as laptop, browser(server) as phone:
        await sign_in(laptop, "alice")
        await sign_in(phone, "alice")
        wrong = {"current_password": "not-my-password", "new_password": NEW_PASSWORD}
        problem = await answer(laptop.post("/api/v1/me/password", json=wrong), 422)
        assert [error["field"] for error in problem["errors"]] == ["current_password"]
        right = {"current_password": PASSWORDS["alice"], "new_password": NEW_PASSWORD}
        await answer(laptop.post("/api/v1/me/password", json=right), 204)
        await answer(laptop.get("/api/v1/me"), 200)
        await answer(phone.get("/api/v1/me"), 401)


async def test_a_viewer_may_change_their_account_but_nothing_else(server: Server, admin: aiohttp.ClientSession) -> None:
    wanted = {"username": "vera", "password": PASSWORDS["alice"], "role": "viewer"}
    await answer(admin.post("/api/v1/admin/users", json=wanted), 201)
    async with browser(server) as vera:
        await sign_in(vera, "vera", PASSWORDS["alice"])
        await answer(vera.patch("/api/v1/me", json={"time_zone": "Europe/Berlin"}), 200)
        await answer(vera.post("/api/v1/tokens", json={"name": "w", "scopes": ["write"]}), 403)
        await answer(vera.get("/api/v1/admin/users"), 403)


async def test_nobody_finds_out_names_by_taking_them(
    server: Server, admin: aiohttp.ClientSession, alice: aiohttp.ClientSession
) -> None:
    """After ten that are in use the answer is the same for those that are not, and for nobody else."""
    for number in range(10):
        name = ("admin", "ADMIN", "Admin")[number % 3]
        async with alice.patch("/api/v1/me", json={"name": name}) as response:
            assert response.status == 409, await response.text()
    for name in ("admin", "free-name", "alice"):
        async with alice.patch("/api/v1/me", json={"name": name}) as response:
            assert response.status == 429
            assert (await response.json())["code"] == "rate_limited"
            assert 0 < int(response.headers["Retry-After"]) <= 900
    async with alice.patch("/api/v1/me", json={"time_zone": "Asia/Shanghai"}) as response:
        assert response.status == 200
    async with admin.patch("/api/v1/me", json={"name": "chief"}) as response:
        assert response.status == 200
