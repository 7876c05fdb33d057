"""What surrounds every page: language, theme, menus, notifications, the connection's state, the strip of what runs."""

from __future__ import annotations

import re

import msgspec
import pytest
from playwright.async_api import Page, expect

from server.clock import utc_now
from server.jobs.job import Job, State
from tests.browser.conftest import PageOf
from tests.conftest import Server
from views.formats import ReaderFormats

pytestmark = pytest.mark.browser


async def demonstrate(page: Page, **parameters: object) -> str:
    """Start a job that only counts, as the person of this page; its id."""
    body = {"seconds": 3, "total": 1000} | parameters
    response = await page.request.post("/api/v1/jobs/demonstration", data=body)
    assert response.status == 202, await response.text()
    job_id: str = (await response.json())["job_id"]
    return job_id


async def test_the_skip_link_is_first_and_leads_to_the_content(page_of: PageOf, admin: object) -> None:
    page = await page_of("admin")
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip-link")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#content")).to_be_focused()


async def test_menus_open_by_keyboard_and_escape_gives_the_focus_back(page_of: PageOf, admin: object) -> None:
    page = await page_of("admin")
    button = page.locator(".user-button")
    await button.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#user-panel")).to_be_visible()
    await page.keyboard.press("ArrowDown")
    await expect(page.locator("#user-panel a[href='/account']")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.locator("#user-panel")).to_be_hidden()
    await expect(button).to_be_focused()


async def test_what_is_current_is_seen_in_the_readers_own_colours(page_of: PageOf, admin: object) -> None:
    page = await page_of("admin", forced_colors="active")
    await page.goto("/jobs")
    for current, other, what in (
        (".nav__link[aria-current]", ".nav__link:not([aria-current])", "backgroundColor"),
        (".tabs__tab[aria-current]", ".tabs__tab:not([aria-current])", "borderBottomColor"),
    ):
        looks = [
            await page.locator(each).first.evaluate("(seen, what) => getComputedStyle(seen)[what]", what)
            for each in (current, other)
        ]
        assert looks[0] != looks[1], current


async def test_the_theme_is_kept_without_a_flash(page_of: PageOf, admin: object) -> None:
    page = await page_of("admin", color_scheme="light")
    await page.click(".user-button")
    await page.click("[data-theme-choice=dark]")
    light = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    await page.goto("/jobs", wait_until="commit")
    assert await page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert await page.evaluate("matchMedia('(prefers-color-scheme: light)').matches")
    assert await page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    assert light


async def test_the_language_switches_for_strangers_and_stays_with_the_account(
    server: Server, page_of: PageOf, admin: object
) -> None:
    page = await page_of(None, locale="en-US")
    await page.goto("/login")
    await page.click("button[name=language][value=zh-CN]")
    await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    await expect(page.locator("form [type=submit]").first).to_have_text("登录")

    account = await page_of("admin", locale="en-US")
    await account.click(".user-button")
    await account.click("button[name=language][value=zh-CN]")
    await expect(account.locator(".nav")).to_contain_text("数据集")
    elsewhere = await page_of("admin", locale="en-US")
    await expect(elsewhere.locator(".nav")).to_contain_text("数据集")


async def test_the_state_of_the_connection_is_shown(page_of: PageOf, admin: object) -> None:
    page = await page_of("admin")
    state = page.locator("#connection-state")
    await expect(state).to_have_attribute("data-state", "connected")
    await expect(state).to_have_text("Live")
    await page.evaluate(
        "import([...document.scripts].find((s) => /app.js$/.test(s.src)).src).then(({ live }) => live.close())"
    )
    await expect(state).to_have_attribute("data-state", "closed")


async def test_what_runs_is_seen_on_every_page_and_in_the_tabs_title(
    page_of: PageOf, admin: object, alice: object, bob: object
) -> None:
    page = await page_of("alice")
    stranger = await page_of("bob")
    await page.goto("/jobs")
    await expect(page.locator("#connection-state")).to_have_attribute("data-state", "connected")
    await demonstrate(page, seconds=4)
    await expect(page.locator("#running-strip")).to_be_visible()
    await expect(page.locator("#running-strip")).to_contain_text("1 running")
    await expect(page).to_have_title(re.compile(r"^\d+% · Jobs · Jindu$"))
    await expect(stranger.locator("#running-strip")).to_be_hidden()
    await expect(page).to_have_title("Jobs · Jindu")
    await expect(page.locator("#running-strip")).to_be_hidden()


async def test_an_unknown_page_says_so(page_of: PageOf, admin: object) -> None:
    page = await page_of("admin")
    response = await page.request.get("/nowhere", headers={"Accept": "text/html"})
    assert response.status == 404
    text = await response.text()
    assert "There is nothing here, or it is not yours." in text
    assert "Go to the home page" in text


@pytest.mark.parametrize("language", ["en", "zh-CN"])
async def test_no_page_is_wider_than_a_small_phone(page_of: PageOf, admin: object, language: str) -> None:
    page = await page_of("admin", viewport={"width": 360, "height": 740}, locale=language)
    widths = {}
    for path in ("/", "/jobs", "/admin", "/admin/users", "/admin/audit", "/admin/settings", "/account"):
        await page.goto(path)
        widths[path] = await page.evaluate("document.documentElement.scrollWidth")
    assert {path: width for path, width in widths.items() if width > 360} == {}


@pytest.mark.parametrize("language", ["en", "zh-CN"])
async def test_scripts_and_server_write_the_same_figures(
    server: Server, page_of: PageOf, admin: object, language: str
) -> None:
    page = await page_of("admin", locale=language)
    formats = ReaderFormats(
        language=language, translations=server.parts.languages.of(language), time_zone="UTC", now=utc_now()
    )
    fields = {"id": "j", "kind": "k", "owner_id": "o", "title": "t", "created_at": utc_now(), "state": State.RUNNING}
    for job in (
        Job(**fields, unit="rows", progress=12_400, total=50_000, rate=8_120.4),
        Job(**fields, unit="rows", progress=3_400, total=None, rate=0.5),
        Job(**fields, unit="bytes", progress=123_456_789, total=2_000_000_000, rate=950.0),
        Job(**fields, unit="bytes", progress=999_999, total=None),
        Job(**fields, unit="bytes", progress=512, total=900, rate=12.0),
        Job(**fields, unit="rows", progress=7, total=200_000, rate=0.7),
        Job(**fields, unit="reports", progress=1, total=200, rate=0.02),
        Job(**fields, unit="reports", progress=5, total=200, rate=0.02, detail={"failed": 2}),
    ):
        told = {"percent": job.percent, "eta_seconds": job.eta_seconds, "missing": job.detail.get("failed", 0)}
        sent = msgspec.to_builtins(job) | told
        written = await page.evaluate(
            "job => import('/static/js/figures.js').then(m => [m.counted(job), m.pace(job)])", sent
        )
        assert written == [formats.counted(job), formats.pace(job)]
