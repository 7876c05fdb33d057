"""A report is shared by a link in Chromium: made and copied with the keyboard, opened with its password, revoked."""

from __future__ import annotations

import aiohttp
import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import PageOf
from tests.functional.batches import RIGHT, made, put_template, reports_of
from tests.functional.importing import import_text

pytestmark = pytest.mark.browser
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
REFUSED = "Failed to load resource: the server responded with a status of "


async def test_a_link_is_made_copied_opened_and_revoked(
    alice: aiohttp.ClientSession, page_of: PageOf, tolerated: set[str]
) -> None:
    tolerated |= {f"{REFUSED}403 (Forbidden)", f"{REFUSED}404 (Not Found)"}
    await import_text(alice, "region,amount,paid\nNorth,120,yes\nSouth,80,yes\n")
    await put_template(alice, source=RIGHT)
    batch = await made(alice, name="October")
    report = (await reports_of(alice, batch["id"]))[0]
    page = await page_of("alice")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.goto(f"/reports/{report['id']}")
    address = await make_by_keyboard(page)
    stranger = await page_of(None, user_agent=FIREFOX, timezone_id="Asia/Shanghai", locale="zh-CN")
    await open_with_password(stranger, address)
    await page.reload()
    panel = page.locator("#share-links")
    await expect(panel).to_contain_text("opened once")
    await panel.get_by_role("button", name="Revoke").click()
    await page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    await expect(panel.get_by_role("listitem")).to_have_count(0)
    await expect(panel).to_be_visible()
    await stranger.reload()
    await expect(stranger.get_by_role("heading", level=1)).to_have_text("未找到")


async def make_by_keyboard(page: Page) -> str:
    """What stands on the clipboard afterwards."""
    await page.get_by_role("link", name="Share by link").focus()
    await page.keyboard.press("Enter")
    until, password = page.get_by_label("Until the end of"), page.get_by_label("Password, if you like")
    await expect(until).to_be_focused()
    await password.focus()
    await page.keyboard.type("monsoon")
    await expect(password).to_have_attribute("type", "password")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(password).to_have_attribute("type", "text")
    await expect(password).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("The link is ready.")).to_be_visible()
    await expect(page.locator("#share-links").get_by_role("button", name="Copy link")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied: str = await page.evaluate("navigator.clipboard.readText()")
    assert copied == await page.locator(".share-link__address a").text_content()
    return copied


async def open_with_password(stranger: Page, address: str) -> None:
    await stranger.goto(address)
    password = stranger.get_by_label("密码", exact=True)
    await expect(password).to_be_focused()
    await password.fill("typhoon")
    await stranger.keyboard.press("Enter")
    await expect(stranger.get_by_text("密码错误。")).to_be_visible()
    await password.fill("monsoon")
    await stranger.keyboard.press("Enter")
    await expect(stranger.get_by_role("heading", level=1)).to_have_text("North sales")
    await expect(stranger.locator("#about")).to_contain_text("由 alice 分享")
    await expect(stranger.locator("#about")).to_contain_text("UTC+08:00")  # where this browser is
    await expect(stranger.frame_locator(".shared__frame").get_by_text("Revenue 120")).to_be_visible()
    async with stranger.expect_download() as download:
        await stranger.get_by_role("link", name="Excel").click()
    assert (await download.value).suggested_filename.endswith(".xlsx")
