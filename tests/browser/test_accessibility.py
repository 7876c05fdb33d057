"""axe finds nothing on any page: contrast, names, roles, landmarks; by day and by night, in both languages."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.browser.conftest import PageOf
from tests.browser.test_shell import demonstrate
from tests.conftest import PASSWORDS

pytestmark = pytest.mark.browser

PAGES = (
    "/",
    "/datasets",
    "/templates",
    "/batches",
    "/jobs",
    "/account",
    "/account/sign-in",
    "/admin",
    "/admin/alerts",
    "/admin/users",
    "/admin/storage",
    "/admin/brand",
    "/admin/audit",
    "/admin/settings",
    "/websocket-test",
)


async def complaints(page: Page) -> list[str]:
    """What axe finds, one line each: rule, where, why."""
    # Transitions would be judged in the middle of a change of colours.
    await page.emulate_media(reduced_motion="reduce")
    found = await Axe().run(page)
    return [
        f"{page.url} {violation['id']}: {node['target']} {node.get('failureSummary', '')}"
        for violation in found.response["violations"]
        for node in violation["nodes"]
    ]


async def of_ways_in(page: Page) -> list[str]:
    """Pages of what is shown once, or to one person alone: an invitation, an app, recovery codes, a user."""
    await page.goto("/admin/users")
    await page.locator("form[action='/admin/invitations'] button").click()
    link = await page.locator("#new-link").text_content() or ""
    found = await complaints(page)
    await page.goto("/invitation?" + link.partition("?")[2])
    found += await complaints(page)
    await page.goto("/admin/users")
    await page.locator("td a").first.click()
    await page.locator("form[action$='/reset-link'] button").click()
    await expect(page.locator("#new-link")).to_be_visible()
    found += await complaints(page)
    await page.goto("/account/sign-in")
    await page.fill("#begin-password", PASSWORDS["admin"])
    await page.keyboard.press("Enter")
    await expect(page.locator(".qr-code")).to_be_visible()
    return found + await complaints(page)


@pytest.mark.parametrize(("scheme", "locale"), [("light", "en-US"), ("dark", "zh-CN")])
async def test_axe_finds_nothing(page_of: PageOf, admin: object, scheme: str, locale: str) -> None:
    stranger = await page_of(None, color_scheme=scheme, locale=locale)
    await stranger.goto("/login")
    found = await complaints(stranger)
    page = await page_of("admin", color_scheme=scheme, locale=locale)
    found += await of_ways_in(page)
    failed = await demonstrate(page, seconds=0.2, total=100, fail_at=30)
    running = await demonstrate(page, seconds=300)
    for path in (*PAGES, f"/jobs/{failed}", f"/jobs/{running}"):
        await page.goto(path)
        found += await complaints(page)
    await page.click(".user-button")
    found += await complaints(page)
    await page.keyboard.press("Escape")
    await page.click(".job-hero__actions button")
    found += await complaints(page)
    assert found == []
