"""A mail that comes back: its sender over SMTP, the mailbox that is read over IMAP, and what people see of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from server.clock import utc_now
from server.deliveries.held_addresses import hold_address
from server.settings import Settings
from tests.bounces import bounced
from tests.conftest import Server
from tests.functional.command_line import as_user, run
from tests.functional.test_deliveries import ordered, prepared, sent
from tests.functional.test_schedules import answer
from tests.mail_server import MailServer
from tests.mailbox_server import MailboxServer

Client = aiohttp.ClientSession
API = "/api/v1/held-addresses"


@pytest.fixture
async def mails() -> AsyncIterator[MailServer]:
    mails = MailServer()
    async with mails.listening() as port:
        mails.port = port
        yield mails


@pytest.fixture
async def mailbox() -> AsyncIterator[tuple[MailboxServer, int]]:
    mailbox = MailboxServer()
    async with mailbox.listening() as port:
        yield mailbox, port


@pytest.fixture
def settings(settings: Settings, mails: MailServer, mailbox: tuple[MailboxServer, int]) -> Settings:
    return replace(
        settings,
        smtp_host="127.0.0.1",
        smtp_port=mails.port,
        smtp_security="none",
        mail_from="Jindu <jindu@example.com>",
        bounces_to="bounces@example.com",
        bounces_imap_url=f"imap://bounces%40example.com@127.0.0.1:{mailbox[1]}/INBOX",
        bounces_password="right",
    )


async def test_it_is_shown_held_back_and_let_go_by_whose_it_is(
    server: Server,
    mails: MailServer,
    mailbox: tuple[MailboxServer, int],
    alice: Client,
    bob: Client,
    admin: Client,
) -> None:
    await prepared(alice)
    wish = {"via": "mail", "to": ["mei@example.org"]}
    batch = await ordered(alice, wish, parameters=[{"region": "North"}])
    await sent(server, alice, batch)
    (sender,) = mails.senders
    assert sender.startswith("bounces+")
    assert sender not in mails.taken[0].as_string()
    came_back = mailbox[0]
    came_back.mails = {1: b"Subject: out of office\r\n\r\nBack on Monday.", 2: bounced("", to=sender)}
    bouncing = server.parts.operations.deliveries.bouncing
    assert bouncing is not None
    await bouncing.look()
    assert came_back.seen == {1, 2}
    (item,) = await sent(server, alice, batch)
    assert item["state"] == "bounced"
    assert "User unknown" in item["error"]
    page = await answer(alice, "GET", f"/batches/{batch['id']}")
    assert "Came back" in page
    assert "User unknown" in page
    batch = await ordered(alice, wish, parameters=[{"region": "North"}])
    (item,) = await sent(server, alice, batch)
    assert (item["state"], len(mails.taken)) == ("skipped", 1)
    assert "Held back" in item["error"]

    # Nobody but she and administrators see it, or let it go.
    (held,) = (await answer(alice, "GET", API))["items"]
    assert (held["address"], held["owner"]) == ("mei@example.org", "alice")
    assert (await answer(bob, "GET", API))["total"] == 0
    assert "mei@example.org" not in await answer(bob, "GET", "/schedules")
    await answer(bob, "GET", f"{API}?whose=all", 403)
    assert (await answer(admin, "GET", f"{API}?whose=all"))["total"] == 1
    await answer(bob, "DELETE", f"{API}/{held['id']}", 404)
    await answer(bob, "POST", f"/held-addresses/{held['id']}/delete", 404)
    assert "mei@example.org" in await answer(alice, "GET", "/schedules")
    await answer(alice, "POST", f"/held-addresses/{held['id']}/delete", 303)
    await answer(alice, "DELETE", f"{API}/{held['id']}", 404)
    await answer(alice, "POST", f"/api/v1/deliveries/{item['id']}/retry", 202)
    (item,) = await sent(server, alice, batch)
    assert (item["state"], len(mails.taken)) == ("sent", 2)
    assert len(set(mails.senders)) == 2
    lines = (await answer(admin, "GET", "/api/v1/admin/audit?limit=500"))["items"]
    assert "delivery.unhold" in {line["action"] for line in lines}


async def test_the_command_line_says_who_is_not_reached(server: Server, alice: Client, tmp_path: Path) -> None:
    await prepared(alice)
    me = (await answer(alice, "GET", "/api/v1/me"))["id"]
    async with server.parts.storage.database.write() as connection:
        for name in ("north", "mei"):
            address = f"{name}@example.com"
            await hold_address(connection, owner_id=me, address=address, said="550 no", batch_id="", now=utc_now())
    to = ("--deliver", "mei@example.com", "--deliver", "mail", "--format", "html", "--output", str(tmp_path / "out"))
    made = await run("report", "sales", *to, "--json", **as_user(server, alice))
    said = [f"Mail to {name}@example.com is held back: it came back for good (550 no)." for name in ("mei", "north")]
    assert json.loads(made.out)["warnings"] == said
    for each in said:
        assert f"jindu: warning: {each}\n" in made.error
    assert made.status == 0
