"""From a dataset to a report in two steps, by keyboard and on a telephone."""

from __future__ import annotations

import re

import aiohttp
import pytest
from playwright.async_api import expect

from tests.browser.axe import violations
from tests.browser.conftest import PageOf
from tests.functional.importing import import_text

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [1280, 390])
async def test_two_keys_lead_from_a_dataset_to_its_report(
    alice: aiohttp.ClientSession, page_of: PageOf, width: int
) -> None:
    await import_text(alice)
    page = await page_of("alice", viewport={"width": width, "height": 844})
    await page.goto("/datasets/orders")
    await page.get_by_role("link", name="Make a report").press("Enter")
    await expect(page.get_by_text("No problems found")).to_be_visible()
    report = page.frame_locator("[data-preview-frames] iframe")
    await expect(report.get_by_text("3 rows from 1 Jan 2026 to 3 Jan 2026.")).to_be_attached()
    await expect(page.get_by_text("not saved")).to_be_visible()
    name = page.get_by_label("Name", exact=True)
    await expect(name).to_have_value("orders")
    assert (await name.bounding_box() or {"width": 0})["width"] > 100
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert await violations(page, iframes=False) == []
    await page.get_by_role("button", name="Save and generate").press("Enter")
    await page.wait_for_url(re.compile(r"/batches/[0-9a-z]{26}$"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("Orders")


async def test_a_dataset_is_chosen_on_the_page_of_templates(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    await import_text(alice)
    page = await page_of("alice")
    await page.goto("/templates")
    await page.get_by_label("Start from a dataset").select_option("orders")
    await page.get_by_role("button", name="Make a report").click()
    await expect(page.get_by_text("A first report of “orders”")).to_be_visible()
    await expect(page.get_by_text("No problems found")).to_be_visible()  # the editor listens
    await page.keyboard.press("Control+s")
    await page.wait_for_url("**/templates/orders/edit")
