"""The whole tour of the README in Chromium, from the set-up link to the zip, with a power cut in the middle."""

from __future__ import annotations

import asyncio
import io
import re
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import loop_fixture
from tests.process import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
PASSWORD = "a-horse-of-paper"
NOT_SO_FAST_MS = 60_000  # the machine may be busy; a person would wait too
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@loop_fixture
async def new_server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    process = ServerProcess(tmp_path / "data", environ={"JINDU_ADMIN_USER": ""})
    await asyncio.to_thread(process.start)
    yield process
    await asyncio.to_thread(process.stop)


def setup_link(process: ServerProcess) -> str:
    """Its path: the link says `localhost`, the tests say 127.0.0.1, and a cookie knows the difference."""
    return next(found.group() for line in process.log if (found := re.search(r"/setup\?code=\S+", line)))


async def set_up(page: Page, link: str) -> None:
    await page.goto(link)
    await page.get_by_label("User name").fill("mei")
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_label("Password, once more").fill(PASSWORD)
    await page.get_by_role("button", name="Start").click()
    await expect(page.get_by_role("button", name="Try it with sample data")).to_be_visible()


async def sign_in(context: BrowserContext) -> Page:
    page = await context.new_page()
    await page.goto("/login")
    await page.get_by_label("User name").fill("mei")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(lambda url: "/login" not in url)
    return page


async def import_sample(page: Page) -> None:
    await page.get_by_role("button", name="Try it with sample data").click()
    await page.locator("#import-button").click(timeout=NOT_SO_FAST_MS)
    await page.wait_for_url(re.compile(r"/imports/[0-9a-z]{26}$"))
    await expect(page.get_by_text("120 rows were left out")).to_be_visible(timeout=NOT_SO_FAST_MS)
    await expect(page.locator("main").get_by_text("49,880").first).to_be_visible()


async def order_reports(page: Page) -> None:
    await page.goto("/batches/new?template=monthly-sales")
    for name in ("PDF", "Excel", "HTML"):
        await page.get_by_label(name, exact=True).check()
    await page.get_by_role("button", name="Generate").click()
    await page.wait_for_url(re.compile(r"/batches/[0-9a-z]{26}$"))


async def test_the_tour_from_the_set_up_link_to_the_zip(new_server: ServerProcess, browser: Browser) -> None:
    laptop = await browser.new_context(base_url=new_server.url)
    page = await laptop.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await set_up(page, setup_link(new_server))

    await import_sample(page)
    rejects = await page.request.get(await page.get_by_role("link", name="As a file").get_attribute("href") or "")
    assert len((await rejects.text()).splitlines()) > 120

    second_device = await browser.new_context(base_url=new_server.url, **PHONE)
    phone = await sign_in(second_device)
    await phone.goto("/batches")

    await order_reports(page)
    tiles = page.locator(".report-tile")
    await expect(tiles).to_have_count(7, timeout=NOT_SO_FAST_MS)
    await expect(page.locator(".report-tile--succeeded")).to_have_count(6, timeout=NOT_SO_FAST_MS)
    failed = page.locator(".report-tile--failed")
    await expect(failed).to_have_count(1)
    await expect(failed).to_contain_text("Overseas 海外")
    await expect(failed).to_contain_text(re.compile("zero", re.IGNORECASE))
    await expect(phone.get_by_text("6 of 7 done")).to_be_visible(timeout=NOT_SO_FAST_MS)  # nobody reloaded it

    archive = await page.request.get(await page.get_by_role("link", name="Download zip").get_attribute("href") or "")
    names = zipfile.ZipFile(io.BytesIO(await archive.body())).namelist()
    assert len(names) == 6 * 3 + 2  # an index for people, and one for programs
    assert {name.rpartition(".")[2] for name in names[2:]} == {"pdf", "xlsx", "html"}

    await page.locator(".report-tile--succeeded h3 a").first.click()
    report = page.frame_locator("iframe.report-frame")
    await expect(report.locator("h1, h2").first).to_be_visible(timeout=NOT_SO_FAST_MS)
    assert complaints == []


async def test_a_power_cut_in_the_middle_of_a_batch_loses_nothing_and_does_nothing_twice(
    new_server: ServerProcess, browser: Browser
) -> None:
    context = await browser.new_context(base_url=new_server.url)
    page = await context.new_page()
    await set_up(page, setup_link(new_server))
    await import_sample(page)
    await order_reports(page)
    await expect(page.locator(".report-tile--succeeded").first).to_be_visible(timeout=NOT_SO_FAST_MS)
    first_done = await page.locator(".report-tile--succeeded").first.get_attribute("data-report-id")
    await asyncio.to_thread(new_server.kill)
    await expect(page.get_by_text(re.compile("Reconnecting|Offline"))).to_be_visible()
    await asyncio.to_thread(new_server.start)

    # The same page, not reloaded: it comes back by itself.
    await expect(page.locator(".report-tile--succeeded")).to_have_count(6, timeout=NOT_SO_FAST_MS)
    await expect(page.locator(".report-tile--failed")).to_have_count(1, timeout=NOT_SO_FAST_MS)
    assert await page.locator(f"[data-report-id='{first_done}']").get_attribute("data-state") == "succeeded"
    await page.reload()
    await expect(page.locator(".report-tile")).to_have_count(7)
