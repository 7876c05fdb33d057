"""Devices and connections that come and go while one looks, being signed out elsewhere, and the bell in every tab."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from server.jobs.outcomes import Notice
from tests.browser.conftest import PageOf
from tests.conftest import Server

pytestmark = pytest.mark.browser
SECONDS = 20_000


async def connected(page: Page) -> None:
    await expect(page.locator("#connection-state")).to_have_attribute("data-state", "connected", timeout=SECONDS)


async def user_id_of(page: Page) -> str:
    return str((await (await page.request.get("/api/v1/me")).json())["id"])


async def notify(server: Server, page: Page, title: str) -> None:
    notice = Notice(title=title, level="success", url="/jobs")
    await server.parts.live.notices.notify_who_asked(await user_id_of(page), notice)


async def test_a_device_comes_and_goes_without_a_reload(page_of: PageOf, alice: object, bob: object) -> None:
    laptop = await page_of("alice", at="/account")
    await connected(laptop)
    await expect(laptop.locator(".device")).to_have_count(1)
    phone = await page_of("alice", user_agent="Mozilla/5.0 (iPhone) Version/18.0 Safari/604.1")
    await connected(phone)
    await page_of("bob")
    device = laptop.locator(".device", has_text="Safari · iPhone")
    await expect(device).to_contain_text("connected from 127.0.0.1", timeout=SECONDS)
    await phone.goto("about:blank")
    await expect(device).to_contain_text("not connected", timeout=SECONDS)
    await expect(laptop.locator(".device")).to_have_count(2)  # and Bob's is none of hers


async def test_a_page_that_is_signed_out_elsewhere_says_so_and_leads_to_signing_in(
    page_of: PageOf, alice: object
) -> None:
    laptop = await page_of("alice")
    phone = await page_of(
        "alice", at="/jobs?state=running", user_agent="Mozilla/5.0 (iPhone) Version/18.0 Safari/604.1"
    )
    await connected(phone)
    await laptop.goto("/account")
    await laptop.locator(".device", has_text="iPhone").get_by_role("button", name="Sign out there").click()
    await laptop.locator("#confirm-dialog [value=yes]").click()
    dialog = phone.locator("#signed-out-dialog")
    await expect(dialog).to_be_visible(timeout=SECONDS)
    await expect(dialog).to_contain_text("You are signed out")
    await dialog.get_by_role("link", name="Sign in").click()
    await phone.wait_for_url("**/login?next=*")
    await phone.fill("[name=username]", "alice")
    await phone.fill("[name=password]", "correct-horse-alice")
    await phone.click("form [type=submit]")
    await phone.wait_for_url("**/jobs?state=running")
    await connected(laptop)


async def test_the_bell_shows_the_same_in_every_tab_and_reading_in_one_clears_it_in_others(
    server: Server, page_of: PageOf, alice: object, bob: object
) -> None:
    first = await page_of("alice")
    second = await first.context.new_page()
    await second.goto("/jobs")
    stranger = await page_of("bob")
    for page in (first, second, stranger):
        await connected(page)
    for title in ("One is ready", "Two is ready"):
        await notify(server, first, title)
    for page in (first, second):
        await expect(page.locator("#notifications .count")).to_have_text("2", timeout=SECONDS)
    button = first.locator("#notifications > button")
    await button.focus()
    await first.keyboard.press("Enter")
    await expect(first.locator("#notifications-panel")).to_contain_text("Two is ready")
    for page in (first, second):
        await expect(page.locator("#notifications .count")).to_be_hidden(timeout=SECONDS)
    await first.keyboard.press("ArrowUp")  # the last entry of the panel, by keyboard
    await expect(first.get_by_role("link", name="All notifications")).to_be_focused()
    await first.keyboard.press("Enter")
    await first.wait_for_url("**/notifications")
    await expect(first.locator("main")).to_contain_text("One is ready")
    await expect(stranger.locator("#notifications .count")).to_be_hidden()


async def test_what_was_missed_is_one_summary_and_no_storm(server: Server, page_of: PageOf, alice: object) -> None:
    page = await page_of("alice", at="/jobs")
    await connected(page)
    user_id = await user_id_of(page)
    await page.evaluate(
        "import([...document.scripts].find((s) => /app.js$/.test(s.src)).src).then(({ live }) => live.close())"
    )
    await expect(page.locator("#connection-state")).to_have_attribute("data-state", "closed")
    for number in range(5):
        await server.parts.live.notices.notify_who_asked(user_id, Notice(title=f"Report {number}", level="success"))
    await page.evaluate(
        "import([...document.scripts].find((s) => /app.js$/.test(s.src)).src).then(({ live }) => live.connect())"
    )
    await connected(page)
    toast = page.locator(".toast")
    await expect(toast).to_contain_text("While you were away: 5 notifications", timeout=SECONDS)
    await expect(toast).to_contain_text("Report 4 · Report 3 · Report 2 …")
    await expect(toast).to_have_count(1)
    await expect(page.locator("#notifications .count")).to_have_text("5", timeout=SECONDS)


async def test_an_administrator_sees_connections_live_and_closes_one_with_a_reason(
    page_of: PageOf, admin: object, alice: object
) -> None:
    chief = await page_of("admin", at="/admin/connections")
    await connected(chief)
    rows = chief.locator("tbody tr")
    await expect(rows).to_have_count(1, timeout=SECONDS)
    page = await page_of("alice", at="/jobs")
    await connected(page)
    row = rows.filter(has_text="alice")
    await expect(row).to_be_visible(timeout=SECONDS)
    await row.get_by_role("link").click()
    await chief.fill("#reason", "Maintenance of the network")
    await chief.get_by_role("button", name="Close the connection").click()
    await expect(chief.locator("main")).to_contain_text("The connection was closed.")
    await expect(page.locator(".toast")).to_contain_text("Maintenance of the network", timeout=SECONDS)
    await expect(page.locator("#connection-state")).to_have_attribute("data-state", "closed")
    await expect(chief.locator("tbody tr", has_text="alice")).to_have_count(0, timeout=SECONDS)


async def test_everybody_is_told_by_the_form(page_of: PageOf, admin: object, alice: object) -> None:
    chief = await page_of("admin")
    page = await page_of("alice")
    await connected(page)
    await chief.goto("/admin/connections")
    await chief.fill("#title", "Maintenance at ten")
    await chief.get_by_role("button", name="Send").click()
    await chief.locator("#confirm-dialog [value=yes]").click()
    await expect(chief.locator("main")).to_contain_text("Sent.")
    await expect(page.locator(".toast")).to_contain_text("Maintenance at ten", timeout=SECONDS)


@pytest.mark.parametrize("language", ["en", "zh-CN"])
async def test_the_pages_hold_on_a_small_phone(server: Server, page_of: PageOf, admin: object, language: str) -> None:
    page = await page_of("admin", viewport={"width": 360, "height": 740}, locale=language)
    await notify(server, page, "A title that is rather long, as those of imports with long file names often are")
    widths = {}
    for path in ("/admin/connections", "/account", "/notifications"):
        await page.goto(path)
        widths[path] = await page.evaluate("document.documentElement.scrollWidth")
    assert {path: width for path, width in widths.items() if width > 360} == {}
