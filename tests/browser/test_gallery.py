"""The gallery on the page of templates: from its picture to a report of one's own, whose first page is then shown."""

from __future__ import annotations

import aiohttp
import pytest
from playwright.async_api import expect

from tests.browser.axe import violations
from tests.browser.conftest import PageOf

pytestmark = pytest.mark.browser
_MILLISECONDS = 30_000


async def test_a_template_of_the_gallery_becomes_a_report_and_shows_its_first_page(
    alice: aiohttp.ClientSession, page_of: PageOf
) -> None:
    page = await page_of("alice", at="/templates", viewport={"width": 390, "height": 844}, color_scheme="dark")
    picture = page.get_by_alt_text("First page of “Data quality”")
    await picture.scroll_into_view_if_needed()
    await expect(picture).to_have_js_property("naturalWidth", 480, timeout=_MILLISECONDS)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    assert await violations(page) == []
    await page.get_by_role("button", name="Use it “Data quality”").press("Enter")
    await page.wait_for_url("**/batches/new?template=data-quality")
    await page.get_by_role("button", name="Generate").click()
    await expect(page.locator("[data-state=succeeded]").first).to_be_visible(timeout=_MILLISECONDS)
    await page.goto("/templates")
    await expect(page.get_by_text("Start from the gallery")).to_be_visible()
    await expect(
        page.get_by_role("button", name="Use it “Data quality”")
    ).to_be_hidden()  # folded: there is something now
    await expect(page.get_by_alt_text("First page of its newest report")).to_have_js_property(
        "naturalWidth", 480, timeout=_MILLISECONDS
    )
