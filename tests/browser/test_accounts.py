"""The account pages in a real browser, under the real policy."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import PageOf, sign_in

pytestmark = pytest.mark.browser


async def test_signing_in_by_keyboard_leads_to_the_page_that_was_wanted(page_of: PageOf, alice: object) -> None:
    page: Page = await page_of(None)
    await page.goto("/account")
    await expect(page.locator("#username")).to_be_focused()
    await page.keyboard.type("alice")
    await page.keyboard.press("Tab")
    await page.keyboard.type("correct-horse-alice")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/account")
    await expect(page.get_by_text("This device")).to_be_visible()


async def test_a_password_can_be_seen_while_it_is_typed_and_is_hidden_when_it_is_sent(
    page_of: PageOf, alice: object, tolerated: set[str]
) -> None:
    tolerated.add("Failed to load resource: the server responded with a status of 401 (Unauthorized)")
    page = await page_of(None)
    await page.goto("/login")
    await page.fill("#username", "alice")
    await page.fill("#password", "correct-horse-bob")
    show = page.get_by_role("button", name="Show the password")
    await page.keyboard.press("Tab")
    await expect(show).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#password")).to_have_attribute("type", "text")
    await expect(page.locator("#password")).to_be_focused()
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    await expect(page.locator("#password")).to_have_attribute("type", "password")


async def test_a_device_is_signed_out_from_another(page_of: PageOf, alice: object) -> None:
    laptop: Page = await page_of("alice")
    phone: Page = await page_of("alice")
    await laptop.goto("/account")
    await laptop.locator(".device").nth(1).get_by_role("button", name="Sign out").click()
    await laptop.locator("#confirm-dialog [value=yes]").click()
    await expect(laptop.get_by_text("The device was signed out.")).to_be_visible()
    await phone.goto("/account")
    await expect(phone.locator("#password")).to_be_visible()


async def test_a_token_is_shown_once(page_of: PageOf, alice: object) -> None:
    page: Page = await page_of("alice")
    await page.goto("/account")
    await page.fill("#name", "nightly import")
    await page.get_by_role("button", name="Make a token").click()
    await expect(page.locator("#new-token")).to_contain_text("jindu_")
    await page.goto("/account")
    await expect(page.locator("#new-token")).to_have_count(0)
    await expect(page.get_by_text("nightly import")).to_be_visible()


async def test_signing_out_ends_the_session(page_of: PageOf, alice: object, tolerated: set[str]) -> None:
    # what the page asks for in that moment is refused
    tolerated.add("Failed to load resource: the server responded with a status of 401 (Unauthorized)")
    page: Page = await page_of("alice")
    await page.locator(".user-button").click()
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url(re.compile("/login"))
    await sign_in(page, "alice")
