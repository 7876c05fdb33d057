"""A page that has no connection says so: nothing looks as if it moved, it is told as of when; over the limit, why."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from dataclasses import replace

import aiohttp
import pytest
from playwright.async_api import WebSocketRoute, expect

from server.settings import Settings
from tests.browser.conftest import (
    NETWORK,
    SECONDS,
    Complaints,
    Visit,
    connected,
    sign_in,
)
from tests.browser.line import Line, Upgrades
from tests.conftest import Server
from tests.functional.live_client import live
from tests.functional.test_live import demonstrate

pytestmark = pytest.mark.browser
Client = aiohttp.ClientSession
LIMIT = 2
OWN_CONNECTION = "delete window.SharedWorker; delete window.BroadcastChannel;"  # it follows the page's clock


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, max_connections_per_user=LIMIT)


@pytest.fixture
def init_script() -> str:
    return OWN_CONNECTION


def connect(socket: WebSocketRoute) -> None:
    socket.connect_to_server()


@pytest.mark.parametrize(
    ("language", "zone", "as_of"),
    [
        ("en", "Asia/Tokyo", r"As of \d+:\d\d:\d\d [AP]M"),
        ("zh-CN", "Europe/Berlin", r"截至 \d\d:\d\d:\d\d"),
    ],
)
async def test_without_a_connection_nothing_looks_as_if_it_moved_and_the_page_says_as_of_when(
    line: Line, alice: Client, visit: Visit, complaints: Complaints, language: str, zone: str, as_of: str
) -> None:
    complaints.allowed = NETWORK
    page = await visit(line.url, "alice", locale=language, timezone_id=zone)
    job_id = await demonstrate(alice, seconds=60, total=1000)
    await page.goto("/jobs")
    await connected(page)
    note, pace = page.locator("#live-note"), page.locator(".job-row .progress__pace")
    await expect(note).to_be_hidden()
    await expect(pace).to_have_text(re.compile(r"/s|/秒"), timeout=SECONDS)
    await expect(page).to_have_title(re.compile(r"^\d+%"))
    line.cut()
    await expect(note).to_have_text(re.compile(as_of), timeout=SECONDS)
    heard_at = await page.evaluate(
        "import([...document.scripts].find((s) => /app.js$/.test(s.src)).src).then(({ live }) => live.heardAt)"
    )
    told = "([at, zone, lang]) => new Intl.DateTimeFormat(lang, { timeStyle: 'medium', timeZone: zone }).format(at)"
    await expect(note).to_contain_text(await page.evaluate(told, [heard_at, zone, language]))
    await expect(pace).to_be_hidden()
    await expect(page.locator("#running-strip .progress__pace")).to_be_hidden()
    await expect(page).to_have_title(re.compile(r"^\D"))
    fill = page.locator(".job-row .progress__fill")
    assert await fill.evaluate("(bar) => getComputedStyle(bar).fill") != "rgb(245, 184, 0)"
    line.mend()
    await connected(page)
    await expect(note).to_be_hidden()
    await expect(pace).to_be_visible(timeout=SECONDS)
    async with alice.post(f"/api/v1/jobs/{job_id}/cancel") as response:
        assert response.status in (200, 202)
    await expect(page.locator(".job-row .badge")).to_have_text(re.compile("Cancelled|已取消"), timeout=SECONDS)


@pytest.mark.parametrize("init_script", [OWN_CONNECTION, ""], ids=["own", "shared"])
async def test_a_line_that_hangs_is_found_out_in_seconds_while_something_moves(
    line: Line, alice: Client, visit: Visit, complaints: Complaints, init_script: str
) -> None:
    complaints.allowed = NETWORK
    page = await visit(line.url, "alice")
    await demonstrate(alice, seconds=60, total=1000)
    await page.clock.install()
    await page.goto("/jobs")
    await connected(page)
    await expect(page.locator(".job-row .progress__pace")).to_be_visible(timeout=SECONDS)
    line.stall()
    await page.clock.fast_forward(7_000)  # nothing came
    if init_script == OWN_CONNECTION:
        await page.clock.fast_forward(5_000)  # no answer either; who holds it for others follows the clock on the wall
    await expect(page.locator("#live-note")).to_be_visible(timeout=SECONDS)
    await expect(page.locator(".job-row .progress__pace")).to_be_hidden()
    line.flow()
    await page.clock.fast_forward(20_000)
    await connected(page)
    await expect(page.locator("#live-note")).to_be_hidden()


async def test_a_page_that_never_had_a_connection_is_as_of_when_it_was_drawn_and_true_when_it_has_one(
    line: Line, alice: Client, visit: Visit, complaints: Complaints
) -> None:
    complaints.allowed = NETWORK
    page = await visit(line.url, "alice")
    await page.route_web_socket(re.compile("/ws/"), lambda socket: socket.close())
    await page.goto("/jobs")
    await expect(page.locator("body")).to_have_attribute("data-live", "lost", timeout=SECONDS)
    drawn = await page.evaluate(
        "new Intl.DateTimeFormat('en', { timeStyle: 'medium', timeZone: document.documentElement.dataset.timeZone })"
        ".format(Date.parse(document.body.dataset.drawnAt))"
    )
    await expect(page.locator("#live-note")).to_contain_text(f"As of {drawn}")
    await demonstrate(alice, seconds=0, total=3)
    await page.route_web_socket(re.compile("/ws/"), connect)
    await connected(page)
    await expect(page.locator(".job-row")).to_have_count(1, timeout=SECONDS)


@pytest.mark.parametrize("upgrades", [Upgrades.PASSED, Upgrades.REFUSED])
@pytest.mark.parametrize(
    ("language", "words"), [("en", "You have 2 connections open (limit 2)"), ("zh-CN", "您已打开 2 个连接（上限 2）")]
)
async def test_who_is_over_the_limit_is_told_why_and_comes_back_by_itself(
    line: Line,
    alice: Client,
    bob: Client,
    visit: Visit,
    complaints: Complaints,
    upgrades: Upgrades,
    language: str,
    words: str,
) -> None:
    complaints.allowed = NETWORK
    line.upgrades = upgrades
    async with AsyncExitStack() as programs:
        for number in range(LIMIT):
            socket = await programs.enter_async_context(live(alice, f"program-{number}"))
            await socket.next("connection")
        page = await visit(line.url, None, locale=language)
        await page.clock.install()
        await sign_in(page, "alice")
        note = page.locator("#live-note")
        await expect(note).to_contain_text(words, timeout=SECONDS)
        await expect(page.locator("#connection-state")).to_have_attribute("data-state", "offline")
        link = note.get_by_role("link")
        await expect(link).to_have_attribute("href", "/account#devices-title")
        stranger = await visit(line.url, "bob")
        await expect(stranger.locator("#connection-state")).to_have_attribute(
            "data-state", "connected", timeout=SECONDS
        )
    await page.clock.fast_forward(40_000)
    await connected(page, "websocket" if upgrades is Upgrades.PASSED else "sse")
    await expect(note).to_be_hidden()


async def test_the_strip_counts_what_runs_and_tells_the_longest_time_left_never_a_mean(
    server: Server, alice: Client, bob: Client, visit: Visit
) -> None:
    page, stranger = await visit(server.url, "alice"), await visit(server.url, "bob")
    await page.goto("/jobs")
    await connected(page)
    strip, bar = page.locator("#running-strip"), page.locator("#running-strip .running__bar")
    await demonstrate(alice, seconds=60, total=1000)
    await expect(strip).to_have_text(re.compile(r"^\s*1 running · \d+%"), timeout=SECONDS)
    await expect(bar).not_to_have_class(re.compile("is-indeterminate"))
    await demonstrate(alice, seconds=600, total=1000)
    await expect(strip).to_have_text(re.compile(r"^\s*2 running · \d+m"), timeout=SECONDS)
    await expect(strip).not_to_contain_text("%")
    await expect(page).to_have_title("2 running · Jobs · Jindu")
    await expect(bar).to_have_class(re.compile("is-indeterminate"))
    await expect(stranger.locator("#running-strip")).to_be_hidden()


@pytest.mark.parametrize("options", [{"reduced_motion": "reduce"}, {"forced_colors": "active"}])
async def test_an_unknown_total_is_striped_all_along_and_has_no_length(
    server: Server, alice: Client, visit: Visit, options: dict[str, str]
) -> None:
    page = await visit(server.url, "alice", **options)
    job = {"title": "Crawl", "unit": "pages"}
    async with alice.post("/api/v1/jobs", json=job) as response:
        assert response.status == 202, await response.text()
    await page.goto("/jobs")
    bar = page.locator(".job-row .progress__bar")
    await expect(bar).to_have_class(re.compile("is-indeterminate"))
    assert "gradient" in await bar.evaluate("(bar) => getComputedStyle(bar).backgroundImage")
    await expect(bar.locator(".progress__fill")).to_have_attribute("width", "0%")
    await expect(bar.locator(".progress__fill")).to_be_hidden()
    await expect(bar).not_to_have_attribute("aria-valuenow", re.compile(""))
