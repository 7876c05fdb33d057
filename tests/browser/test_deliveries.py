"""A schedule made on a template's page, its time, the mail in a real mail server, its file and its link, and what the
page of the reports shows of it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import expect

from server.app.schedules import build_schedules
from server.auth.access import ThingAccess
from server.auth.audit import Audit
from server.clock import utc_now
from server.settings import Settings
from tests.browser.conftest import PageOf, loop_fixture
from tests.conftest import Server
from tests.functional.batches import put_template
from tests.functional.certificates import Authority
from tests.functional.importing import import_text
from tests.functional.test_deliveries import ORDERS, SALES
from tests.mail_server import MailServer
from tests.ports import free_port
from tests.waiting import until

pytestmark = pytest.mark.browser


@loop_fixture
async def mails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MailServer]:
    """Behind TLS, with a certificate of an authority that this machine trusts."""
    authority = Authority(tmp_path)
    authority.issue()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    own.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    mails = MailServer()
    async with mails.listening(tls_context=own, require_starttls=True) as port:
        mails.port = port
        yield mails


@pytest.fixture
def archived(tmp_path: Path) -> Path:
    (tmp_path / "archived").mkdir()
    return tmp_path / "archived"


@pytest.fixture
def settings(settings: Settings, mails: MailServer, archived: Path) -> Settings:
    port = free_port()
    return replace(
        settings,
        port=port,
        public_url=f"http://127.0.0.1:{port}",
        smtp_host="127.0.0.1",
        smtp_port=mails.port,
        mail_from="Jindu <jindu@example.com>",
        delivery_folders=(f"archive={archived}",),
    )


async def test_from_a_template_to_a_mail_and_its_link(
    server: Server, alice: aiohttp.ClientSession, mails: MailServer, page_of: PageOf, tmp_path: Path, archived: Path
) -> None:
    await import_text(alice, ORDERS)
    await put_template(alice, "sales", SALES.replace("html, xlsx", "pdf, xlsx"))
    page = await page_of("alice")
    await page.goto("/templates/sales")
    panel = page.get_by_role("region", name="Schedule")
    await panel.get_by_label("How often").select_option("daily")
    await panel.get_by_label("At").fill("17:30")
    await panel.get_by_label("Mail them to").fill("mail")
    await panel.get_by_role("button", name="Plan it").click()
    await expect(page.get_by_text("E-mail to each whom “mail” names")).to_be_visible()
    await page.get_by_role("link", name="Edit").click()
    await page.get_by_text("What it says").click()
    await page.get_by_label("Subject").fill("{{ title }} for {{ recipient }}")
    # Several ways in one form: each keeps what was typed while others come and go; each shows what it needs.
    one_more = page.get_by_role("button", name="One more way")
    await one_more.click()
    second = page.get_by_role("group", name="Delivery 2")
    await second.get_by_label("By").select_option("webhook")
    await expect(second.get_by_text("Files", exact=True)).to_be_hidden()
    await second.get_by_label("To", exact=True).fill("https://hooks.example.com/x")
    await second.get_by_label("Secret of a webhook or chat").fill("known to both")
    await one_more.click()
    third = page.get_by_role("group", name="Delivery 3")
    await third.get_by_label("By").select_option("folder")
    await third.get_by_label("To", exact=True).fill("archive/{{ period }}")
    await expect(third.get_by_label("With the rights of")).to_be_hidden()
    await expect(second.get_by_label("Secret of a webhook or chat")).to_have_value("known to both")
    await page.get_by_role("button", name="Remove delivery 2").click()
    await expect(third).to_have_count(0)
    await expect(second.get_by_label("To", exact=True)).to_have_value("archive/{{ period }}")
    await page.get_by_role("button", name="Try it").click()
    preview = page.get_by_role("region", name="Who would get what")
    await expect(preview).to_contain_text("south@example.com")
    await expect(preview).to_contain_text("archive/{{ period }}")
    assert mails.taken == []
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    await expect(page.get_by_text("Folder: archive/{{ period }}")).to_be_visible()

    parts = server.parts
    database, tomorrow = parts.storage.database, utc_now() + timedelta(days=1)
    moved = build_schedules(
        storage=parts.storage,
        live=parts.live,
        rights=ThingAccess(database, audit=Audit(database)),
        kinds=parts.operations.schedules.kinds,
        deliveries=parts.operations.deliveries.checks,
        clock=lambda: tomorrow,
    )
    await moved.scheduler.look()
    await page.get_by_role("link", name="Open the reports").click()
    deliveries = page.get_by_role("region", name="Deliveries")
    await expect(deliveries.get_by_text("south@example.com")).to_be_visible()  # nobody loaded the page again
    await expect(deliveries.locator(".delivery-row").get_by_text("Sent", exact=True)).to_have_count(5)
    written = {path.stem.rpartition(" ")[0] for path in await asyncio.to_thread(lambda: list(archived.rglob("*.pdf")))}
    assert written == {"North 销售", "South 销售", "West 销售"}
    south = next(mail for mail in mails.taken if mail["To"] == "south@example.com")
    assert south["Subject"] == "South 销售 for south@example.com"
    files: dict[str, Any] = {part.get_filename() or "": part.get_content() for part in south.iter_attachments()}
    assert files["South 销售.pdf"].startswith(b"%PDF")
    assert "North" not in str(south.get_body(("html",)))

    # The same once more, by a link that needs no account; the mail as people see it.
    await deliveries.get_by_text("Deliver", exact=True).click()
    await deliveries.get_by_label("To", exact=True).fill("boss@example.com, second@example.com")
    await deliveries.get_by_text("What it says").click()
    await deliveries.get_by_label("Files").select_option("link")
    async with page.expect_navigation():  # else the page before may show the new rows as well, for a moment
        await deliveries.get_by_role("button", name="Send", exact=True).click()
    await expect(deliveries.locator(".delivery-row").get_by_text("Sent", exact=True)).to_have_count(7)
    boss = await until(lambda: next((mail for mail in mails.taken if mail["To"] == "boss@example.com"), None))
    body = boss.get_body(("html",))
    assert body is not None
    page_of_mail = tmp_path / "mail.html"
    await asyncio.to_thread(page_of_mail.write_text, body.get_content(), "utf-8")
    stranger = await page_of(None)
    await stranger.goto(page_of_mail.as_uri())
    await stranger.get_by_role("link", name="Open the reports").click()
    await expect(stranger.get_by_text("South 销售").first).to_be_visible()

    # One that does not arrive is seen, and sent again by hand.
    mails.answers = {"RCPT": "550 nobody of that name"}
    await deliveries.get_by_text("Deliver", exact=True).click()
    await deliveries.get_by_label("To", exact=True).fill("gone@example.com")
    async with page.expect_navigation():  # else the page before may show the new rows as well, for a moment
        await deliveries.get_by_role("button", name="Send", exact=True).click()
    first = deliveries.locator(".delivery-row").first
    await expect(first).to_contain_text("550 nobody of that name")
    mails.answers = {}
    await first.get_by_role("button", name="Send again").click()
    await expect(deliveries.locator(".delivery-row").get_by_text("Sent", exact=True)).to_have_count(8)

    # The link that ends such mail asks first.
    await stranger.goto(south["List-Unsubscribe"].strip("<>"))
    await expect(stranger.get_by_text("south@example.com would get no more mail")).to_be_visible()
    await stranger.get_by_role("button", name="No more").click()
    await expect(stranger.get_by_text("south@example.com gets no more mail")).to_be_visible()
    await page.goto("/schedules")
    await page.get_by_role("link", name="region 销售", exact=True).first.click()
    await page.get_by_role("button", name="They want it again").click()
    await expect(page.locator("#optouts")).to_have_count(0)
