"""Notifications by mail, from the account page to a real mail server and back by the links in them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from sqlalchemy import update
from yarl import URL

from server.clock import utc_now
from server.settings import Settings
from server.storage.tables import outbox
from tests.conftest import Server
from tests.functional.browsing import HTML, browser, sign_in
from tests.functional.test_accounts import answer
from tests.mail_server import MailServer
from tests.waiting import until

MINE = "/api/v1/me/mail"
ADDRESS = "alice@example.com"


@pytest.fixture
async def post() -> AsyncIterator[MailServer]:
    server = MailServer()
    async with server.listening() as server.port:
        yield server


@pytest.fixture
def settings(settings: Settings, post: MailServer) -> Settings:
    mail: dict[str, Any] = {"smtp_host": "localhost", "smtp_port": post.port, "smtp_security": "none"}
    return replace(settings, **mail, mail_from="Jindu <jindu@example.com>", public_url="http://reports.example.com")


def link_in(text: str, path: str) -> str:
    found = re.search(rf"http://reports\.example\.com({path}\?code=\S+)", text)
    assert found
    return found[1]


async def sent_now(server: Server) -> None:
    """Nobody waits for more to tell."""
    async with server.parts.storage.database.write() as connection:
        await connection.execute(update(outbox).values(next_at=utc_now() - timedelta(seconds=1)))
    await server.parts.alerts.posting.post()


async def test_somebody_chooses_mail_confirms_an_address_is_told_and_ends_it(
    server: Server, admin: aiohttp.ClientSession, alice: aiohttp.ClientSession, bob: aiohttp.ClientSession,
    post: MailServer,
) -> None:  # fmt: skip
    """By the pages; nothing of it is seen or done by anybody else."""
    async with browser(server) as client, browser(server) as stranger:
        await sign_in(client, "alice")
        async with client.get("/account", headers=HTML) as response:
            page = await response.text()
        assert page.count('name="mail_') == 7
        assert page.count('name="bell_') == 3
        form = {"bell_finished": "1", "mail_announced": "1", "mail_failed": "1"}
        async with client.post("/account/notifications", data=form, headers=HTML) as response:
            assert "Nothing is sent by e-mail yet." in await response.text()
        async with client.post("/account/mail", data={"address": "nonsense"}, headers=HTML) as response:
            assert response.status == 422
            assert "somebody@example.com" in await response.text()
        async with client.post("/account/mail", data={"address": ADDRESS}, headers=HTML) as response:
            assert "not confirmed yet" in await response.text()

        await until(lambda: len(post.taken) == 1)
        link = link_in(post.taken[0].get_body(("plain",)).get_content(), "/mail/confirm")
        async with stranger.get(URL(link, encoded=True), headers=HTML) as response:
            assert (response.status, response.headers["Referrer-Policy"]) == (200, "no-referrer")
        assert (await answer(alice.get(MINE), 200))["confirmed_at"] is None
        async with stranger.post(URL(link, encoded=True), headers=HTML) as response:
            assert "is confirmed" in await response.text()
        mine = await answer(alice.get(MINE), 200)
        assert mine["confirmed_at"]
        assert [kind for kind, is_on in mine["kinds"].items() if is_on] == ["failed", "announced"]
        assert (await answer(alice.get("/api/v1/me"), 200))["notifications"]["failed"] is False
        assert (await answer(bob.get(MINE), 200))["address"] is None

        for title in ("Back soon", "Back again"):
            await answer(admin.post("/api/v1/admin/broadcast", json={"title": title}), 201)
        await sent_now(server)
        assert [mail["To"] for mail in post.taken] == [ADDRESS, ADDRESS]  # both in one
        mail = post.taken[1]
        assert "Back again" in mail.get_body(("plain",)).get_content()
        assert "Back again" in mail.get_body(("html",)).get_content()
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        stop = link_in(mail["List-Unsubscribe"].strip("<>").replace(" ", "") + " ", "/mail/stop").rstrip(">")

        async with stranger.get(URL(stop, encoded=True), headers=HTML) as response:
            assert "an administrator announces something" in await response.text()
        assert (await answer(alice.get(MINE), 200))["kinds"]["announced"]  # a scanner looked
        one_click = {"List-Unsubscribe": "One-Click"}
        async with stranger.post(
            URL(stop, encoded=True), data=one_click, headers={"Accept-Language": "zh"}
        ) as response:
            assert "不会再有此类邮件" in await response.text()
        mine = await answer(alice.get(MINE), 200)
        assert [kind for kind, is_on in mine["kinds"].items() if is_on] == ["failed"]
        async with stranger.post("/mail/stop?code=nonsense", headers=HTML) as response:
            assert response.status == 404


async def test_programs_choose_for_their_own_account_alone(
    server: Server, alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    choice = {"address": ADDRESS, "kinds": {"scheduled": True}}
    changed = await answer(alice.patch(MINE, json=choice), 200)
    assert (changed["address"], changed["confirmed_at"], changed["is_set_up"]) == (ADDRESS, None, True)
    assert changed["kinds"]["scheduled"] is True
    assert changed == await answer(alice.post(f"{MINE}/confirmation"), 200)
    assert (await answer(alice.patch(MINE, json={"kinds": {"scheduled": False}}), 200))["address"] == ADDRESS
    his = await answer(bob.get(MINE), 200)
    assert (his["address"], any(his["kinds"].values())) == (None, False)
    await answer(bob.post(f"{MINE}/confirmation"), 422)
    for wrong in ({"address": "x y"}, {"kinds": {"sms": True}}, {"other": 1}):
        await answer(alice.patch(MINE, json=wrong), 422)
    assert (await answer(alice.patch(MINE, json={"address": None}), 200))["address"] is None
    async with aiohttp.ClientSession(server.url) as nobody:
        await answer(nobody.get(MINE), 401)
