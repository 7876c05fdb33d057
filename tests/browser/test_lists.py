"""The list of reports: filtered at once, by keyboard and on a phone, in both languages; back leads back; views."""

from __future__ import annotations

import re

import aiohttp
import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import PageOf
from tests.functional.batches import made, put_template
from tests.functional.test_lists import MONTHLY, one

pytestmark = pytest.mark.browser


async def test_filters_apply_at_once_lead_back_and_are_saved(page_of: PageOf, alice: aiohttp.ClientSession) -> None:
    await put_template(alice, "monthly", MONTHLY)
    for month in ("2026-10", "2026-11"):
        sets = [one(place, month) for place in ("Europe", "Asia")]
        await made(alice, "monthly", parameters=sets, name=f"Sales {month}")
    page = await page_of("alice")
    await page.goto("/batches")
    rows = page.locator(".batch-row")
    await expect(rows).to_have_count(2)
    await by_keyboard(page)
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("1 report of 2 matches: Sales of Europe")
    await expect(page).to_have_url(re.compile(r"value=place%3DEurope&value=month%3D2026-10"))
    await page.go_back()
    await expect(rows).to_have_count(2)
    await page.go_forward()
    await expect(rows).to_have_count(1)
    await page.reload()  # the address is the truth
    await expect(rows).to_have_count(1)

    await page.get_by_text("Save as a view").click()
    await page.get_by_label("Name of the view").fill("Europe in October")
    await page.locator(".saved-views__fields button").click()
    view = page.locator(".saved-views .chip[aria-current]")
    await expect(view).to_have_text("Europe in October")
    await page.locator(".filter-chip", has_text="month").click()
    await expect(rows).to_have_count(2)
    await expect(view).to_contain_text("changed")
    await page.get_by_role("link", name="As saved").click()
    await expect(rows).to_have_count(1)

    await page.get_by_label("Search", exact=True).fill("nowhere at all")
    await expect(page.locator("#content")).to_contain_text("Nothing matches")
    await expect(page.get_by_label("Search", exact=True)).to_be_focused()  # goes on being typed in
    await on_a_phone_in_chinese(page)


async def by_keyboard(page: Page) -> None:
    """A value that was looked for, then another; the focus stays where it is."""
    await page.locator(".value-picker > summary").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.type("euro")
    chips = page.locator(".offered-values .chip")
    await expect(chips).to_have_count(1)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator(".filter-chip")).to_contain_text(["Europe"])
    await page.locator(".offered-values .chip", has_text="October 2026").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".filter-chip")).to_contain_text(["Europe", "October 2026"])


async def on_a_phone_in_chinese(page: Page) -> None:
    await page.set_viewport_size({"width": 390, "height": 800})
    await page.request.patch("/api/v1/me", data={"language": "zh-CN"})
    await page.goto("/batches?by=report&value=place%3DAsia&value=month%3D2026-10")
    await expect(page.locator(".listed-report")).to_have_count(1)
    await expect(page.locator(".filter-chips")).to_contain_text("2026年10月")
    await expect(page.locator(".listed-report .moment__exact")).to_be_visible()  # a phone has no tooltip
    created = page.get_by_label("创建时间")
    await created.focus()
    await created.select_option("last-month")
    await expect(page.locator("#content")).to_contain_text("没有符合条件的报表")
    await expect(created).to_be_focused()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
