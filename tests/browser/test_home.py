"""The home page: a friendly beginning, what is going on, what ended meanwhile."""

from __future__ import annotations

import aiohttp
import pytest
from playwright.async_api import expect

from tests.browser.conftest import PageOf
from tests.browser.test_shell import demonstrate
from tests.conftest import Server, new_user
from tests.functional.batches import SALES, made, put_template
from tests.functional.importing import import_text
from tests.functional.test_external_jobs import begin, push

pytestmark = pytest.mark.browser


async def test_a_new_user_finds_the_way_in(page_of: PageOf, admin: object, alice: object) -> None:
    page = await page_of("alice")
    await expect(page.locator("h1")).to_have_text("Bring in your data, watch it become reports.")
    await expect(page.locator("[data-dropzone]")).to_be_visible()
    await expect(page.locator("text=Try it with sample data")).to_be_visible()


async def test_what_runs_appears_by_itself_and_what_ended_is_told_until_looked_at(
    page_of: PageOf, admin: object, alice: object, bob: object
) -> None:
    page, stranger = await page_of("alice"), await page_of("bob")
    await expect(page.locator("#connection-state")).to_have_attribute("data-state", "connected")
    await demonstrate(page, seconds=2)
    await expect(page.locator("#live-title")).to_have_text("In progress")
    away = page.locator(".away")
    await expect(away).to_contain_text("Demonstration", timeout=15_000)
    await expect(page.locator("#live-title")).to_be_hidden()

    phone = await page_of("alice", viewport={"width": 390, "height": 780})
    await expect(phone.locator(".away")).to_contain_text("Demonstration")
    await phone.click(".away button")
    await expect(phone.locator(".away")).to_have_count(0)
    await expect(phone.locator("#ended-title")).to_be_visible()
    await stranger.reload()
    await expect(stranger.locator("#content")).not_to_contain_text("Demonstration")


async def test_what_failed_stands_first_and_says_why_and_cards_say_how_batches_stand(
    page_of: PageOf, alice: aiohttp.ClientSession
) -> None:
    failed = (await begin(alice, title="Exchange rates"))["job_id"]
    await push(alice, failed, state="failed", error="The warehouse does not answer")
    await import_text(alice)
    await put_template(alice, source=SALES)
    page = await page_of("alice")
    await expect(page.locator("#connection-state")).to_have_attribute("data-state", "connected")
    await made(alice, name="Sales")
    card = page.locator(".home-item", has_text="Sales")
    await expect(card.locator(".home-item__figure")).to_have_text("2 of 3 reports · 1 failed", timeout=15_000)
    await expect(card.locator(".badge")).to_have_text("Done · 1 failed")
    await expect(page.locator(".away li").first).to_contain_text("The warehouse does not answer")
    assert await page.locator(".away li").count() > 2


async def test_viewers_are_told_that_they_cannot_bring_in_data(
    server: Server, page_of: PageOf, admin: object, alice: object
) -> None:
    client = await new_user(server, admin, "bob", role="viewer")  # type: ignore[arg-type]
    await client.close()
    page = await page_of("bob")
    await expect(page.locator("[data-dropzone]")).to_have_count(0)
    await expect(page.locator("#content")).to_contain_text("ask an administrator for the role “editor”")
