"""Real Chromium against the real server; every page must stay free of console errors.

To start Playwright and Chromium takes longer than most tests, so all tests share them; each has browser contexts and a
server of its own. Playwright's objects belong to one event loop: tests here, and their fixtures, run on the session's.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, Playwright, async_playwright, expect

from server.settings import Settings
from tests.browser.line import Line
from tests.conftest import PASSWORDS, Server, new_user, serving, signed_in

# Debian's smaller Chromium without windows, for half the processor time; the one with windows where it is missing.
CHROMIUM = shutil.which("chromium-headless-shell") or "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Two browsers of one machine find each other by its addresses: nobody here answers to names made for one visit.
    "--disable-features=WebRtcHideLocalIpsWithMdns",
]
SECONDS = 30_000  # how long Playwright waits: the machine may be busy
BLOCKED = re.compile(r"^WebSocket connection to \S+ failed")
NETWORK = re.compile(r"^WebSocket connection to \S+ failed|^Failed to load resource: (net::|the server responded)")
PageOf = Callable[..., Awaitable[Page]]
Visit = Callable[..., Awaitable[Page]]
loop_fixture = pytest_asyncio.fixture(loop_scope="session")  # for every `async def` fixture of these tests
expect.set_options(timeout=SECONDS)


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
            with suppress(TimeoutError):  # does nothing when it has crashed; when it hangs, the next call ends it
                async with asyncio.timeout(SECONDS / 1000):
                    await self._browser.close()
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
        await closed(context)


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

    With `at` it begins there: whoever goes on at once need not draw the home page before. Other arguments go to
    `browser.new_context` (viewport, color_scheme, locale, …); nothing moves by itself unless they say so, since each
    page that pulses is drawn sixty times a second. At the end, an error in any page's console fails the test.
    """
    complaints: list[str] = []
    async with AsyncExitStack() as stack:

        async def open_page(name: str | None, *, at: str = "/", **options: object) -> Page:
            context = await browser.new_context(base_url=server.url, **{"reduced_motion": "reduce"} | options)
            stack.push_async_callback(closed, context)
            page = await context.new_page()
            page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            if name:
                await sign_in(page, name, at=at)
            return page

        yield open_page
    assert [text for text in complaints if text not in tolerated] == []


async def closed(context: BrowserContext) -> None:
    """A browser that hangs fails this test, and not all that come after it: nothing else limits how tests end."""
    async with asyncio.timeout(SECONDS / 1000):
        await context.close()


async def sign_in(page: Page, name: str, *, at: str = "/") -> None:
    """As the form does, whose own tests are in `test_accounts.py`, and without loading its page."""
    form = {"username": name, "password": PASSWORDS[name]}
    response = await page.request.post("/login", form=form, max_redirects=0)
    assert response.status == 303, await response.text()
    await page.goto(at)


class Complaints:
    """What stood in the consoles of the pages of a test."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.allowed = re.compile("^$")

    def heard(self, page: Page) -> None:
        page.on("console", lambda message: self.texts.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.texts.append(str(error)))

    def others(self) -> list[str]:
        return [text for text in self.texts if not self.allowed.search(text)]


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest.fixture
def init_script() -> str:
    """Runs in every page of `visit` before its own scripts."""
    return ""


@loop_fixture
async def visit(browser: Browser, complaints: Complaints, init_script: str) -> AsyncIterator[Visit]:
    """`await visit(url, "alice")` is a page signed in at `url`; console errors that are not allowed fail the test.

    As with `page_of`, nothing moves by itself unless `options` say so.
    """
    async with AsyncExitStack() as stack:

        async def open_page(url: str, name: str | None, **options: Any) -> Page:
            context = await browser.new_context(base_url=url, **{"reduced_motion": "reduce"} | options)
            context.set_default_timeout(SECONDS)
            await context.add_init_script(init_script)
            stack.push_async_callback(closed, context)
            page = await context.new_page()
            complaints.heard(page)
            if name:
                await sign_in(page, name)
            return page

        yield open_page
    assert complaints.others() == []


@loop_fixture
async def line(server: Server) -> AsyncIterator[Line]:
    line = Line(server.url)
    await line.open()
    yield line
    await line.close()


async def connected(page: Page, transport: str = "websocket") -> None:
    light = page.locator("#connection-state")
    await expect(light).to_have_attribute("data-state", "connected", timeout=SECONDS)
    await expect(light).to_have_attribute("data-transport", transport, timeout=SECONDS)


async def heard(page: Page, expression: str, *arguments: Any) -> None:
    """Wait until a JavaScript expression is true; not by animation frames, which a stopped clock stops."""
    async with asyncio.timeout(SECONDS / 1000):
        while not await page.evaluate(expression, *arguments):
            await asyncio.sleep(0.05)
