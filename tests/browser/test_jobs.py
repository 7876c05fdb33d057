"""The pages of jobs: the list that keeps itself true, one job with its log, cancel and retry."""

from __future__ import annotations

import re

import aiohttp
import pytest
from playwright.async_api import expect

from tests.browser.conftest import PageOf
from tests.browser.test_shell import demonstrate
from tests.conftest import Server
from tests.functional.command_line import token_of
from tests.functional.scripts import script

pytestmark = pytest.mark.browser


async def test_a_new_job_appears_in_the_list_and_moves_by_itself(
    page_of: PageOf, admin: object, alice: object, bob: object
) -> None:
    page, stranger = await page_of("alice"), await page_of("bob")
    for each in (page, stranger):
        await each.goto("/jobs")
        await expect(each.locator("#content")).to_contain_text("No jobs yet")
        await expect(each.locator("#connection-state")).to_have_attribute("data-state", "connected")
    await demonstrate(page, seconds=5, total=1000)
    row = page.locator(".job-row")
    await expect(row).to_have_count(1)
    await expect(row.locator(".badge")).to_have_text("Running")
    await expect(row.locator("[role=progressbar]")).to_have_attribute("aria-valuenow", re.compile(r"^[3-9]\d$"))
    await expect(row.locator(".badge")).to_have_text("Done")
    await expect(row.locator("[role=progressbar]")).to_have_attribute("aria-valuenow", "100")
    await expect(row.locator(".progress__figures")).to_have_text("1,000 of 1,000 steps")
    await expect(stranger.locator("#content")).to_contain_text("No jobs yet")


async def test_a_bar_never_goes_backwards(page_of: PageOf, admin: object, alice: object) -> None:
    page = await page_of("alice")
    job_id = await demonstrate(page, seconds=3, total=5000)
    await page.goto(f"/jobs/{job_id}")
    await page.evaluate(
        """() => {
            window.seen = [];
            new MutationObserver(() => {
                const bar = document.querySelector("[role=progressbar]");
                if (bar) window.seen.push(Number(bar.getAttribute("aria-valuenow")));
            }).observe(document.body, {subtree: true, childList: true, attributes: true});
        }"""
    )
    await expect(page.locator(".job-hero .badge")).to_have_text("Done", timeout=15_000)
    seen = await page.evaluate("window.seen")
    assert len(set(seen)) > 5
    assert seen == sorted(seen)


async def test_a_failed_job_says_why_and_can_be_tried_again(page_of: PageOf, admin: object, alice: object) -> None:
    page = await page_of("alice")
    job_id = await demonstrate(page, seconds=1, total=100, fail_at=30)
    await page.goto(f"/jobs/{job_id}")
    await expect(page.locator(".notice--danger")).to_contain_text("It failed at 30, as it was asked to.")
    await expect(page.locator(".log")).to_contain_text("Counting starts.")
    await page.click("text=Try again")
    await expect(page.locator("dialog[open] h2")).to_have_text("Try this job again?")
    await page.click("dialog [value=yes]")
    await expect(page.locator(".facts")).to_contain_text("Attempt")
    await expect(page.locator(".log__attempt", has_text="Attempt 2")).to_be_visible(timeout=15_000)


async def test_cancelling_asks_says_what_is_lost_and_stops(page_of: PageOf, admin: object, alice: object) -> None:
    page = await page_of("alice")
    job_id = await demonstrate(page, seconds=60)
    await page.goto(f"/jobs/{job_id}")
    await expect(page.locator(".job-hero .badge")).to_have_text("Running")
    await page.click(".job-hero__actions button")
    dialog = page.locator("#confirm-dialog")
    await expect(dialog).to_contain_text("What it has done so far is given up.")
    await expect(dialog.locator("[value=no]")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(page.locator(".job-hero .badge")).to_have_text("Running")
    await page.click(".job-hero__actions button")
    await dialog.locator("[value=yes]").click()
    await expect(page.locator(".job-hero .badge")).to_have_text("Cancelled")
    await expect(page.locator(".job-hero")).to_contain_text("It was cancelled")


async def test_a_dialog_keeps_the_focus(page_of: PageOf, admin: object, alice: object) -> None:
    page = await page_of("alice")
    job_id = await demonstrate(page, seconds=60)
    await page.goto(f"/jobs/{job_id}")
    await page.click(".job-hero__actions button")
    for _ in range(6):
        await page.keyboard.press("Tab")
        inside = "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
        assert await page.evaluate(inside)


async def test_jobs_are_filtered_and_other_peoples_are_not_found(
    page_of: PageOf, admin: object, alice: object, bob: object
) -> None:
    page, stranger = await page_of("alice"), await page_of("bob")
    job_id = await demonstrate(page, seconds=0.1, total=10)
    await page.goto(f"/jobs/{job_id}")
    await expect(page.locator(".job-hero .badge")).to_have_text("Done")
    await page.goto("/jobs?state=failed")
    await expect(page.locator("#content")).to_contain_text("No job matches")
    await page.goto("/jobs?q=demon")
    await expect(page.locator(".job-row")).to_have_count(1)
    response = await stranger.request.get(f"/jobs/{job_id}", headers={"Accept": "text/html"})
    assert response.status == 404
    assert "Counting starts." not in await response.text()


async def test_an_administrator_sees_whose_job_it_is_and_watches_it(
    page_of: PageOf, admin: object, alice: object
) -> None:
    page, watcher = await page_of("alice"), await page_of("admin")
    await watcher.goto("/jobs")
    await expect(watcher.locator("#connection-state")).to_have_attribute("data-state", "connected")
    await demonstrate(page, seconds=4, total=1000)
    row = watcher.locator(".job-row")
    await expect(row).to_contain_text("alice")
    await expect(row.locator(".badge")).to_have_text("Done", timeout=15_000)
    await expect(watcher.locator("#running-strip")).to_be_hidden()


async def test_pages_work_without_scripts(page_of: PageOf, admin: object, alice: object) -> None:
    page = await page_of("alice", java_script_enabled=False)
    job_id = await demonstrate(page, seconds=60)
    await page.goto(f"/jobs/{job_id}")
    await expect(page.locator("[role=progressbar]")).to_be_visible()
    await page.click(".job-hero__actions button")
    await page.wait_for_url(f"**/jobs/{job_id}")
    await expect(page.locator(".job-hero .badge")).to_have_text("Cancelled")


_SCRIPT = """
import itertools, time, jindu
with jindu.job("Nightly ETL", total=4, unit="files", interval_seconds=0.05) as job:
    for _ in range(3):
        print("next"); input()
        job.message("Reading orders")
        job.detail(rejected=1234)
        job.advance()
    for turn in itertools.count():
        job.detail(turn=turn)  # with news it hears at once that it was cancelled, else within half a minute
        job.advance(0)
        time.sleep(0.02)
"""


async def test_a_scripts_bar_moves_on_the_jobs_page_and_at_home_and_cancel_stops_it(
    server: Server, page_of: PageOf, admin: object, alice: aiohttp.ClientSession, bob: object
) -> None:
    jobs, home, stranger = await page_of("alice"), await page_of("alice", locale="zh-CN"), await page_of("bob")
    for page, path in ((jobs, "/jobs"), (home, "/"), (stranger, "/jobs")):
        await page.goto(path)
        await expect(page.locator("#connection-state")).to_have_attribute("data-state", "connected")
    async with script(_SCRIPT, server.url, token_of(alice)) as running:
        for done in range(1, 4):
            await running.line()
            await running.go_on()
            for page in (jobs, home):
                row = page.locator(".job-row", has_text="Nightly ETL")
                await expect(row.locator("[role=progressbar]")).to_have_attribute(
                    "aria-valuenow", str(25 * done), timeout=15_000
                )
        await expect(jobs.locator(".job-row")).to_contain_text("Script")
        await expect(jobs.locator(".progress__figures")).to_contain_text("3 of 4 files")
        await expect(home.locator(".job-row .progress__figures").first).to_contain_text("个文件")
        await expect(jobs.locator("#running-strip")).to_contain_text("1 running")
        await expect(stranger.locator("#content")).to_contain_text("No jobs yet")
        await jobs.click(".job-row__title")
        await expect(jobs.locator(".progress__message")).to_have_text("Reading orders")
        await expect(jobs.locator(".facts")).to_contain_text("1,234")
        await jobs.click(".job-hero__actions button")
        await expect(jobs.locator("#confirm-dialog")).to_contain_text("Its script is told so and should stop")
        await jobs.click("#confirm-dialog [value=yes]")
        await expect(jobs.locator(".job-hero .badge")).to_have_text("Cancelled")
        status, _, error = await running.end()
    assert status == 1
    assert "Cancelled" in error
    await expect(jobs.locator(".job-hero__actions button")).to_have_text(["Delete"])  # nothing could start it again


async def test_a_deleted_job_leaves_every_tab_at_once(
    page_of: PageOf, admin: object, alice: object, tolerated: set[str]
) -> None:
    # A tab may be asking for the job in the very moment in which it goes.
    tolerated.add("Failed to load resource: the server responded with a status of 404 (Not Found)")
    page = await page_of("alice")
    job_id = await demonstrate(page, seconds=0, total=1)
    listed, shown = await page.context.new_page(), await page.context.new_page()
    await listed.goto("/jobs")
    await shown.goto(f"/jobs/{job_id}")
    for each in (listed, shown):
        await expect(each.locator("#connection-state")).to_have_attribute("data-state", "connected")
    await expect(listed.locator(".job-row")).to_have_count(1)
    await page.goto(f"/jobs/{job_id}")
    await page.get_by_role("button", name="Delete").click()
    dialog = page.locator("#confirm-dialog")
    await expect(dialog).to_contain_text("It goes with its log")
    await dialog.get_by_role("button", name="Delete the job").click()
    await expect(page).to_have_url(re.compile("/jobs$"))
    await expect(listed.locator(".job-row")).to_have_count(0)
    await expect(shown.locator("#content")).to_contain_text("it was deleted")


async def test_picked_jobs_are_deleted_together_and_the_list_holds_still_meanwhile(
    page_of: PageOf, admin: object, alice: object
) -> None:
    page = await page_of("alice")
    for _ in range(2):
        await demonstrate(page, seconds=0, total=1)
    await page.goto("/jobs")
    await expect(page.locator("#connection-state")).to_have_attribute("data-state", "connected")
    rows = page.locator(".job-row")
    await expect(rows).to_have_count(2)
    await rows.first.hover()
    await rows.first.get_by_role("checkbox").check()
    await page.request.post("/api/v1/jobs/demonstration", data={"seconds": 0, "total": 1})
    await page.locator(".job-actions__picked").get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("heading", name="Delete 1 job?")).to_be_visible()
    await page.get_by_role("button", name="Delete them").click()
    await expect(page.get_by_role("heading", name="1 job was deleted")).to_be_visible()
    await page.get_by_role("link", name="Back to the jobs").click()
    await expect(rows).to_have_count(2)
    await expect(page.locator(".job-tabs [aria-current]")).to_contain_text("2")


async def test_a_job_that_ended_while_it_was_picked_can_be_deleted(
    page_of: PageOf, admin: object, alice: object
) -> None:
    page = await page_of("alice")
    job_id = await demonstrate(page, seconds=600)
    await page.goto("/jobs")
    await expect(page.locator("#connection-state")).to_have_attribute("data-state", "connected")
    row = page.locator(".job-row")
    await row.hover()
    await row.get_by_role("checkbox").check()
    await page.request.post(f"/api/v1/jobs/{job_id}/cancel")
    await expect(row.locator(".badge")).to_have_attribute("data-state", "cancelled")
    await page.locator(".job-actions__picked").get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("heading", name="Delete 1 job?")).to_be_visible()


async def test_a_list_of_which_some_are_picked_stays_until_they_are_not(
    page_of: PageOf, admin: object, alice: object
) -> None:
    page = await page_of("alice")
    await demonstrate(page, seconds=0, total=1)
    await page.goto("/jobs")
    await expect(page.locator("#connection-state")).to_have_attribute("data-state", "connected")
    rows, box = page.locator(".job-row"), page.get_by_role("checkbox").first
    await box.focus()
    await page.keyboard.press("Space")
    started = await page.request.post("/api/v1/jobs/demonstration", data={"seconds": 0, "total": 1})
    job = (await started.json())["job_id"]
    await page.wait_for_function(
        "id => fetch(`/api/v1/jobs/${id}`).then((r) => r.json()).then((j) => j.state === 'succeeded')", arg=job
    )
    await expect(rows).to_have_count(1)
    await page.keyboard.press("Space")
    await expect(rows).to_have_count(2)
