"""Real Chromium against the real server; every page must stay free of console errors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.conftest import PASSWORDS, Server

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PageOf = Callable[..., Awaitable[Page]]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
def tolerated() -> set[str]:
    """Console errors that a test brings about on purpose; the browser writes them whatever a page does."""
    return set()


@pytest.fixture
async def page_of(server: Server, browser: Browser, tolerated: set[str]) -> AsyncIterator[PageOf]:
    """`await page_of("alice")` is a page in a browser context of her own, signed in by the form; None stays signed out.

    Keyword arguments go to `browser.new_context` (viewport, color_scheme, locale, …). At the end, an error in any
    page's console fails the test.
    """
    complaints: list[str] = []
    async with AsyncExitStack() as stack:

        async def open_page(name: str | None, **options: object) -> Page:
            context = await browser.new_context(base_url=server.url, **options)
            stack.push_async_callback(context.close)
            page = await context.new_page()
            page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            if name:
                await sign_in(page, name)
            return page

        yield open_page
    assert [text for text in complaints if text not in tolerated] == []


async def sign_in(page: Page, name: str) -> None:
    await page.goto("/login")
    await page.fill("[name=username]", name)
    await page.fill("[name=password]", PASSWORDS[name])
    await page.click("form [type=submit]")
    await page.wait_for_url(lambda url: "/login" not in url)
