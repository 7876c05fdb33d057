"""The page of a brand in a real browser: its picture follows what is typed, a logo is sent as soon as it is chosen."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import PageOf
from tests.browser.test_accessibility import complaints
from tests.functional.test_brands import picture

pytestmark = pytest.mark.browser


async def test_the_picture_follows_what_is_typed_and_chosen(page_of: PageOf, alice: object) -> None:
    page: Page = await page_of("alice")
    await page.goto("/account/brand")
    shown = page.locator("#brand-picture")
    await page.get_by_label("Head of each page").fill("Müller & Söhne")
    await expect(shown.locator("text", has_text="Müller & Söhne")).to_have_count(2)
    await page.locator("#accent").fill("#ffb400")
    await expect(page.locator("[data-color]")).to_have_value("#ffb400")
    await expect(shown).to_contain_text("too light for letters")
    await page.locator("[data-logo]").set_input_files(
        {"name": "l.svg", "mimeType": "image/svg+xml", "buffer": b"<svg/>"}
    )
    await expect(page.locator("[data-logo-error]")).to_have_text("Choose a PNG or JPEG file.")
    await page.locator("[data-logo]").set_input_files({"name": "l.png", "mimeType": "image/png", "buffer": picture()})
    await expect(shown.locator("image")).to_have_count(2)
    await expect(page.get_by_alt_text("The logo")).to_have_js_property("naturalWidth", 60)
    assert await complaints(page) == []
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Reports that are ordered from now on look like this.")).to_be_visible()
    await expect(page.get_by_label("Head of each page")).to_have_value("Müller & Söhne")
    await page.get_by_role("button", name="Remove the brand").click()
    await page.locator("#confirm-dialog [value=yes]").click()
    await expect(page.get_by_text("The brand was removed.")).to_be_visible()
    await expect(shown.locator("image")).to_have_count(0)
