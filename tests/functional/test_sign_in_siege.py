"""Somebody guesses passwords: they are stopped, whose name it is gets in nevertheless and is told of it."""

from __future__ import annotations

import asyncio
import dataclasses

import aiohttp
import argon2
import pytest

from server.settings import Settings
from tests.conftest import PASSWORDS, Server
from tests.functional.browsing import HTML, browser, sign_in
from tests.functional.live_client import live
from tests.functional.test_accounts import answer

ATTEMPTS = 3
Client = aiohttp.ClientSession


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(settings, login_attempts=ATTEMPTS)


async def status_of_sign_in(client: Client, name: str, password: str) -> int:
    form = {"username": name, "password": password}
    async with client.post("/login", data=form, headers=HTML, allow_redirects=False) as response:
        return response.status


async def status_of_token(client: Client, name: str, password: str) -> int:
    async with client.post("/api/v1/tokens", json={"username": name, "password": password}) as response:
        return response.status


async def guess(client: Client, name: str) -> None:
    """By both doors in turn, until it is stopped."""
    for number in range(ATTEMPTS):
        door = status_of_token if number % 2 else status_of_sign_in
        assert await door(client, name, "wrong-password") == 401
    for door in (status_of_sign_in, status_of_token):
        assert await door(client, name, PASSWORDS[name]) == 429


async def test_whoever_guesses_is_stopped_and_the_owner_is_not(server: Server, alice: Client, bob: Client) -> None:
    async with browser(server, address="127.0.0.2") as guesser, browser(server) as owner:
        await guess(guesser, "alice")
        assert await status_of_sign_in(owner, "alice", PASSWORDS["alice"]) == 303
        assert await status_of_token(owner, "alice", PASSWORDS["alice"]) == 201
        assert await status_of_sign_in(guesser, "bob", PASSWORDS["bob"]) == 303  # who sits beside the guesser


async def test_a_device_that_was_signed_in_before_gets_in_from_the_same_address(
    server: Server, alice: Client, bob: Client
) -> None:
    async with browser(server) as hers, browser(server) as his, browser(server) as guesser:
        await sign_in(hers, "alice")
        async with hers.post("/logout", headers=HTML, allow_redirects=False) as response:
            assert response.status == 303
        await sign_in(his, "bob")
        await guess(guesser, "alice")
        assert await status_of_sign_in(his, "alice", PASSWORDS["alice"]) == 429  # his device was never hers
        assert await status_of_sign_in(hers, "alice", PASSWORDS["alice"]) == 303
        for _ in range(ATTEMPTS):
            assert await status_of_sign_in(hers, "alice", "wrong-password") == 401
        assert await status_of_sign_in(hers, "alice", PASSWORDS["alice"]) == 429  # no way to guess on


async def test_whoever_is_signed_in_may_change_the_password_meanwhile(server: Server, alice: Client) -> None:
    async with browser(server) as guesser:
        await guess(guesser, "alice")
    wanted = {"current_password": PASSWORDS["alice"], "new_password": "a-longer-password-of-alice"}
    await answer(alice.post("/api/v1/me/password", json=wanted), 204)


async def test_the_owner_is_told_and_nobody_else(server: Server, alice: Client, bob: Client) -> None:
    async with live(alice) as hers, live(bob) as his, browser(server, address="127.0.0.2") as guesser:
        await hers.next("connection")
        await his.next("connection")
        await guess(guesser, "alice")
        notice = await hers.next("notification")
        assert (notice["level"], notice["url"]) == ("warning", "/account")
        assert "127.0.0.2" in notice["body"]
        await his.send(type="history")
        assert (await his.next("history"))["messages"] == []


async def test_the_cookie_of_a_device_opens_nothing_and_is_sent_to_no_other_page(server: Server, alice: Client) -> None:
    async with browser(server) as client:
        form = {"username": "alice", "password": PASSWORDS["alice"]}
        async with client.post("/login", data=form, headers=HTML, allow_redirects=False) as response:
            device = response.cookies["jindu_device"]
            assert (device["path"], device["httponly"], device["samesite"]) == ("/login", True, "Lax")
    async with aiohttp.ClientSession(server.url, cookies={"jindu_device": device.value}) as stranger:
        await answer(stranger.get("/api/v1/me"), 401)
    async with aiohttp.ClientSession(server.url, cookies={"jindu_session": device.value}) as stranger:
        await answer(stranger.get("/api/v1/me"), 401)


async def test_a_known_and_an_unknown_name_take_the_same_work(
    server: Server, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []
    verify = argon2.PasswordHasher.verify

    def counted(hasher: argon2.PasswordHasher, stored: str, password: bytes) -> bool:
        verified.append(stored.rpartition("$")[0].rpartition("$")[0])  # the parameters, without salt and digest
        return verify(hasher, stored, password)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counted)
    async with browser(server) as stranger:
        for name in ("alice", "nobody", "alicе", "bob"):
            assert await status_of_token(stranger, name, "wrong-password") == 401
            assert await status_of_sign_in(stranger, name, "wrong-password") == 401
    assert len(verified) == 8  # one each, by either door
    assert len(set(verified)) == 1  # and as expensive


async def test_many_at_once_do_not_slip_through_together(server: Server, alice: Client) -> None:
    async with aiohttp.ClientSession(server.url) as stranger:
        statuses = await asyncio.gather(*(status_of_token(stranger, "alice", "wrong-password") for _ in range(20)))
    assert statuses.count(401) == ATTEMPTS
    assert statuses.count(429) == 20 - ATTEMPTS


async def test_a_proxy_that_the_settings_do_not_know_is_told_of_once(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    async with aiohttp.ClientSession(server.url) as client:
        for _ in range(3):
            async with client.get("/login", headers={"X-Forwarded-For": "203.0.113.7"}) as response:
                assert response.status == 200
    assert [record.levelname for record in caplog.records if "trusted_proxies" in record.getMessage()] == ["WARNING"]
