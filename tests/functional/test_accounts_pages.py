"""Signing in by the pages, and the attacks on it: other sites, planted and tampered cookies, redirects elsewhere."""

from __future__ import annotations

import re

import aiohttp
import pytest
from yarl import URL

from tests.conftest import PASSWORDS, Server
from tests.functional.browsing import HTML, browser, sign_in
from tests.functional.test_accounts import answer


def cookie_of(client: aiohttp.ClientSession, server: Server) -> str:
    return client.cookie_jar.filter_cookies(URL(server.url))["jindu_session"].value


async def test_a_stranger_is_sent_to_sign_in_and_comes_back(server: Server, alice: object) -> None:
    async with browser(server) as client:
        async with client.get("/account?x=1", headers=HTML, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (303, "/login?next=/account%3Fx%3D1")
        assert await sign_in(client, "alice", target="/account?x=1") == "/account?x=1"
        async with client.get("/login?next=/account", headers=HTML, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (303, "/account")


async def test_the_cookie_is_kept_from_scripts_and_holds_only_ciphertext(server: Server, alice: object) -> None:
    async with browser(server) as client:
        form = {"username": "alice", "password": PASSWORDS["alice"]}
        async with client.post("/login", data=form, allow_redirects=False) as response:
            header = response.headers["Set-Cookie"]
    assert "HttpOnly" in header
    assert "SameSite=Lax" in header
    assert "Secure" not in header  # plain HTTP on this machine
    assert "alice" not in header


async def test_signing_in_gives_a_new_session_and_ends_the_one_before(
    server: Server, alice: object, bob: object
) -> None:
    async with browser(server) as victim, browser(server) as attacker:
        await sign_in(attacker, "bob")
        planted = cookie_of(attacker, server)
        victim.cookie_jar.update_cookies({"jindu_session": planted}, URL(server.url))
        await sign_in(victim, "alice")
        assert cookie_of(victim, server) != planted
        assert (await answer(victim.get("/api/v1/me"), 200))["name"] == "alice"
        await answer(attacker.get("/api/v1/me"), 401)


async def test_a_cookie_of_before_the_sign_out_opens_nothing(server: Server, alice: object) -> None:
    async with browser(server) as client:
        await sign_in(client, "alice")
        stolen = cookie_of(client, server)
        async with client.post("/logout", allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (303, "/login")
        await answer(client.get("/api/v1/me"), 401)
    async with aiohttp.ClientSession(server.url) as thief:
        await answer(thief.get("/api/v1/me", headers={"Cookie": f"jindu_session={stolen}"}), 401)


async def test_a_tampered_cookie_is_just_not_signed_in(server: Server, alice: object) -> None:
    async with browser(server) as client:
        await sign_in(client, "alice")
        good = cookie_of(client, server)
    middle = len(good) // 2
    tampered = [
        good[:middle] + ("A" if good[middle] != "A" else "B") + good[middle + 1 :],
        good[:-10],
        "",
        "x" * 4000,
        "gAAAAA" + "=" * 50,
        "\xff\xfe",
        "%00",
    ]
    async with aiohttp.ClientSession(server.url) as client:
        for cookie in tampered:
            await answer(client.get("/api/v1/me", headers={"Cookie": f"jindu_session={cookie}"}), 401)
        await answer(client.get("/api/v1/me", headers={"Cookie": f"jindu_session={good}"}), 200)


async def test_a_request_that_says_it_is_same_origin_passes(server: Server, alice: object) -> None:
    async with browser(server) as client:
        await sign_in(client, "alice")
        headers = {"Origin": "", "Sec-Fetch-Site": "same-origin"}
        await answer(client.post("/api/v1/tokens", json={"name": "x"}, headers=headers), 201)


async def test_a_wrong_password_keeps_the_name_and_says_so(server: Server, alice: object) -> None:
    async with browser(server) as client:
        form = {"username": "<b>alice", "password": "wrong-password", "next": "/account"}
        async with client.post("/login", data=form, headers=HTML) as response:
            page = await response.text()
            assert response.status == 401
    assert "The user name or the password is wrong." in page
    assert 'value="&lt;b&gt;alice"' in page
    assert 'value="/account"' in page
    assert "wrong-password" not in page


async def test_too_many_attempts_are_told_on_the_page(server: Server, alice: object) -> None:
    async with browser(server) as client:
        for _ in range(10):
            async with client.post("/login", data={"username": "alice", "password": "x"}, headers=HTML) as response:
                assert response.status == 401
        async with client.post("/login", data={"username": "alice", "password": "x"}, headers=HTML) as response:
            assert response.status == 429
            assert int(response.headers["Retry-After"]) > 0
            assert "Try again in 5 minutes" in await response.text()


HOSTILE_FORMS = [
    (b"x" * 100_000, "application/x-www-form-urlencoded", 413),
    (b"\xff\xfe=1", "application/x-www-form-urlencoded", 400),
    (b"&".join(b"a%d=1" % number for number in range(1000)), "application/x-www-form-urlencoded", 400),
    (b"username=%00%ED%A0%80&password=x", "application/x-www-form-urlencoded", 422),
    (b"username=%ED%A0%80&password=x", "application/x-www-form-urlencoded", 422),
    (b"username=x", "application/x-www-form-urlencoded; charset=nonsense", 415),
    (b"{}", "application/json", 415),
    (b"--x\r\n", "multipart/form-data; boundary=x", 415),
]


async def test_a_hostile_form_is_refused_clearly(server: Server) -> None:
    async with browser(server) as client:
        for body, content_type, status in HOSTILE_FORMS:
            headers = HTML | {"Content-Type": content_type}
            for path in ("/login", "/language"):
                async with client.post(path, data=body, headers=headers, allow_redirects=False) as response:
                    # Whatever it says: it says so on a page, and the server has not failed.
                    assert response.status == status if path == "/login" else response.status < 500, body[:40]
                    assert response.content_type == "text/html" or response.status == 303
        for came_from, back in ((f"{server.url}/account?of=1", "/account?of=1"), ("https://elsewhere.example/x", "/")):
            headers = HTML | {"Content-Type": "application/json", "Referer": came_from}
            async with client.post("/login", data=b"{}", headers=headers) as response:
                assert f'href="{back}" data-back' in await response.text()


async def test_devices_and_tokens_on_the_account_page_are_ones_own(server: Server, alice: object, bob: object) -> None:
    async with browser(server) as hers, browser(server) as his:
        await sign_in(hers, "alice")
        await sign_in(his, "bob")
        form = {"name": "nightly of alice", "scope_read": "1", "days": "30"}
        async with hers.post("/account/tokens", data=form, headers=HTML) as response:
            page = await response.text()
        (secret,) = re.findall(r"jindu_[\w-]{43}", page)
        async with his.get("/account", headers=HTML) as response:
            assert "nightly of alice" not in await response.text()
        found = await answer(hers.get("/api/v1/tokens"), 200)
        token_id = next(token["id"] for token in found["items"] if token["name"] == "nightly of alice")
        session_id = (await answer(hers.get("/api/v1/sessions"), 200))["items"][0]["id"]
        for path in (f"/account/tokens/{token_id}/delete", f"/account/sessions/{session_id}/end"):
            async with his.post(path, headers=HTML, allow_redirects=False) as response:
                assert response.status == 404
        async with hers.get("/account", headers=HTML) as response:
            assert secret not in await response.text()
        await answer(his.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"}), 200)


async def test_errors_stand_at_their_fields_and_values_stay(server: Server, alice: object) -> None:
    async with browser(server) as client:
        await sign_in(client, "alice")
        form = {"current_password": PASSWORDS["alice"], "new_password": "short", "new_password_again": "short"}
        async with client.post("/account/password", data=form, headers=HTML) as response:
            page = await response.text()
            assert response.status == 422
        assert re.search(r'id="new_password-error">.*Use at least 10 characters\.', page)
        form = {"new_password": "one-long-password", "new_password_again": "another-password"}
        async with client.post("/account/password", data=form, headers=HTML) as response:
            assert re.search(r'id="new_password_again-error">.*The two passwords differ\.', await response.text())
        async with client.post("/account/tokens", data={"name": "kept name"}, headers=HTML) as response:
            page = await response.text()
        assert 'value="kept name"' in page
        assert "Choose what the token may do." in page


async def test_the_language_and_time_zone_are_saved_by_the_form(server: Server, alice: object) -> None:
    async with browser(server) as client:
        await sign_in(client, "alice")
        form = {"language": "en", "time_zone": "Asia/Shanghai"}
        async with client.post("/account", data=form, headers=HTML) as response:
            assert "Saved." in await response.text()
        assert (await answer(client.get("/api/v1/me"), 200))["time_zone"] == "Asia/Shanghai"


@pytest.mark.parametrize(
    ("said", "shown"),
    [("Asia/Shanghai", "UTC+08:00"), ("Asia/Kolkata", "UTC+05:30"), ("../etc", "UTC"), ("", "UTC")],
)
async def test_times_stand_in_the_zone_of_the_browser_until_one_is_chosen(
    server: Server, alice: object, said: str, shown: str
) -> None:
    async with browser(server) as client:
        client.cookie_jar.update_cookies({"time_zone": said}, URL(server.url))
        await sign_in(client, "alice")
        async with client.get("/account", headers=HTML) as response:
            assert f'{shown}" data-relative' in await response.text()
        form = {"language": "en", "time_zone": "Africa/Lagos"}
        async with client.post("/account", data=form, headers=HTML) as response:
            assert 'UTC+01:00" data-relative' in await response.text()
        form = {"language": "en", "time_zone": ""}
        async with client.post("/account", data=form, headers=HTML) as response:
            assert f'{shown}" data-relative' in await response.text()
