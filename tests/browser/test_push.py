"""Notifications in the browser, turned on where people do it and shown by a real service worker."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest
from playwright.async_api import Page, expect

from server.settings import Settings
from tests.browser.conftest import PageOf, loop_fixture
from tests.conftest import Server
from tests.push_double import PushDouble
from tests.waiting import until

pytestmark = pytest.mark.browser
# Chromium has no push service here: it gets its subscription from the double, and what the double was sent is handed to
# the worker as the browser would hand it over. Without windows it shows no notifications and says that they are denied:
# what the worker asks it to show is written down instead.
SUBSCRIBING = """(given) => {
  Object.defineProperty(Notification, "permission", {get: () => "granted"});
  PushManager.prototype.subscribe = async () => ({toJSON: () => given});
  PushManager.prototype.getSubscription = async () => null;
}"""
SHOWING = """() => {
  self.shown = [];
  self.registration.showNotification = async (title, options) => self.shown.push({title, ...options});
}"""


@loop_fixture
async def double() -> AsyncIterator[PushDouble]:
    async with PushDouble().listening() as found:
        yield found


@pytest.fixture
def settings(settings: Settings, double: PushDouble) -> Settings:
    return replace(settings, push_hosts=(double.host,), push_contact="mailto:ops@example.com")


async def delivered(page: Page, server: Server, content: dict[str, str]) -> None:
    """As from the push service of the browser."""
    session = await page.context.new_cdp_session(page)
    found: list[str] = []

    def told(event: dict[str, list[dict[str, str]]]) -> None:
        found.extend(each["registrationId"] for each in event["registrations"])

    session.on("ServiceWorker.workerRegistrationUpdated", told)
    await session.send("ServiceWorker.enable")
    await until(lambda: found)
    message = {"origin": server.url, "registrationId": found[-1], "data": json.dumps(content)}
    await session.send("ServiceWorker.deliverPushMessage", message)


async def test_a_browser_is_turned_on_told_while_nobody_looks_and_turned_off(
    server: Server, page_of: PageOf, admin: aiohttp.ClientSession, alice: object, double: PushDouble
) -> None:
    page = await page_of("alice")
    await page.context.grant_permissions(["notifications"])
    await page.add_init_script(f"({SUBSCRIBING})({json.dumps(double.subscription('chromium'))})")
    await page.goto("/account")
    await page.get_by_role("button", name="Turn on in this browser").click()
    await expect(page.get_by_role("button", name="Turn off in this browser")).to_be_visible()
    row = page.get_by_role("row", name="an administrator announces something")
    await expect(row.get_by_label("This browser")).to_be_checked()
    await page.get_by_label("This browser: somebody shares something with me").check()
    async with page.expect_navigation():
        await page.locator("#told").get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_label("This browser: somebody shares something with me")).to_be_checked()

    async def announced(title: str) -> int:
        async with admin.post("/api/v1/admin/broadcast", json={"title": title}) as response:
            assert response.status == 201
        await server.parts.alerts.posting.post()
        return len(double.taken)

    manager = server.parts.realtime.manager
    await until(lambda: any(each.is_looking for each in manager.presence()))
    assert await announced("Before their eyes") == 0
    await page.evaluate("""() => {
      Object.defineProperty(document, "hidden", {value: true, configurable: true});
      document.dispatchEvent(new Event("visibilitychange"));
    }""")
    await until(lambda: not any(each.is_looking for each in manager.presence()))
    assert await announced("Back soon") == 1
    (content,) = await double.read()
    (worker,) = page.context.service_workers
    await worker.evaluate(SHOWING)
    await delivered(page, server, content)
    await until(lambda: worker.evaluate("self.shown.length"))
    (shown,) = await worker.evaluate("self.shown")
    assert (shown["title"], shown["data"]) == ("Back soon", "/notifications")

    await page.get_by_role("button", name="Turn off in this browser").click()
    await expect(page.get_by_role("button", name="Turn on in this browser")).to_be_visible()
    assert await announced("Nobody hears") == 1
