"""Parts of a page that are brought up to date under people's hands: what they have begun ends as they meant it."""

from __future__ import annotations

import re

import aiohttp
import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import PageOf
from tests.functional.live_client import live
from tests.functional.test_external_jobs import begin, push

pytestmark = pytest.mark.browser
SECONDS = 20_000


async def connected(page: Page) -> None:
    await expect(page.locator("#connection-state")).to_have_attribute("data-state", "connected", timeout=SECONDS)


async def refreshed(page: Page) -> None:
    """The page's first live part, fetched again."""
    await page.evaluate(
        """async () => {
            const { refreshFragment } = await import("/static/js/fragments.js");
            await refreshFragment(document.querySelector("[data-live-fragment]"));
        }"""
    )


async def test_a_click_that_began_before_a_refresh_ends_at_the_same_row(
    page_of: PageOf, bob: aiohttp.ClientSession
) -> None:
    desk = await page_of("admin")
    await page_of("bob")
    await desk.goto("/admin/connections")
    await connected(desk)
    row = desk.locator("tr", has_text="Chrome").filter(has_text="bob")
    # The connection of the page before this one has gone, so that nothing moves any more.
    await expect(desk.locator("tbody tr").first).to_contain_text("bob", timeout=SECONDS)
    await expect(desk.locator("tbody tr")).to_have_count(2)
    await row.locator("a").hover()
    await desk.mouse.down()
    async with live(bob, "a-script"):
        await expect(desk.locator("tr", has_text="bob")).to_have_count(2, timeout=SECONDS)
        await desk.mouse.up()
    await desk.wait_for_url(re.compile(r"/admin/connections/\w+/close"))
    await expect(desk.locator("main")).to_contain_text("Chrome")


async def test_a_question_that_is_open_during_a_refresh_is_still_answered(page_of: PageOf, alice: object) -> None:
    laptop = await page_of("alice")
    phone = await page_of("alice", user_agent="Mozilla/5.0 (iPhone) Version/18.0 Safari/604.1")
    await phone.goto("/jobs")
    await connected(phone)
    await laptop.goto("/account")
    await connected(laptop)
    await laptop.locator(".device", has_text="iPhone").get_by_role("button", name="Sign out there").click()
    await refreshed(laptop)
    await laptop.locator("#confirm-dialog [value=yes]").click()
    await expect(phone.locator("#signed-out-dialog")).to_be_visible(timeout=SECONDS)


SHARE_DRAWN = """(id) => {
  const bar = document.querySelector(`#job-${id} .progress__bar`);
  return bar.querySelector(".progress__fill").getBoundingClientRect().width / bar.getBoundingClientRect().width;
}"""
REFRESHED_WITH = """async (old) => {
  const { refreshFragment } = await import("/static/js/fragments.js");
  window.fetch = async () => new Response(old);
  await refreshFragment(document.querySelector("[data-live-fragment]"));
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""

ANSWERED_THE_WRONG_WAY_ROUND = """async () => {
  const { refreshFragment } = await import("/static/js/fragments.js");
  const [element, answers] = [document.querySelector("[data-live-fragment]"), []];
  window.fetch = () => new Promise((done) => answers.push(done));
  const [first, second] = [refreshFragment(element), refreshFragment(element)];
  answers[1](new Response("<p>new</p>"));
  await second;
  answers[0](new Response("<p>old</p>"));
  await first;
  return element.textContent;
}"""


async def test_rows_that_were_fetched_before_a_bar_moved_do_not_draw_it_back(
    page_of: PageOf, alice: aiohttp.ClientSession
) -> None:
    page = await page_of("alice", at="/jobs")
    await connected(page)
    job = (await begin(alice, total=100, unit="rows"))["job_id"]
    for progress in (30, 80):
        await push(alice, job, progress=progress)
        await expect(page.locator(f"#job-{job} .progress__percent")).to_contain_text(str(progress), timeout=SECONDS)
        if progress == 30:
            address = await page.locator("[data-live-fragment]").first.get_attribute("data-live-fragment")
            old = await page.evaluate("(path) => fetch(path).then((answer) => answer.text())", address)
    await page.wait_for_function(f"(id) => ({SHARE_DRAWN})(id) > 0.79", arg=job)
    await page.evaluate(REFRESHED_WITH, old)
    assert await page.evaluate(SHARE_DRAWN, job) > 0.79
    assert await page.evaluate(ANSWERED_THE_WRONG_WAY_ROUND) == "new"


async def test_focus_selection_and_what_is_open_survive_a_refresh(page_of: PageOf, alice: object) -> None:
    page = await page_of("alice")
    await page.goto("/jobs")
    await connected(page)
    job = await (await page.request.post("/api/v1/jobs/demonstration", data={"seconds": 0, "total": 3})).json()
    title = page.locator(f"#job-{job['job_id']} a")
    await expect(title).to_be_visible(timeout=SECONDS)
    await title.focus()
    await title.evaluate("element => getSelection().selectAllChildren(element)")
    await title.evaluate("element => { element.mark = 'the same element'; }")
    await refreshed(page)
    await expect(title).to_be_focused()
    assert await title.evaluate("element => element.mark") == "the same element"
    assert await page.evaluate("String(getSelection())") == "Demonstration"


async def test_what_was_deleted_while_a_refresh_waited_is_not_asked_for(page_of: PageOf, alice: object) -> None:
    page = await page_of("alice")
    job = await (await page.request.post("/api/v1/jobs/demonstration", data={"seconds": 0, "total": 1})).json()
    await page.goto(f"/jobs/{job['job_id']}")
    await connected(page)
    await page.evaluate(
        """async (id) => {
            const { Fragments, refreshFragment } = await import("/static/js/fragments.js");
            const [silent, element] = [{ listen() {}, subscribe() {} }, document.querySelector("[data-live-fragment]")];
            new Fragments(silent, silent, silent).removed("job", id);
            await refreshFragment(element);
        }""",
        job["job_id"],
    )
    await expect(page.locator("#content")).to_contain_text("it was deleted")
