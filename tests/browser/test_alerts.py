"""Alerts as an administrator works with them, and the screen on a wall: live, signed in by nobody, loud when cut."""

from __future__ import annotations

import aiohttp
import pytest
from playwright.async_api import expect

from tests.browser.conftest import PageOf
from tests.conftest import Server

pytestmark = pytest.mark.browser
OFFLINE = "net::ERR_INTERNET_DISCONNECTED"
UNAUTHORIZED = "the server responded with a status of 401 (Unauthorized)"


async def test_rules_maintenance_and_a_screen(
    server: Server, page_of: PageOf, admin: aiohttp.ClientSession, tolerated: set[str]
) -> None:
    sampler = server.parts.monitoring.sampler
    page = await page_of("admin")
    async with sampler.running():
        await sampler.sample()
        await page.goto("/admin/alerts")
        await expect(page.locator("#firing-title")).to_have_text("Nothing fires")
        await page.click("#rule-disk_left summary")
        await page.fill("#threshold-disk_left", "20")
        await page.click("#rule-disk_left .button--primary")
        await expect(page.locator("#rule-disk_left .rule__limit")).to_contain_text("below 20 %")
        await expect(page.locator("#begin")).to_be_hidden()
        await page.check("[name=when][value=later]")
        await expect(page.locator("#begin")).to_be_visible()
        await page.check("[name=when][value=now]")
        await page.click("text=Begin or plan it")
        await expect(page.locator("#maintenance")).to_contain_text("under way")
        await page.fill("#name", "Hall")
        await page.click("text=Make an address")
        address = await page.get_attribute("#wall-address", "href")
        wall = await page_of(None)  # nobody is signed in at a wall
        await wall.goto(str(address))
        await expect(wall.locator(".wall__tiles")).to_contain_text("Live connections")
        await expect(wall.locator(".wall__maintenance")).to_have_text("Maintenance is under way")
        await expect(wall.locator("[data-chart=connections] canvas")).to_be_visible()
        await expect(wall.locator("#wall-as-of")).to_contain_text("as of")
        assert await wall.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await wall.set_viewport_size(
            {"width": 1280, "height": 720}
        )  # where there is no room for all, charts can be read
        heights = "Math.min(...[...document.querySelectorAll('.chart__plot')].map((plot) => plot.clientHeight))"
        assert await wall.evaluate(heights) >= 80
        tolerated |= {f"Failed to load resource: {why}" for why in (OFFLINE, UNAUTHORIZED)}
        await wall.context.set_offline(True)
        await expect(wall.locator("#wall-cut")).to_contain_text("NO ANSWER since", timeout=40_000)
        await wall.context.set_offline(False)
        await expect(wall.locator("#wall-cut")).to_be_hidden(timeout=20_000)
        async with admin.get("/api/v1/admin/walls") as response:
            wall_id = (await response.json())["items"][0]["id"]
        async with admin.delete(f"/api/v1/admin/walls/{wall_id}") as response:
            assert response.status == 204
        await expect(wall.locator("#wall-cut")).to_contain_text("was taken back", timeout=20_000)
        await expect(wall.locator(".wall__sentence")).to_have_count(0)
        await expect(wall.locator("#wall-as-of")).to_have_text("")
