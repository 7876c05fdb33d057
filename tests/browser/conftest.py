"""Real Chromium against the real server; every page must stay free of console errors.

To start Playwright and Chromium takes longer than most tests, so all tests share them; each has browser contexts and a
server of its own. Playwright's objects belong to one event loop: tests here, and their fixtures, run on the session's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Playwright, async_playwright

from server.settings import Settings
from tests.conftest import PASSWORDS, Server, new_user, serving, signed_in

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
loop_fixture = pytest_asyncio.fixture(loop_scope="session")  # for every `async def` fixture of these tests


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("browser") and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


class Chromium:
    """The browser that all tests share, until it crashes or a test fails in it: then the next test gets a new one."""

    def __init__(self) -> None:
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._failures = 0

    async def running(self, *, failures: int) -> Browser:
        """`failures` is how many tests have failed so far."""
        if self._browser is None or not self._browser.is_connected() or failures != self._failures:
            await self.stop()
            self._failures = failures
            self._playwright = await async_playwright().start()
            self._browser = await self._playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        return self._browser

    async def stop(self) -> None:
        if self._browser is not None:
            await self._browser.close()  # does nothing when it has crashed
        if self._playwright is not None:
            await self._playwright.stop()
        self._browser = self._playwright = None


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Chromium]:
    chromium = Chromium()
    yield chromium
    await chromium.stop()


@loop_fixture
async def browser(chromium: Chromium, request: pytest.FixtureRequest) -> AsyncIterator[Browser]:
    browser = await chromium.running(failures=request.session.testsfailed)
    yield browser
    for context in browser.contexts:
        await context.close()


@loop_fixture
async def server(settings: Settings) -> AsyncIterator[Server]:
    async with serving(settings) as server:
        yield server


@loop_fixture
async def admin(server: Server) -> AsyncIterator[aiohttp.ClientSession]:
    async with await signed_in(server, "admin") as client:
        yield client


@loop_fixture
async def alice(server: Server, admin: aiohttp.ClientSession) -> AsyncIterator[aiohttp.ClientSession]:
    async with await new_user(server, admin, "alice") as client:
        yield client


@loop_fixture
async def bob(server: Server, admin: aiohttp.ClientSession) -> AsyncIterator[aiohttp.ClientSession]:
    async with await new_user(server, admin, "bob") as client:
        yield client


@pytest.fixture
def tolerated() -> set[str]:
    """Console errors that a test brings about on purpose; the browser writes them whatever a page does."""
    return set()


@loop_fixture
async def page_of(server: Server, browser: Browser, tolerated: set[str]) -> AsyncIterator[PageOf]:
    """`await page_of("alice")` is a page in a browser context of her own, signed in at home; None stays signed out.

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
    """As the form does, whose own tests are in `test_accounts.py`, and without loading its page."""
    form = {"username": name, "password": PASSWORDS[name]}
    response = await page.request.post("/login", form=form, max_redirects=0)
    assert response.status == 303, await response.text()
    await page.goto("/")
