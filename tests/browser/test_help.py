"""The help in a browser: found by keyboard from where somebody is, in both languages, on a phone and on paper."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import PageOf, connected

pytestmark = pytest.mark.browser
SHOWN = (
    "[...document.querySelectorAll('.help__article img')].filter((each) => each.offsetWidth).map((each) => each.src)"
)


async def widths(page: Page) -> tuple[int, int]:
    wide: int = await page.evaluate("document.documentElement.scrollWidth")
    screen: int = await page.evaluate("document.documentElement.clientWidth")
    return wide, screen


async def test_from_a_page_to_its_section_and_on_by_keyboard(
    page_of: PageOf, alice: object, tolerated: set[str]
) -> None:
    tolerated.add("Failed to load resource: the server responded with a status of 404 (Not Found)")
    page = await page_of("alice")
    await page.goto("/jobs")
    await connected(page)
    link = page.get_by_role("link", name="Help: Find jobs, and stop or repeat many")
    await link.focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/help/en/analysts#jobs")
    await expect(page.locator("#jobs")).to_be_in_viewport()
    assert await page.locator("a[aria-current=page]").all_inner_texts() == ["For analysts"]
    await page.locator("#help-q").focus()
    await page.keyboard.type("delimiter")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/help/en?q=delimiter")
    await expect(page.locator(".help__found mark").first).to_have_text(re.compile("delimiter", re.IGNORECASE))
    await page.locator(".help__found a").first.focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/help/en/*#*")
    # The same chapter in the other language, and back to a page where a problem is explained.
    await page.goto("/help/en/analysts")
    await page.get_by_role("link", name="简体中文").click()
    await expect(page.locator("h1")).to_have_text("分析人员")
    await page.goto("/datasets/nothing")
    await page.get_by_role("link", name="What this means: When a page says no").click()
    await expect(page.locator("#refused")).to_be_in_viewport()
    # From the reference of the API to the guide, and back.
    await page.goto("/docs")
    await page.get_by_role("link", name="Guide for script authors").click()
    await page.locator(".help__contents").get_by_role("link", name="Live events").click()
    await page.wait_for_url("**/docs/events")


async def test_on_a_phone_and_on_paper_by_night(page_of: PageOf) -> None:
    page = await page_of(None, color_scheme="dark", locale="zh-CN", viewport={"width": 390, "height": 844})
    await page.goto("/login")
    await page.get_by_role("link", name="帮助：登录").or_(page.get_by_role("link", name="帮助: 登录")).click()
    await expect(page.locator("#signing-in")).to_be_in_viewport()
    for path in ("/help/zh-CN/analysts", "/help/zh-CN/protocol", "/help?q=报表"):
        await page.goto(path)
        wide, screen = await widths(page)
        assert wide <= screen, path
    await page.goto("/help/zh-CN/analysts")
    assert all(source.endswith(".zh-CN.dark.webp") for source in await page.evaluate(SHOWN))
    await page.click("[data-theme-choice=light]")
    assert not [source for source in await page.evaluate(SHOWN) if "dark" in source]
    await page.get_by_role("link", name="目录").click()  # which stands below the text here
    await expect(page.locator("#help-contents")).to_be_in_viewport()
    await page.emulate_media(media="print")
    await expect(page.locator(".help__contents")).to_be_hidden()
    await expect(page.locator(".help__search")).to_be_hidden()
    await expect(page.locator("#refused")).to_be_visible()
