"""Notifications in the browser, shown by a real service worker, and what that keeps where the pages are installed."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from server.settings import Settings
from tests.browser.conftest import (
    FLAGS,
    NETWORK,
    SECONDS,
    Chromium,
    Complaints,
    PageOf,
    Visit,
    closed,
    heard,
    loop_fixture,
    sign_in,
)
from tests.browser.line import Line
from tests.conftest import Server
from tests.push_double import PushDouble
from tests.waiting import until

pytestmark = pytest.mark.browser
BASE = "/jindu"  # workers are for what lies beside and below them
# Chromium has no push service here: it gets its subscription from the double, and what the double was sent is handed to
# the worker as the browser would hand it over. The one with windows shows real notifications, also without a screen;
# `chromium-headless-shell` says that they are denied: there, what the worker asks it to show is written down instead.
WITH_WINDOWS = shutil.which("chromium")
SUBSCRIBING = """(given) => {
  Object.defineProperty(Notification, "permission", {get: () => "granted"});
  PushManager.prototype.subscribe = async () => ({toJSON: () => given});
  PushManager.prototype.getSubscription = async () => null;
}"""
WRITING_DOWN = """() => {
  const shown = [];
  self.registration.showNotification = async (title, options) => shown.push({title, ...options});
  self.registration.getNotifications = async () => shown;
  self.navigator.setAppBadge = async () => undefined;  // it has no icons either, and ends workers that ask for one
}"""
SHOWN = """async () => {
  const shown = await self.registration.getNotifications();
  return shown.map(({title, data, icon}) => ({title, data, icon}));
}"""
OPENED = """async (url) => {
  let opened = null;
  self.clients.openWindow = async (target) => (opened = target);
  await open(url);
  return opened;
}"""
INSTALLED = """() => {
  const asked = window.matchMedia;
  window.matchMedia = (query) => query.includes("standalone") ? {matches: true} : asked.call(window, query);
  navigator.setAppBadge = async (count) => { window.badge = count; };
}"""
GIVEN_UP = """(given) => {
  PushManager.prototype.subscribe = async () => ({toJSON: () => given});
  const changed = new ExtendableEvent("pushsubscriptionchange");
  const waitUntil = changed.waitUntil;
  changed.waitUntil = (work) => waitUntil.call(changed, work.then(() => (self.told = true)));
  self.dispatchEvent(changed);
}"""
LAST_KNOWN = f"() => localStorage.getItem('jindu-last{BASE}')"


@loop_fixture
async def browser(chromium: Chromium, request: pytest.FixtureRequest) -> AsyncIterator[Browser]:
    if WITH_WINDOWS is None:
        found = await chromium.running(failures=request.session.testsfailed)
        yield found
        for context in found.contexts:
            await closed(context)
    else:
        async with async_playwright() as playwright:
            found = await playwright.chromium.launch(executable_path=WITH_WINDOWS, args=FLAGS)
            yield found
            await found.close()


@loop_fixture
async def double() -> AsyncIterator[PushDouble]:
    async with PushDouble().listening() as found:
        yield found


@pytest.fixture
def settings(settings: Settings, double: PushDouble) -> Settings:
    return replace(settings, push_hosts=(double.host,), push_contact="mailto:ops@example.com", base_path=BASE)


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
    page = await page_of(None)
    await page.context.grant_permissions(["notifications"])
    await page.add_init_script(f"({SUBSCRIBING})({json.dumps(double.subscription('chromium'))})")
    await sign_in(page, "alice", at=f"{BASE}/account")
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
    if WITH_WINDOWS is None:
        await worker.evaluate(WRITING_DOWN)
    await delivered(page, server, content)
    (shown,) = await until(lambda: worker.evaluate(SHOWN))
    assert (shown["title"], shown["data"]) == ("Back soon", f"{BASE}/notifications")
    assert (await page.request.get(shown["icon"])).ok
    assert await worker.evaluate(OPENED, shown["data"]) == f"{server.url}{BASE}/notifications"
    for elsewhere in ("https://push.example.com/", "/other"):
        assert await worker.evaluate(OPENED, elsewhere) == f"{server.url}{BASE}/"

    await worker.evaluate(GIVEN_UP, double.subscription("renewed"))
    await until(lambda: worker.evaluate("self.told"))
    assert await announced("At another address") == 2
    assert double.taken[-1][0] == "/renewed"

    await page.get_by_role("button", name="Turn off in this browser").click()
    await expect(page.get_by_role("button", name="Turn on in this browser")).to_be_visible()
    assert await announced("Nobody hears") == 2
    assert await page.evaluate("navigator.serviceWorker.getRegistrations().then((found) => found.length)") == 0
    assert await page.evaluate(LAST_KNOWN) is None


async def test_where_it_is_installed_what_was_last_known_is_shown_while_the_server_is_away(
    line: Line, visit: Visit, complaints: Complaints, admin: aiohttp.ClientSession, alice: aiohttp.ClientSession
) -> None:
    complaints.allowed = NETWORK
    page = await visit(line.url, None)
    await page.add_init_script(f"({INSTALLED})()")
    await sign_in(page, "alice", at=f"{BASE}/jobs")
    await manifest_is_good(page)
    await heard(page, "() => navigator.serviceWorker.ready.then(() => navigator.serviceWorker.controller !== null)")
    async with alice.post("/api/v1/jobs", json={"title": "Nightly sums", "total": 4}) as response:
        assert response.status == 202, await response.text()
        job = await response.json()
    async with alice.patch(f"/api/v1/jobs/{job['job_id']}", json={"progress": 1}) as response:
        assert response.status == 200, await response.text()
    async with admin.post("/api/v1/admin/broadcast", json={"title": "Back soon"}) as response:
        assert response.status == 201
    await expect(page).to_have_title(re.compile(r"^\(1\) 25% · Jobs"))
    await heard(page, "() => window.badge === 1")
    await heard(page, f'() => /unread":1.*Nightly/.test(({LAST_KNOWN})())')

    line.cut()
    await page.reload()
    await expect(page.get_by_role("heading", name="No connection")).to_be_visible()
    await expect(page.locator("#last")).to_contain_text("Nightly sums · 25%")
    await expect(page.locator("#last")).to_contain_text("Unread notifications: 1")
    assert await page.locator("body").evaluate("(body) => getComputedStyle(body).display") == "grid"  # has its looks
    line.mend()
    await page.evaluate("() => dispatchEvent(new Event('online'))")
    await expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible(timeout=SECONDS)

    await page.get_by_role("button", name="alice").click()
    async with page.expect_navigation():
        await page.get_by_role("button", name="Sign out").click()
    assert await page.evaluate(LAST_KNOWN) is None
    assert await page.evaluate("window.badge") == 0


async def manifest_is_good(page: Page) -> None:
    """As Chromium reads it; and its icons are what it says."""
    session = await page.context.new_cdp_session(page)
    read = await session.send("Page.getAppManifest")
    assert (read["errors"], json.loads(read["data"])["start_url"]) == ([], f"{BASE}/")
    for icon in json.loads(read["data"])["icons"]:
        image = (
            "async (src) => { const image = new Image(); image.src = src; await image.decode(); return image.width; }"
        )
        assert await page.evaluate(image, icon["src"]) == int(icon["sizes"].split("x")[0])
