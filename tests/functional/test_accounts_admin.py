"""What administrators manage: users, audit, settings, statistics; and that nobody else may."""

from __future__ import annotations

import aiohttp

from tests.conftest import PASSWORDS, Server
from tests.functional.browsing import browser, sign_in
from tests.functional.test_accounts import answer


async def id_of(admin: aiohttp.ClientSession, name: str) -> str:
    found = await answer(admin.get("/api/v1/admin/users", params={"q": name}), 200)
    return str(found["items"][0]["id"])


async def test_only_administrators_pass(alice: aiohttp.ClientSession, server: Server) -> None:
    async with aiohttp.ClientSession(server.url) as stranger:
        for path in ("users", "audit", "settings", "statistics"):
            await answer(alice.get(f"/api/v1/admin/{path}"), 403)
            await answer(stranger.get(f"/api/v1/admin/{path}"), 401)


async def test_users_are_paged_by_name(admin: aiohttp.ClientSession, alice: object, bob: object) -> None:
    first = await answer(admin.get("/api/v1/admin/users", params={"limit": 2}), 200)
    rest = await answer(admin.get("/api/v1/admin/users", params={"limit": 2, "cursor": first["next_cursor"]}), 200)
    names = [user["name"] for user in first["items"] + rest["items"]]
    assert (names, first["total"], rest["next_cursor"]) == (["admin", "alice", "bob"], 3, None)


async def test_search_takes_wildcards_as_text(admin: aiohttp.ClientSession, alice: object) -> None:
    assert (await answer(admin.get("/api/v1/admin/users", params={"q": "%"}), 200))["items"] == []
    assert (await answer(admin.get("/api/v1/admin/users", params={"q": "LIC"}), 200))["total"] == 1


async def test_a_name_is_given_once(admin: aiohttp.ClientSession, alice: object) -> None:
    wanted = {"username": "ALICE", "password": "another-password", "role": "viewer"}
    problem = await answer(admin.post("/api/v1/admin/users", json=wanted), 409)
    assert problem["code"] == "name_taken"


async def test_a_bad_new_user_is_told_field_by_field(admin: aiohttp.ClientSession) -> None:
    wanted = {"username": "a\nb", "password": "short", "time_zone": "Nowhere"}
    problem = await answer(admin.post("/api/v1/admin/users", json=wanted), 422)
    assert {error["field"] for error in problem["errors"]} == {"username", "password", "time_zone"}


async def test_a_disabled_user_is_out_at_once_and_may_come_back(
    server: Server, admin: aiohttp.ClientSession, alice: aiohttp.ClientSession
) -> None:
    async with browser(server) as laptop:
        await sign_in(laptop, "alice")
        path = f"/api/v1/admin/users/{await id_of(admin, 'alice')}"
        await answer(admin.patch(path, json={"disabled": True}), 200)
        await answer(laptop.get("/api/v1/me"), 401)
        await answer(alice.get("/api/v1/me"), 401)
        wanted = {"username": "alice", "password": PASSWORDS["alice"]}
        await answer(laptop.post("/api/v1/tokens", json=wanted), 401)
        await answer(admin.patch(path, json={"disabled": False}), 200)
        await answer(alice.get("/api/v1/me"), 401)  # the token was deleted, as
        await answer(laptop.get("/api/v1/me"), 401)  # the session had ended
        token = (await answer(laptop.post("/api/v1/tokens", json=wanted), 201))["token"]
        headers = {"Authorization": f"Bearer {token}"}
        listed = await answer(laptop.get("/api/v1/tokens", headers=headers), 200)
        assert listed["total"] == 1


async def test_the_last_administrator_stays(admin: aiohttp.ClientSession, alice: aiohttp.ClientSession) -> None:
    path = f"/api/v1/admin/users/{await id_of(admin, 'admin')}"
    for change in ({"disabled": True}, {"role": "editor"}):
        problem = await answer(admin.patch(path, json=change), 409)
        assert problem["code"] == "last_administrator"
    await answer(admin.patch(f"/api/v1/admin/users/{await id_of(admin, 'alice')}", json={"role": "admin"}), 200)
    await answer(admin.patch(path, json={"role": "editor"}), 200)
    await answer(admin.get("/api/v1/admin/users"), 403)


async def test_every_ending_is_told_to_the_live_layer(
    server: Server, admin: aiohttp.ClientSession, alice: aiohttp.ClientSession
) -> None:
    heard: list[dict[str, str | None]] = []
    server.parts.auth.credentials.endings.on_end(lambda **what: heard.append(what))
    user_id = await id_of(admin, "alice")
    token = await answer(alice.post("/api/v1/tokens", json={"name": "t"}), 201)
    await answer(alice.delete(f"/api/v1/tokens/{token['id']}"), 204)
    await answer(admin.patch(f"/api/v1/admin/users/{user_id}", json={"disabled": True}), 200)
    assert heard[0] == {"token_id": token["id"]}
    # With a user who is disabled their tokens end: the one that is asked with here.
    assert [next(iter(ending)) for ending in heard[1:]] == ["token_id", "user_id"]
    assert heard[-1] == {"user_id": user_id}


async def test_the_audit_log_tells_who_did_what(admin: aiohttp.ClientSession, alice: aiohttp.ClientSession) -> None:
    await answer(alice.patch("/api/v1/me", json={"time_zone": "Asia/Tokyo"}), 200)
    page = await answer(admin.get("/api/v1/admin/audit", params={"limit": 1}), 200)
    (newest,) = page["items"]
    assert (newest["user_name"], newest["action"], newest["address"]) == ("alice", "account.change", "127.0.0.1")
    older = await answer(admin.get("/api/v1/admin/audit", params={"cursor": page["next_cursor"]}), 200)
    assert newest["id"] not in [line["id"] for line in older["items"]]
    found = await answer(admin.get("/api/v1/admin/audit", params={"q": "user.create"}), 200)
    assert {line["subject"] for line in found["items"]} >= {"admin", "alice"}
    assert PASSWORDS["alice"] not in str(found)


async def test_a_made_up_cursor_is_refused(admin: aiohttp.ClientSession) -> None:
    for cursor in ("x", "-1", "9" * 40, "١"):
        problem = await answer(admin.get("/api/v1/admin/audit", params={"cursor": cursor}), 422)
        assert problem["errors"][0]["field"] == "cursor"


async def test_settings_never_show_a_secret(admin: aiohttp.ClientSession) -> None:
    found = await answer(admin.get("/api/v1/admin/settings"), 200)
    by_name = {setting["name"]: setting for setting in found["items"]}
    assert by_name["admin_password"]["value"] == "(set)"
    assert by_name["secret_key"]["value"] in ("", "(set)")
    assert PASSWORDS["admin"] not in str(found)


async def test_statistics_count_what_is_there(admin: aiohttp.ClientSession, alice: object) -> None:
    found = await answer(admin.get("/api/v1/admin/statistics"), 200)
    assert found["stored"]["users"] == 2
    assert found["event_loop"]["p99_ms"] >= 0
    assert found["disk"]["free_bytes"] > 0
