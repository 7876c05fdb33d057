"""What a page costs whoever opens it for the first time: few requests, and little script."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import SECONDS, PageOf
from tests.browser.test_shell import demonstrate
from tests.conftest import Server

pytestmark = pytest.mark.browser
MOST_REQUESTS, MOST_SCRIPT_BYTES = 15, 60_000
PAGES = (
    "/", "/datasets", "/imports", "/templates", "/batches", "/jobs", "/notifications", "/account", "/admin",
    "/admin/users", "/admin/connections", "/admin/storage", "/admin/brand", "/admin/audit", "/admin/settings",
    "/websocket-test",
)  # fmt: skip
# What is theirs by nature, all in all: an editor for YAML and SQL with its completion, and much to read.
HEAVY = {"/templates/new": 300_000, "/docs": 100_000, "/docs/api/account": 100_000, "/docs/events": 100_000}
LOADED = """
    () => performance.getEntriesByType("resource")
        .filter(({ name }) => /\\.js$/.test(new URL(name).pathname))
        .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)
"""
ALL = """
    () => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
        .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)
"""


async def test_pages_are_light(server: Server, page_of: PageOf, admin: object) -> None:
    await server.web.static_files.pack()
    page = await page_of("admin")
    job = await demonstrate(page, seconds=0.1)
    heavy = {}
    for path in (*PAGES, f"/jobs/{job}", *HEAVY):
        fresh = await page.context.new_page()
        session = await page.context.new_cdp_session(fresh)
        await session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        asked: list[str] = []
        fresh.on("request", lambda request, asked=asked: asked.append(request.url))
        await fresh.goto(path, wait_until="networkidle")
        await expect(fresh.locator("#connection-state")).to_have_attribute("data-state", "connected", timeout=SECONDS)
        weight = await fresh.evaluate(ALL if path in HEAVY else LOADED)
        if len(asked) > MOST_REQUESTS or weight > HEAVY.get(path, MOST_SCRIPT_BYTES):
            heavy[path] = len(asked), weight, sorted(asked)
        await fresh.close()
    assert heavy == {}
