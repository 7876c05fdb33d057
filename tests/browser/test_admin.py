"""The administrators' pages: figures that refresh, users that are made and disabled, and nobody else gets in."""

from __future__ import annotations

import re
from datetime import timedelta

import aiohttp
import pytest
from playwright.async_api import expect
from sqlalchemy import insert

from server.clock import utc_now
from server.storage.tables import server_runs
from tests.browser.conftest import PageOf
from tests.browser.test_shell import demonstrate
from tests.conftest import Server

pytestmark = pytest.mark.browser


async def test_only_administrators_get_in(page_of: PageOf, admin: object, alice: object) -> None:
    page = await page_of("alice")
    await expect(page.locator(".nav a[href='/admin']")).to_have_count(0)
    for path in ("/admin", "/admin/users", "/admin/audit", "/admin/settings", "/admin/overview", "/admin/health"):
        response = await page.request.get(path, headers={"Accept": "text/html"})
        assert response.status == 403, path
        assert "Only administrators may do this." in await response.text()


HIDDEN = """[...document.querySelectorAll(".table-scroll")].filter((table) => table.scrollWidth > table.clientWidth + 1)
  .map((table) => `${table.getAttribute("aria-label")}: ${table.scrollWidth} in ${table.clientWidth}`)"""
TAB_IS_SEEN = """(({ left, right }) => left >= 0 && right <= innerWidth)(
  document.querySelector(".tabs [aria-current=page]").getBoundingClientRect())"""


@pytest.mark.parametrize("width", [1280, 390])
async def test_nothing_of_their_tables_and_tabs_lies_beyond_the_edge(
    page_of: PageOf, admin: aiohttp.ClientSession, alice: object, width: int
) -> None:
    async with admin.post("/api/v1/admin/invitations", json={"role": "editor", "name": "somebody"}) as response:
        assert response.status == 201
    async with admin.post("/api/v1/admin/walls", json={"name": "A hall with a long name"}) as response:
        assert response.status == 201
    page = await page_of("admin", viewport={"width": width, "height": 844})
    tabs = ("", "/users", "/connections", "/storage", "/alerts", "/audit", "/settings")
    for path in (*(f"/admin{tab}" for tab in tabs), "/account"):
        await page.goto(path)
        await expect(page.locator("#connection-state")).to_have_attribute("data-state", "connected")
        assert await page.evaluate(HIDDEN) == [], path
        assert await page.evaluate(TAB_IS_SEEN), path


async def test_connections_and_jobs_of_everybody_appear_by_themselves(
    page_of: PageOf, admin: object, alice: object
) -> None:
    page = await page_of("admin", at="/admin")
    await expect(page.locator("#connection-state")).to_have_attribute("data-state", "connected")
    other = await page_of("alice")
    await expect(other.locator("#connection-state")).to_have_attribute("data-state", "connected")
    await demonstrate(other, seconds=20)
    await expect(page.locator(".job-row")).to_contain_text("alice", timeout=15_000)
    await expect(page.locator("section", has=page.locator("#admin-connections"))).to_contain_text("alice")


async def test_a_user_is_made_and_disabled(page_of: PageOf, admin: object) -> None:
    page = await page_of("admin", at="/admin/users")
    await page.fill("#username", "carol")
    await page.fill("#password", "a-long-enough-secret")
    await page.click("form[action='/admin/users'][method=post] button[type=submit]")
    row = page.locator("tr", has_text="carol")
    await expect(row).to_contain_text("Active")
    await row.locator("button", has_text="Disable").click()
    await expect(page.locator("#confirm-dialog")).to_contain_text("Disable carol?")
    await page.click("#confirm-dialog [value=yes]")
    await expect(row).to_contain_text("Disabled")
    await page.goto("/admin/audit?q=carol")
    await expect(page.locator("tbody")).to_contain_text("Made a user")
    await page.locator("summary", has_text="Filter").click()
    await page.select_option("#action", "user.change")
    await page.fill("#user", "admin")
    await page.press("#user", "Enter")
    await expect(page).to_have_url(re.compile("q=carol.*user=admin.*action=user.change"))
    await expect(page.locator("#lines-title")).to_have_text("1 line")
    await expect(page.locator("#action")).to_have_value("user.change")
    await page.get_by_role("link", name="Everything about carol").click()
    await expect(page.locator("#lines-title")).to_have_text("2 lines")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="CSV").click()
    assert (await download.value).suggested_filename == "audit.csv"


async def test_a_wrong_form_says_what_is_wrong_beside_the_field(page_of: PageOf, admin: object) -> None:
    page = await page_of("admin")
    form = {"username": "carol", "password": "short", "role": "editor"}
    response = await page.request.post("/admin/users", form=form)
    assert response.status == 422
    text = await response.text()
    assert 'id="password-error"' in text
    assert "Use at least 10 characters." in text
    assert 'value="carol"' in text


async def test_the_last_administrator_stays_one(page_of: PageOf, admin: object) -> None:
    page = await page_of("admin", at="/admin/users")
    action = await page.locator("tr", has_text="(you)").locator("form").get_attribute("action")
    response = await page.request.post(str(action), form={"role": "viewer"}, headers={"Accept": "text/html"})
    assert response.status == 409
    assert "This is the last administrator." in await response.text()


async def test_how_the_server_does_is_a_sentence_and_lines_over_time(
    server: Server, page_of: PageOf, admin: object, tolerated: set[str]
) -> None:
    tolerated.add("Failed to load resource: net::ERR_FAILED")  # it is cut off on purpose
    page = await page_of("admin")
    sampler = server.parts.monitoring.sampler
    async with sampler.running():
        await sampler.sample()
        await page.goto("/admin")
        await expect(page.locator("#health-title")).to_have_text("All is well")
        await expect(page.locator(".health__facts")).to_contain_text("100% available, known since")
        connections = page.locator("[data-chart=connections]")
        await expect(connections).to_contain_text(re.compile(r"open [0-9.]+, at most [0-9]+"))
        await expect(page.locator("[data-chart] canvas")).to_have_count(13)
        week = page.get_by_role("button", name="7 days")
        async with page.expect_response(re.compile("range=7d")):
            await week.click()
        await expect(week).to_have_attribute("aria-pressed", "true")
        await page.route("**/admin/monitoring**", lambda route: route.abort())
        await page.get_by_role("button", name="24 hours").click()
        await expect(page.locator("[data-monitoring-state]")).to_contain_text("the server does not answer")


async def test_an_outage_is_told_with_its_time(server: Server, page_of: PageOf, admin: object) -> None:
    now = utc_now()
    lived = {"started_at": now - timedelta(days=2), "seen_at": now - timedelta(hours=3)}
    async with server.parts.storage.database.write() as connection:
        await connection.execute(insert(server_runs).values(id="1", node="a", version="1", ending=None, **lived))
    page = await page_of("admin")
    async with server.parts.monitoring.sampler.running():
        await page.goto("/admin")
        await expect(page.locator(".health--worry")).to_contain_text("1 outage, in all 3h")
        await expect(page.locator("#outages")).to_contain_text("down")
