"""A second factor: asked for after the password, used once, lost and found again, and never skipped."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import re
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography.fernet import Fernet
from yarl import URL

from server.auth.one_time_codes import STEP_SECONDS, code_at
from server.settings import Settings
from tests.conftest import PASSWORDS, Server, serving, signed_in
from tests.functional.browsing import HTML, browser, sign_in
from tests.functional.test_account_links import CHOSEN, filled_in, reset_link, sent
from tests.functional.test_accounts import answer
from tests.functional.test_accounts_admin import id_of

MINE = "/api/v1/me/second-factor"


def code_of(key: str, *, later: int = 0) -> str:
    """What the app shows `later` steps from now."""
    return code_at(base64.b32decode(key), int(time.time()) // STEP_SECONDS + later).decode()


def another_than(code: str) -> str:
    return str((int(code) + 500_000) % 1_000_000).zfill(6)


async def enrolled(client: aiohttp.ClientSession, password: str = PASSWORDS["alice"]) -> tuple[str, list[str]]:
    """The key that the app has, and the recovery codes; the code of the step before is used up by this."""
    begun = await answer(client.post(f"{MINE}/begin", json={"current_password": password}), 200)
    first = {"sealed": begun["sealed"], "code": code_of(begun["key"], later=-1)}
    return begun["key"], (await answer(client.post(MINE, json=first), 200))["recovery_codes"]


async def with_code(client: aiohttp.ClientSession, code: str) -> tuple[int, str]:
    return await sent(client, "/login/code", {"code": code, "next": "/account"})


async def half_signed_in(client: aiohttp.ClientSession, password: str = PASSWORDS["alice"]) -> None:
    assert await sign_in(client, "alice", password, target="/account") == "/login/code?next=/account"


async def test_sign_in_asks_for_the_code_after_the_password(server: Server, alice: aiohttp.ClientSession) -> None:
    key, _ = await enrolled(alice)
    async with browser(server) as laptop:
        await half_signed_in(laptop)
        await answer(laptop.get("/api/v1/me"), 401)
        status, page = await with_code(laptop, another_than(code_of(key)))
        assert (status, "This code is wrong" in page) == (401, True)
        await answer(laptop.get("/api/v1/me"), 401)
        code = code_of(key)
        assert await with_code(laptop, f"{code[:3]} {code[3:]}") == (303, "/account")
        sessions = await answer(laptop.get("/api/v1/sessions"), 200)
        assert sessions["items"][0]["means"] == "code"
        async with laptop.get("/login/code", headers=HTML, allow_redirects=False) as response:
            assert response.headers["Location"].startswith("/login?")  # what was half is used up
    async with browser(server) as stranger:
        assert (await with_code(stranger, code_of(key, later=1)))[0] == 401  # without the password


async def test_a_code_works_once_also_for_who_saw_the_enrolment(server: Server, alice: aiohttp.ClientSession) -> None:
    begun = await answer(alice.post(f"{MINE}/begin", json={"current_password": PASSWORDS["alice"]}), 200)
    first = code_of(begun["key"])
    await answer(alice.post(MINE, json={"sealed": begun["sealed"], "code": first}), 200)
    async with browser(server) as laptop, browser(server) as phone:
        for client in (laptop, phone):
            await half_signed_in(client)
        assert (await with_code(laptop, first))[0] == 401
        assert (await with_code(laptop, code_of(begun["key"], later=-1)))[0] == 401  # and none from before it
        code = code_of(begun["key"], later=1)
        outcomes = await asyncio.gather(*(with_code(client, code) for client in (laptop, phone)))
        assert sorted(status for status, _ in outcomes) == [303, 401]


async def test_a_recovery_code_lets_in_once_and_its_owner_is_told(server: Server, alice: aiohttp.ClientSession) -> None:
    _, codes = await enrolled(alice)
    assert len(set(codes)) == 10
    async with browser(server) as laptop:
        await half_signed_in(laptop)
        assert (await with_code(laptop, codes[0].upper().replace("-", " ")))[0] == 303
        assert (await answer(laptop.get("/api/v1/sessions"), 200))["items"][0]["means"] == "recovery"
        async with laptop.get("/notifications", headers=HTML) as response:
            page = await response.text()
            assert "You signed in with a recovery code" in page
            assert "Recovery codes that are left: 9." in page
    async with browser(server) as thief:
        await half_signed_in(thief)
        assert (await with_code(thief, codes[0]))[0] == 401
    left = (await answer(alice.get(MINE), 200))["recovery_codes_left"]
    assert left == 9
    wanted = {"username": "alice", "password": PASSWORDS["alice"], "code": codes[2], "name": "cron"}
    async with aiohttp.ClientSession(server.url) as script:
        await answer(script.post("/api/v1/tokens", json=wanted), 201)
    admin = await signed_in(server, "admin")
    async with admin:
        (line, *_) = (await answer(admin.get("/api/v1/admin/audit?action=token.create&user=alice"), 200))["items"]
    assert (line["via"], line["detail"]["means"]) == ("credentials", "recovery")
    new = await answer(alice.post(f"{MINE}/recovery-codes", json={"current_password": PASSWORDS["alice"]}), 200)
    async with browser(server) as phone:
        await half_signed_in(phone)
        assert (await with_code(phone, codes[1]))[0] == 401
        assert (await with_code(phone, new["recovery_codes"][1]))[0] == 303


async def test_who_knows_the_password_cannot_guess_the_code_nor_keep_its_owner_out(
    server: Server, alice: aiohttp.ClientSession
) -> None:
    key, codes = await enrolled(alice)
    async with browser(server) as laptop, browser(server, address="127.0.0.2") as thief:
        await half_signed_in(laptop)
        assert (await with_code(laptop, codes[0]))[0] == 303  # her device is known from now on
        assert (await sent(laptop, "/logout", {}))[0] == 303
        wrong = another_than(code_of(key))
        await half_signed_in(thief)
        statuses = [(await with_code(thief, wrong))[0] for _ in range(6)]
        assert statuses == [401, 401, 401, 401, 401, 429]
        assert (await with_code(thief, code_of(key)))[0] == 429  # not even with the right one
        await half_signed_in(laptop)
        assert (await with_code(laptop, code_of(key)))[0] == 303
        async with laptop.get("/notifications", headers=HTML) as response:
            assert "Somebody knows your password" in await response.text()


async def test_a_program_sends_the_code_with_the_password(server: Server, alice: aiohttp.ClientSession) -> None:
    key, _ = await enrolled(alice)
    wanted: dict[str, Any] = {"username": "alice", "password": PASSWORDS["alice"], "name": "script"}
    async with aiohttp.ClientSession(server.url) as script:
        assert (await answer(script.post("/api/v1/tokens", json=wanted), 401))["code"] == "second_factor_needed"
        for code in ("000", another_than(code_of(key)), "\ud83d\ude00" * 6):
            refusal = await answer(script.post("/api/v1/tokens", json=wanted | {"code": code}), 401)
            assert refusal["code"] == "wrong_code"
        await answer(script.post("/api/v1/tokens", json=wanted | {"code": code_of(key)}), 201)
    await answer(alice.get("/api/v1/me"), 200)  # a token goes on as before


async def test_another_password_ends_a_sign_in_that_is_half_done_and_the_factor_stays(
    server: Server, admin: aiohttp.ClientSession, alice: aiohttp.ClientSession
) -> None:
    key, _ = await enrolled(alice)
    async with browser(server) as thief, browser(server) as laptop:
        await half_signed_in(thief)
        link = await reset_link(admin, "alice")
        path = f"/reset-password?code={link.partition('code=')[2]}"
        assert await sent(laptop, path, filled_in(f"http://x{path}")) == (303, "/login?done=password")
        status, page = await with_code(thief, code_of(key))
        assert (status, "Enter the name and the password again." in page) == (401, True)
        await half_signed_in(laptop, CHOSEN)
        assert (await with_code(laptop, code_of(key)))[0] == 303


async def test_nothing_changes_without_the_password_or_by_somebody_else(
    server: Server, admin: aiohttp.ClientSession, alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    wrong, right = {"current_password": "wrong-horse"}, {"current_password": PASSWORDS["alice"]}
    await answer(alice.post(f"{MINE}/begin", json=wrong), 422)
    begun = await answer(alice.post(f"{MINE}/begin", json=right), 200)
    first = {"sealed": begun["sealed"], "code": code_of(begun["key"])}
    assert (await answer(bob.post(MINE, json=first), 422))["code"] == "enrolment_too_old"  # it was not begun by him
    await answer(alice.post(MINE, json=first | {"code": another_than(first["code"])}), 422)
    assert (await answer(alice.get(MINE), 200))["since"] is None
    await answer(alice.post(MINE, json=first), 200)
    assert (await answer(alice.post(MINE, json=first), 409))["code"] == "second_factor_there"
    await answer(alice.post(f"{MINE}/begin", json=right), 409)
    for path in ("remove", "recovery-codes"):
        await answer(alice.post(f"{MINE}/{path}", json=wrong), 422)
    path = f"/api/v1/admin/users/{await id_of(admin, 'alice')}/second-factor"
    await answer(bob.delete(path), 403)
    await answer(alice.delete(path), 403)
    assert (await answer(alice.get(MINE), 200))["since"] is not None
    await answer(alice.post(f"{MINE}/remove", json=right), 204)
    async with browser(server) as laptop:
        assert await sign_in(laptop, "alice") == "/"
    await answer(admin.delete(path), 409)


async def test_an_administrator_removes_it_for_who_lost_it(
    server: Server, admin: aiohttp.ClientSession, alice: aiohttp.ClientSession
) -> None:
    await enrolled(alice)
    user_id = await id_of(admin, "alice")
    found = await answer(admin.get(f"/api/v1/admin/users/{user_id}"), 200)
    assert found["second_factor_at"]
    async with browser(server) as boss:
        await sign_in(boss, "admin")
        done = await sent(boss, f"/admin/users/{user_id}/second-factor/delete", {})
        assert done == (303, f"/admin/users/{user_id}?done=reset")
    async with browser(server) as laptop:
        assert await sign_in(laptop, "alice") == "/"
        async with laptop.get("/notifications", headers=HTML) as response:
            assert "Your second factor was removed" in await response.text()


async def test_it_is_set_up_on_the_page(server: Server, alice: object) -> None:
    async with browser(server) as laptop:
        await sign_in(laptop, "alice")
        begin = "/account/sign-in/second-factor/begin"
        status, page = await sent(laptop, begin, {"current_password": "wrong-horse"})
        assert (status, "This is not your present password." in page) == (422, True)
        _, page = await sent(laptop, begin, {"current_password": PASSWORDS["alice"]})
        assert "<svg" in page
        (sealed,) = re.findall(r'name="sealed" value="([^"]+)"', page)
        (shown,) = re.findall(r'id="typed-key">([A-Z2-7 ]+)<', page)
        key = shown.replace(" ", "")
        form = {"sealed": sealed, "code": another_than(code_of(key))}
        status, page = await sent(laptop, "/account/sign-in/second-factor", form)
        assert status == 422
        assert shown in page  # to go on with the same picture
        status, page = await sent(laptop, "/account/sign-in/second-factor", form | {"code": code_of(key)})
        assert status == 200
        assert len(re.findall(r"<li>[a-z2-7]{4}(?:-[a-z2-7]{4}){3}</li>", page)) == 10
        status, page = await sent(laptop, "/account/sign-in/second-factor", {"sealed": "nonsense", "code": "1"})
        assert (status, "Begin again with a new QR code." in page) == (422, True)


async def test_a_new_key_of_the_server_keeps_asking_and_takes_recovery_codes(settings: Settings) -> None:
    """A backup that is restored without its key: what cannot be checked opens nothing."""
    async with serving(settings) as server, await signed_in(server, "admin") as admin:
        key, codes = await enrolled(admin, PASSWORDS["admin"])
    changed = dataclasses.replace(settings, secret_key=Fernet.generate_key().decode())
    async with serving(changed) as server, browser(server) as boss:
        assert (await sign_in(boss, "admin")).startswith("/login/code")
        status, page = await with_code(boss, code_of(key))
        assert (status, "The server has another key" in page) == (401, True)
        assert (await with_code(boss, codes[0]))[0] == 303


@pytest.mark.parametrize("who", ["administrators", "everybody"])
async def test_where_it_is_required_nothing_else_is_open_until_there_is_one(settings: Settings, who: str) -> None:
    strict = dataclasses.replace(settings, require_second_factor=who)
    async with serving(strict) as server, browser(server) as boss:
        wanted = {"username": "admin", "password": PASSWORDS["admin"]}
        refusal = await answer(boss.post("/api/v1/tokens", json=wanted), 403)
        assert refusal["code"] == "second_factor_missing"
        await sign_in(boss, "admin")
        for path in ("/", "/account", "/admin/users", "/events"):
            async with boss.get(path, headers=HTML, allow_redirects=False) as response:
                assert (response.status, response.headers.get("Location")) == (303, "/account/sign-in"), path
        for path in ("me", "admin/users", "sessions"):
            assert (await answer(boss.get(f"/api/v1/{path}"), 403))["code"] == "second_factor_missing"
        async with boss.get("/account/sign-in", headers=HTML) as response:
            assert "One more step" in await response.text()
        await enrolled(boss, PASSWORDS["admin"])
        await answer(boss.get("/api/v1/me"), 200)
        removal = await answer(boss.post(f"{MINE}/remove", json={"current_password": PASSWORDS["admin"]}), 409)
        assert removal["code"] == "second_factor_required"
        bob = {"username": "bob", "password": PASSWORDS["bob"], "role": "editor"}
        await answer(boss.post("/api/v1/admin/users", json=bob), 201)
        async with browser(server) as editor:
            await sign_in(editor, "bob")
            await answer(editor.get("/api/v1/me"), 403 if who == "everybody" else 200)


async def test_neither_codes_nor_keys_stand_in_the_log_or_the_database(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with serving(settings) as server, await signed_in(server, "admin") as admin:
        key, codes = await enrolled(admin, PASSWORDS["admin"])
        audit = await (await admin.get("/api/v1/admin/audit")).text()
    assert "second_factor.enable" in audit
    stored = _bytes_of_database(settings.data)
    for secret in (key, base64.b32decode(key).hex(), *codes, *(code.replace("-", "") for code in codes)):
        assert secret not in caplog.text + audit
        assert secret.encode() not in stored
    assert base64.b32decode(key) not in stored


async def test_the_cookie_between_the_steps_is_kept_from_scripts(server: Server, alice: aiohttp.ClientSession) -> None:
    await enrolled(alice)
    async with browser(server) as laptop:
        form = {"username": "alice", "password": PASSWORDS["alice"]}
        async with laptop.post("/login", data=form, allow_redirects=False) as response:
            (header,) = (line for line in response.headers.getall("Set-Cookie") if line.startswith("jindu_half="))
        assert "HttpOnly" in header
        assert "SameSite=Lax" in header
        assert "Path=/login" in header
        cookie = laptop.cookie_jar.filter_cookies(URL(f"{server.url}/login"))["jindu_half"].value
    async with aiohttp.ClientSession(server.url, headers={"Origin": server.url}) as thief:
        for tampered in (cookie[:-4], cookie[:40] + "A" + cookie[41:], "x", ""):
            headers = {"Cookie": f"jindu_half={tampered}"}
            async with thief.post("/login/code", data={"code": "123456"}, headers=headers) as response:
                assert response.status == 401


def _bytes_of_database(data: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(data.glob("jindu.db*")))
