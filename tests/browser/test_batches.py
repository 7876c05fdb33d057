"""Templates and batches in Chromium: ordering, the live grid, the report in its frame, the editor."""

from __future__ import annotations

import aiohttp
import pytest
from playwright.async_api import FloatRect, Locator, Page, expect

from tests.browser.conftest import PageOf, loop_fixture
from tests.browser.editor import source_of, write
from tests.functional.batches import RIGHT, SALES, made, put_template, read
from tests.functional.importing import import_text
from tests.waiting import until

pytestmark = pytest.mark.browser
SLOW_MS = 30_000


@loop_fixture
async def alice(alice: aiohttp.ClientSession) -> aiohttp.ClientSession:
    await import_text(alice)
    await put_template(alice, source=SALES)
    return alice


async def test_one_report_per_region_from_the_form_to_the_live_grid(
    alice: aiohttp.ClientSession, page_of: PageOf
) -> None:
    page = await page_of("alice", at="/templates")
    await page.get_by_role("link", name="Generate").click()
    await expect(page.get_by_text("reports will be made")).to_be_visible()
    await page.get_by_label("华东").uncheck()
    await page.get_by_label("华东").check()
    await page.get_by_label("Excel").uncheck()
    await page.get_by_label("Name of this batch").fill("October")
    await page.get_by_role("button", name="Generate 3 reports").click()
    await expect(page.get_by_role("heading", name="October", exact=True)).to_be_visible()
    tiles = page.locator("[data-report-id]")
    await expect(tiles).to_have_count(3, timeout=SLOW_MS)
    await expect(page.locator(".report-tile--succeeded")).to_have_count(2, timeout=SLOW_MS)
    failed = page.locator(".report-tile--failed")
    await expect(failed).to_have_count(1, timeout=SLOW_MS)
    await expect(failed).to_contain_text("zero")
    # what the page was told live is what a reload shows
    await expect(page.get_by_role("button", name="Try the failed one again")).to_be_visible()
    shown = await shown_states(page)
    await page.reload()
    assert await shown_states(page) == shown
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Download zip").click()
    assert (await download.value).suggested_filename == "October.zip"


async def shown_states(page: Page) -> list[str | None]:
    tiles = page.locator("[data-report-id]")
    return [await tile.get_attribute("data-state") for tile in await tiles.all()]


async def test_only_the_ticked_reports_are_made(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    page = await page_of("alice", at="/batches/new?template=sales")
    await page.get_by_role("button", name="None").click()
    await page.get_by_label("华东").check()
    await page.get_by_role("button", name="Generate 1 report").click()
    await expect(page.locator(".report-tile--succeeded")).to_have_count(1, timeout=SLOW_MS)
    assert (await read(alice, "/api/v1/batches"))["items"][0]["total"] == 1


async def test_tiles_are_filtered_by_state_and_words(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    batch = await made(alice)
    page = await page_of("alice", at=f"/batches/{batch['id']}", viewport={"width": 390, "height": 844})
    await page.get_by_label("State").select_option("failed")
    await expect(page.locator("[data-report-id]")).to_have_count(1)
    await page.get_by_label("State").select_option("")
    await page.get_by_label("Search", exact=True).fill("华东")
    await expect(page.locator("[data-report-id]")).to_have_count(1)
    await page.get_by_label("Search", exact=True).fill("nothing like it")
    await expect(page.get_by_text("No report matches")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_a_report_is_shown_in_a_frame_that_cannot_reach_the_session(
    alice: aiohttp.ClientSession, page_of: PageOf
) -> None:
    await put_template(alice, source=RIGHT)
    batch = await made(alice)
    page = await page_of("alice", at=f"/batches/{batch['id']}")
    await page.get_by_role("link", name="华东 sales", exact=True).click()
    frame = page.frame_locator("iframe")
    await expect(frame.get_by_text("华东").first).to_be_visible()
    inner = page.frames[1]
    assert await inner.evaluate("window.origin") == "null"
    readable = "(() => { try { return document.cookie } catch (error) { return error.name } })()"
    assert await inner.evaluate(readable) == "SecurityError"
    await expect(page.get_by_role("link", name="Excel")).to_be_visible()
    await expect(page.get_by_text("version 1").first).to_be_visible()


async def test_a_report_stands_at_full_height_below_its_files_on_a_telephone_and_is_printed_and_copied(
    alice: aiohttp.ClientSession, page_of: PageOf
) -> None:
    batch = await made(alice)
    page = await page_of("alice", viewport={"width": 390, "height": 500})
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.goto(f"/batches/{batch['id']}")
    await expect(page.locator(".batch-failed")).to_contain_text("Division by zero")
    await page.get_by_role("link", name="华东 sales", exact=True).click()
    await expect(page.frame_locator("iframe").get_by_text("华东").first).to_be_visible()
    inner = page.frames[1]
    await until(lambda: inner.evaluate("document.documentElement.scrollHeight <= innerHeight"), so="it is as high")
    files, frame = page.get_by_role("heading", name="Files"), page.locator("iframe")
    assert (await box(files))["y"] < (await box(frame))["y"]
    await page.get_by_role("button", name="Copy link").first.click()
    await expect(page.get_by_text("Copied")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == page.url
    await inner.evaluate("window.print = () => { window.isPrinted = true }")
    await page.get_by_role("link", name="Print").click()
    await until(lambda: inner.evaluate("window.isPrinted === true"))


async def box(element: Locator) -> FloatRect:
    """Where it stands; it has to be there."""
    found = await element.bounding_box()
    assert found is not None
    return found


async def test_the_editor_marks_what_is_wrong_and_saves_what_is_right(
    alice: aiohttp.ClientSession, page_of: PageOf
) -> None:
    page = await page_of("alice", at="/templates/sales/edit")
    source = source_of(page)
    await expect(page.get_by_text("No problems found")).to_be_visible(timeout=SLOW_MS)
    await write(page, SALES.replace("select sum(amount)", "selct sum(amount)"))
    problem = page.locator(".source-problem--error").first
    await expect(problem).to_be_visible(timeout=SLOW_MS)
    await expect(problem).to_contain_text("7:")
    await problem.click()
    await expect(page.locator(".cm-activeLineGutter").first).to_have_text("7")
    await expect(source.locator(".cm-line.is-error")).to_contain_text("selct")
    await write(page, RIGHT)
    await expect(page.get_by_text("No problems found")).to_be_visible(timeout=SLOW_MS)
    shown = page.frame_locator(".preview__frame:not(.is-coming)")
    await expect(shown.get_by_text("North").first).to_be_visible(timeout=SLOW_MS)
    await source.press("Control+s")
    await expect(page.get_by_text("Saved as version 2")).to_be_visible()
    async with alice.get("/api/v1/templates/sales") as response:
        assert await response.text() == RIGHT


@pytest.mark.parametrize(
    "tolerated",
    [{"Failed to load resource: the server responded with a status of 412 (Precondition Failed)"}],
    ids=[""],
)
async def test_nothing_that_was_typed_or_saved_is_lost(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    """Left without saving, it is offered again; saved over somebody else's version, both are shown."""
    await put_template(alice, source=RIGHT)
    page = await page_of("alice")
    page.on("dialog", lambda dialog: dialog.accept())  # “leave without saving?”
    await page.goto("/templates/sales/edit")
    source = source_of(page)
    mine = RIGHT + "# mine\n"
    await write(page, mine)
    await page.goto("/templates/sales")
    await put_template(alice, source=RIGHT + "# theirs\n")
    await page.goto("/templates/sales/edit")
    await page.get_by_role("button", name="Go on with it").click()
    await expect(source.locator(".cm-line", has_text="# mine")).to_be_visible()
    await source.press("Control+s")
    conflict = page.get_by_role("dialog", name="It was changed meanwhile")
    await expect(conflict.get_by_text("Removed: # theirs")).to_be_visible()
    await expect(conflict.get_by_text("Added: # mine")).to_be_visible()
    await conflict.get_by_role("button", name="Save mine on top").click()
    await expect(page.get_by_text("Saved as version 4")).to_be_visible()
    await page.goto("/templates/sales/versions")
    await page.locator("#version-3").get_by_role("button", name="Restore").click()
    await page.get_by_role("dialog").get_by_role("button", name="Restore").click()
    await page.wait_for_url("**/templates/sales")
    async with alice.get("/api/v1/templates/sales") as response:
        assert await response.text() == RIGHT + "# theirs\n"


async def test_a_new_template_begins_with_a_sample(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    page = await page_of("alice", at="/templates/new")
    await write(page, RIGHT)
    await page.get_by_label("Name", exact=True).fill("second")
    await page.get_by_role("button", name="Save").click()
    await page.wait_for_url("**/templates/second/edit")


async def test_bob_sees_none_of_it(alice: aiohttp.ClientSession, bob: aiohttp.ClientSession, page_of: PageOf) -> None:
    await made(alice)
    page = await page_of("bob", at="/batches")
    await expect(page.get_by_text("No reports yet")).to_be_visible()
    await page.goto("/templates")
    await expect(page.get_by_text("No templates yet")).to_be_visible()
