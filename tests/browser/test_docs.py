"""`/docs` in a browser: requests are found, read and sent, by whoever is signed in or with a token."""

from __future__ import annotations

import json
import re

import aiohttp
import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.conftest import PageOf, heard
from tests.conftest import Server
from tests.functional.command_line import token_of

pytestmark = pytest.mark.browser
REFUSED = "Failed to load resource: the server responded with a status of 401 (Unauthorized)"


async def opened(page: Page, section: str, operation: str) -> Locator:
    """The form that sends it."""
    await page.goto(f"/docs/api/{section}")
    card = page.locator(f"#{operation}")
    await card.locator("summary").click()
    return card


async def sent(card: Locator) -> Locator:
    await card.get_by_role("button", name="Send").click()
    return card.locator("[role=status]")


async def test_requests_are_found_while_words_are_typed(page_of: PageOf) -> None:
    page = await page_of(None)
    await page.goto("/docs")
    rows = page.locator(".docs__row:visible")
    every = await rows.count()
    await page.locator("#docs-q").fill("PATCH jobs")
    await expect(rows).to_have_count(1)
    await expect(page.locator(".docs__group:visible")).to_have_count(1)
    await page.locator("#docs-q").fill("nothing of the kind")
    await expect(page.get_by_text("No request has all these words.")).to_be_visible()
    await page.locator("#docs-q").fill("")
    await expect(rows).to_have_count(every)


async def test_addresses_of_the_years_before_lead_to_the_request(page_of: PageOf) -> None:
    page = await page_of(None)
    await page.goto("/docs#/me/api_me")
    await page.wait_for_url("**/docs/api/account#api_me")
    await expect(page.locator("#api_me")).to_be_in_viewport()


async def test_the_language_of_examples_is_kept(page_of: PageOf) -> None:
    page = await page_of(None)
    await page.goto("/docs/api/jobs")
    await expect(page.locator("#curl-list_jobs")).to_be_visible()
    await page.locator("label", has=page.locator("#in-python")).click()
    await expect(page.locator("#python-list_jobs")).to_be_visible()
    await expect(page.locator("#curl-list_jobs")).to_be_hidden()
    await page.goto("/docs/api/datasets")
    await expect(page.locator("#python-api_datasets")).to_be_visible()


async def test_whoever_is_signed_in_tries_it_by_keyboard(page_of: PageOf, alice: object, server: Server) -> None:
    page = await page_of("alice")
    outside: list[str] = []
    page.on(
        "request",
        lambda request: None if request.url.startswith((server.url, "data:", "blob:")) else outside.append(request.url),
    )
    await page.goto("/docs/api/account#api_me")
    card = page.locator("#api_me")
    await card.locator("summary").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(card.get_by_role("button", name="Send")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(card.locator("[role=status]")).to_contain_text("200 OK")
    assert json.loads(await card.locator(".docs__result pre").inner_text())["name"] == "alice"
    assert outside == []


async def test_parameters_bodies_and_files_are_sent(page_of: PageOf, alice: aiohttp.ClientSession) -> None:
    page = await page_of("alice")
    card = await opened(page, "jobs", "begin_job")
    await expect(await sent(card)).to_contain_text("202 Accepted")
    job = json.loads(await card.locator(".docs__result pre").inner_text())["job_id"]
    card = await opened(page, "jobs", "list_jobs")
    await card.get_by_label("state").fill("running\nqueued")
    await card.get_by_label("limit").fill("1")
    async with page.expect_request("**/api/v1/jobs?*") as asked:
        await expect(await sent(card)).to_contain_text("200 OK")
    assert (await asked.value).url.endswith("/api/v1/jobs?limit=1&state=running&state=queued")
    assert job in await card.locator(".docs__result pre").inner_text()
    card = await opened(page, "uploads", "create_upload")
    file = {"name": "orders.csv", "mimeType": "text/csv", "buffer": b"region,amount\nEast,1\n"}
    await card.locator("input[type=file]").set_input_files(file)
    await expect(await sent(card)).to_contain_text("201 Created")
    upload = json.loads(await card.locator(".docs__result pre").inner_text())["id"]
    card = await opened(page, "uploads", "download_upload")
    await card.get_by_label("id").fill(upload)
    await expect(await sent(card)).to_contain_text("200 OK")
    async with page.expect_download() as download:
        await card.get_by_role("button", name="Download").click()
    assert (await (await download.value).path()).read_bytes() == file["buffer"]


async def test_what_is_needed_is_asked_for_and_removing_is_asked_about(page_of: PageOf, alice: object) -> None:
    page = await page_of("alice")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.method) if "/api/v1/sessions/" in request.url else None)
    card = await opened(page, "account", "api_end_session")
    await card.get_by_role("button", name="Send").click()
    await expect(card.get_by_label("session_id")).to_be_focused()  # the browser says that it is needed
    await card.get_by_label("session_id").fill("01kb2w8e5r6t7y8p9q0s1d2f3g")
    await card.get_by_role("button", name="Send").click()
    await expect(page.get_by_text("Send DELETE?")).to_be_visible()
    await page.keyboard.press("Escape")
    assert asked == []


async def test_strangers_try_it_with_a_token_and_hear_why_not(
    page_of: PageOf, alice: aiohttp.ClientSession, tolerated: set[str]
) -> None:
    tolerated.add(REFUSED)
    page = await page_of(None)
    card = await opened(page, "account", "api_me")
    await expect(await sent(card)).to_contain_text("401")
    await expect(card.locator(".docs__result pre")).to_contain_text("not_signed_in")
    await page.locator("#try-token").fill(token_of(alice))
    await expect(await sent(card)).to_contain_text("200 OK")
    await page.reload()
    await heard(page, "() => document.querySelector('#try-token').value === ''")  # it is kept nowhere


async def test_it_can_be_read_without_scripts(page_of: PageOf) -> None:
    page = await page_of(None, java_script_enabled=False)
    await page.goto("/docs")
    await page.locator("#docs-q").fill("begin a job script")
    await page.keyboard.press("Enter")
    await page.locator(".docs__row").click()
    await expect(page).to_have_url(re.compile("/docs/api/jobs#begin_job$"))
    await expect(page.locator("#curl-begin_job")).to_contain_text("Nightly ETL")
    await page.locator("label", has=page.locator("#in-python")).click()
    await expect(page.locator("#python-begin_job")).to_be_visible()
    await expect(page.locator("#begin_job summary")).to_be_hidden()
