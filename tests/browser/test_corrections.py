"""The grid of rejected rows in a browser: what is typed is counted, judged, and shown again where it does not fit."""

from __future__ import annotations

import aiohttp
import pytest
from playwright.async_api import expect

from tests.browser.conftest import PageOf
from tests.functional.importing import import_text

pytestmark = pytest.mark.browser

ORDERS = "id,amount\n1,10\n2,x\n3,y\n4,z\n"
COLUMNS = [{"name": "id", "type": "integer"}, {"name": "amount", "type": "integer"}]


async def test_rows_are_corrected_with_the_keyboard_and_what_comes_of_it_comes_by_itself(
    alice: aiohttp.ClientSession, page_of: PageOf
) -> None:
    state = await import_text(alice, ORDERS, options={"columns": COLUMNS})
    page = await page_of("alice", at=f"/imports/{state['job_id']}", viewport={"width": 390, "height": 844})
    await page.get_by_role("link", name="Correct them here").click()
    wrong = page.locator("[aria-invalid]")
    await expect(wrong).to_have_count(3)
    await (
        page.get_by_text("amount", exact=True).locator("visible=true").nth(1).click()
    )  # of the reason: leads to its cell
    await expect(wrong.first).to_be_focused()
    await page.keyboard.press("Control+a")
    await page.keyboard.type("20")
    await expect(page.locator("[data-changed]")).to_have_text("1 row changed")
    await page.keyboard.press("Enter")
    await expect(wrong.nth(1)).to_be_focused()
    await wrong.nth(1).fill("thirty")
    await expect(page.locator("[data-changed]")).to_have_text("2 rows changed")
    await wrong.nth(1).press("Control+Enter")
    await expect(page.get_by_text("Version 2: 1 corrected row added to version 1")).to_be_visible()
    await expect(wrong).to_have_count(2)
    await expect(wrong.first).to_have_value("thirty")
    await expect(page.get_by_text("“thirty” is not a number.")).to_be_visible()
