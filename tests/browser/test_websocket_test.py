"""The page /websocket-test in a real browser: state, pings, subscriptions, any JSON, a job whose bar moves."""

from __future__ import annotations

import re
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Page, expect

from server.http import keys
from server.realtime.close_codes import CloseCode
from tests.browser.conftest import PageOf
from tests.conftest import Server

pytestmark = pytest.mark.browser


async def opened(page_of: PageOf, **options: object) -> Page:
    page = await page_of("alice", **options)
    await page.goto("/websocket-test")
    await expect(page.locator("#ws-state")).to_have_attribute("data-state", "connected")
    return page


async def test_connects_pings_and_sends_anything(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    page = await opened(page_of)
    await expect(page.locator("#ws-latency")).to_have_text(re.compile(r"^\d+\.\d ms$"))
    await page.fill("#ws-text", '{"type": "hello", "text": "你好"}')
    await page.click("#ws-send button[type=submit]")
    echo = page.locator(".wstest__message", has_text="echo").first
    await expect(echo).to_contain_text("你好")
    await echo.locator("summary").click()
    await expect(echo.locator("pre")).to_contain_text('"type": "echo"')
    await page.fill("#ws-text", "{")
    await page.click("#ws-send button[type=submit]")
    await expect(page.locator(".wstest__message.is-error").first).to_contain_text("invalid_json")
    await page.fill("#ws-filter", "echo")
    await expect(page.locator(".wstest__message.is-error")).to_have_count(0)


async def test_subscribes_and_shows_what_is_published(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    page = await opened(page_of)
    await page.click("#ws-subscription button")
    await expect(page.locator(".wstest__message", has_text="subscribed").first).to_be_visible()
    async with alice.post("/api/v1/events/test_events", json={"from": "outside"}) as response:
        assert response.status == 200
    await expect(page.locator(".wstest__message", has_text="outside").first).to_be_visible()


async def test_demonstration_job_moves_its_bar_to_the_end(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    page = await opened(page_of)
    await page.fill("[name=seconds]", "1")
    await page.click("#ws-demonstration button[type=submit]")
    bar = page.locator("#ws-jobs .progress")
    await expect(bar).to_have_attribute("data-state", "running")
    await expect(bar).to_have_attribute("data-state", "succeeded", timeout=10_000)
    await expect(bar.locator("[role=progressbar]")).to_have_attribute("aria-valuenow", "100")


async def test_cut_connection_comes_back_with_what_was_missed(
    server: Server, alice: aiohttp.ClientSession, page_of: PageOf
) -> None:
    page = await opened(page_of)
    await page.evaluate("Math.random = () => 0.9")  # long enough away for something to be missed
    await page.click("#ws-cut")
    async with alice.post("/api/v1/jobs/demonstration", json={"seconds": 0, "total": 3}) as response:
        job_id = (await response.json())["job_id"]
    await expect(page.locator("#ws-state")).to_have_attribute("data-state", "connected", timeout=15_000)
    finished = page.locator(".wstest__message", has_text=job_id).filter(has_text="succeeded")
    await expect(finished.first).to_be_attached()
    await expect(page.locator("#ws-jobs .progress[data-state=succeeded]")).to_have_count(1)


async def test_signed_out_connection_stays_away(server: Server, alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    page = await opened(page_of)
    server.app[keys.CONNECTIONS].close_where(lambda connection: True, CloseCode.SIGNED_OUT)
    await expect(page.locator("#ws-state")).to_have_attribute("data-state", "closed")
    await expect(page.locator(".wstest__message", has_text="4500").first).to_be_attached()
    await page.click("#ws-toggle")
    await expect(page.locator("#ws-state")).to_have_attribute("data-state", "connected")


async def test_fits_a_phone(alice: aiohttp.ClientSession, page_of: PageOf, tmp_path: Path) -> None:
    page = await opened(page_of, viewport={"width": 360, "height": 740})
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360
