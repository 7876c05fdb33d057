"""Every page of the router, by day and by night, in both languages, on a screen and on a phone.

axe finds nothing, nothing stands beside the screen, and nothing moves by itself while it loads.
"""

from __future__ import annotations

from dataclasses import replace

import aiohttp
import pytest
from playwright.async_api import Page, expect

from server.settings import Settings
from tests.browser.axe import violations
from tests.browser.conftest import PageOf, connected
from tests.browser.test_shell import demonstrate
from tests.conftest import PASSWORDS
from tests.pages import FOR_STRANGERS, NO_HELP, NO_PAGES, ON_THE_WAY, ROUTES, furnished, of_a_thousand
from views.routes import PAGES

pytestmark = pytest.mark.browser


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, graphql=True, peer=True)  # they have pages


RULES = {"target-size": {"enabled": True}}  # off by itself, and asked for by Lighthouse


async def complaints(page: Page) -> list[str]:
    """What axe finds, one line each."""
    # Transitions would be judged in the middle of a change of colours.
    await page.emulate_media(reduced_motion="reduce")
    return await violations(page, rules=RULES)


async def of_ways_in(page: Page) -> list[str]:
    """Pages of what is shown once, or to one person alone: an invitation, an app, recovery codes, a user."""
    await page.goto("/admin/users")
    await page.locator("form[action='/admin/invitations'] button").click()
    link = await page.locator("#new-link").text_content() or ""
    found = await complaints(page)
    await page.goto("/invitation?" + link.partition("?")[2])
    found += await complaints(page)
    await page.goto("/admin/users")
    await page.locator("td a").first.click()
    await page.locator("form[action$='/reset-link'] button").click()
    await expect(page.locator("#new-link")).to_be_visible()
    found += await complaints(page)
    await page.goto("/account/sign-in")
    await page.fill("#begin-password", PASSWORDS["admin"])
    await page.keyboard.press("Enter")
    await expect(page.locator(".qr-code")).to_be_visible()
    return found + await complaints(page)


WATCH_SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const { value, hadRecentInput, sources } of list.getEntries()) {
    const moved = sources.map(({ node }) => node?.nodeType === 1 ? node.cloneNode().outerHTML : node?.textContent);
    if (!hadRecentInput) window.shifts.push([value, moved.join(" ")]);
  }
}).observe({ type: "layout-shift", buffered: true });
"""
MOST_SHIFT = 0.01  # a part of the screen, times how far it went: to here Lighthouse gives all its points
# CodeMirror draws its lines anew once it has measured a letter: that is seen where the machine is slow.
MOST_SHIFT_OF_EDITORS = 0.1  # which is the most that Core Web Vitals call good
FACTS = """() => ({
  width: document.documentElement.scrollWidth,
  headings: document.querySelectorAll("h1").length,
  description: document.querySelector("meta[name=description]")?.content.length ?? 0,
  title: document.title.length,
  help: document.querySelectorAll("a.help-link[href*='#']").length,
  squeezed: [...document.querySelectorAll("textarea")]
    .filter((area) => area.offsetWidth && area.offsetWidth < 0.6 * area.parentElement.clientWidth)
    .map((area) => area.id),
})"""


async def faults(page: Page, path: str, width: int, route: str = "") -> list[str]:
    """Of the page at `path`: what axe finds, what stands beside the screen or moves, what has no name or help."""
    response = await page.goto(path)
    assert response is not None
    assert response.status == 200, path
    if await page.locator("#connection-state").count():
        await connected(page)
    await page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    facts = await page.evaluate(FACTS)
    found = [f"{path} is {facts['width']} wide"] if facts["width"] > width else []
    found += [f"{path} has {facts['headings']} headings"] if facts["headings"] != 1 else []
    found += [f"{path} does not say what it is"] if not (facts["description"] and facts["title"]) else []
    found += [f"{path} has no help"] if not facts["help"] and route not in NO_HELP else []
    found += [f"{path} squeezes {facts['squeezed']}"] if facts["squeezed"] else []
    shifts = await page.evaluate("window.shifts")
    is_editor = path.startswith("/templates/") and path.endswith(("/new", "/edit"))
    if sum(value for value, _ in shifts) > (MOST_SHIFT_OF_EDITORS if is_editor else MOST_SHIFT):
        found += [f"{path} moves by {value}: {moved}" for value, moved in shifts]
    return found + await complaints(page)


@pytest.mark.timeout(900)  # two minutes alone; there are eighty pages, and others test beside it
@pytest.mark.parametrize(("scheme", "locale", "width"), [("light", "en-US", 1280), ("dark", "zh-CN", 360)])
async def test_every_page_can_be_read_and_stands_still(
    page_of: PageOf, admin: aiohttp.ClientSession, scheme: str, locale: str, width: int
) -> None:
    options = {"color_scheme": scheme, "locale": locale, "viewport": {"width": width, "height": 900}}
    await connected(await page_of("admin"))  # a connection that somebody may close
    page, stranger = await page_of("admin", **options), await page_of(None, **options)
    for each in (page, stranger):
        await each.context.add_init_script(WATCH_SHIFTS)
    places = await furnished(admin)
    assert set(places) == ROUTES, "say in tests/pages.py where a new page is, or that it is none"
    assert {route.path for route in PAGES} >= NO_PAGES | ON_THE_WAY
    found = []
    for route, addresses in places.items():
        for path in addresses:
            found += await faults(stranger if route in FOR_STRANGERS else page, path, width, route)
    found += await faults(page, await of_a_thousand(admin), width)
    found += await faults(stranger, "/docs/api/jobs", width)
    assert found == []


async def test_axe_finds_nothing_in_what_opens_or_is_shown_once(page_of: PageOf, admin: object) -> None:
    page = await page_of("admin")
    found = await of_ways_in(page)
    running = await demonstrate(page, seconds=300)
    await page.goto(f"/jobs/{running}")
    await page.click(".user-button")
    found += await complaints(page)
    await page.keyboard.press("Escape")
    await page.click(".job-hero__actions button")
    found += await complaints(page)
    await page.goto("/docs/api/uploads")
    await page.locator("[data-try] summary").nth(3).click()
    found += await complaints(page)
    assert found == []
