"""The drop zone in Chromium: real bytes, interruptions of every kind, and words for what goes wrong."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser, Page, Request, expect

from server.settings import Settings
from tests.browser.conftest import PageOf, loop_fixture, sign_in
from tests.browser.line import Line
from tests.conftest import Server
from tests.functional.test_uploads import patch
from tests.functional.test_uploads_in_parts import begin, join

pytestmark = pytest.mark.browser
SLOW_BYTES_A_SECOND = 1_000_000
LARGE = 8_000_000
MAX_BYTES = 20_000_000
RoughPage = Callable[[str], Awaitable[Page]]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, max_upload_bytes=MAX_BYTES, min_free_bytes=1)


@loop_fixture
async def line(server: Server) -> AsyncIterator[Line]:
    line = Line(server.url)
    await line.open()
    yield line
    await line.close()


@loop_fixture
async def rough_page_of(line: Line, browser: Browser) -> AsyncIterator[RoughPage]:
    """Like `page_of`, but over `line`, and requests may fail: Chromium logs each as an error."""
    async with AsyncExitStack() as stack:

        async def open_page(name: str) -> Page:
            context = await browser.new_context(base_url=line.url)
            stack.push_async_callback(context.close)
            page = await context.new_page()
            await sign_in(page, name)
            return page

        yield open_page


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "sales.csv"
    path.write_text("region,amount\nEast,10\n", "utf-8")
    return path


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.csv"
    path.write_text("number,text\n" + "".join(f"{n},{'x' * 80}\n" for n in range(LARGE // 88)), "utf-8")
    return path


async def choose(page: Page, *paths: Path) -> None:
    await page.set_input_files("[data-dropzone-input][multiple]", list(paths))


async def uploads_of(client: aiohttp.ClientSession) -> list[dict[str, Any]]:
    async with client.get("/api/v1/uploads") as response:
        return list((await response.json())["items"])


async def percent_past(page: Page, percent: int) -> None:
    bar = page.locator(".upload .progress__bar")
    async with asyncio.timeout(30):
        while int(await bar.get_attribute("aria-valuenow") or 0) < percent:
            await asyncio.sleep(0.05)


async def require_whole(client: aiohttp.ClientSession, path: Path) -> None:
    content = await asyncio.to_thread(path.read_bytes)
    async with asyncio.timeout(15):
        while (upload := (await uploads_of(client))[0])["sha256"] is None:
            await asyncio.sleep(0.05)
    assert upload["sha256"] == hashlib.sha256(content).hexdigest()


async def test_one_file_goes_on_to_its_import(page_of: PageOf, alice: aiohttp.ClientSession, small: Path) -> None:
    page = await page_of("alice")
    await choose(page, small)
    await page.wait_for_url("**/imports/new?upload=*")
    (upload,) = await uploads_of(alice)
    assert page.url.endswith(upload["id"])
    await require_whole(alice, small)


async def test_several_files_stay_on_the_page_and_each_offers_its_import(
    page_of: PageOf, alice: aiohttp.ClientSession, small: Path, tmp_path: Path
) -> None:
    second = tmp_path / "二月.csv"
    second.write_text("a\n1\n", "utf-8")
    page = await page_of("alice")
    await choose(page, small, second)
    links = page.locator(".upload [data-action=import]:visible")
    await expect(links).to_have_count(2)
    assert {upload["name"] for upload in await uploads_of(alice)} == {"sales.csv", "二月.csv"}


async def test_a_file_can_be_dropped_anywhere(page_of: PageOf, alice: aiohttp.ClientSession) -> None:
    page = await page_of("alice")
    transfer = await page.evaluate_handle(
        """() => {
            const transfer = new DataTransfer();
            transfer.items.add(new File(["a,b\\n1,2\\n"], "dropped.csv", {type: "text/csv"}));
            return transfer;
        }"""
    )
    await page.dispatch_event("h1", "dragenter", {"dataTransfer": transfer})
    await expect(page.locator("body")).to_have_class(re.compile("is-dragging"))
    await page.dispatch_event("h1", "drop", {"dataTransfer": transfer})
    await page.wait_for_url("**/imports/new?upload=*")
    assert [upload["name"] for upload in await uploads_of(alice)] == ["dropped.csv"]


async def test_the_bar_moves_here_and_in_another_tab_but_not_for_bob(
    rough_page_of: RoughPage, line: Line, alice: aiohttp.ClientSession, bob: aiohttp.ClientSession, large: Path
) -> None:
    page = await rough_page_of("alice")
    other_tab = await page.context.new_page()
    await other_tab.goto("/")
    stranger = await rough_page_of("bob")
    line.speed = SLOW_BYTES_A_SECOND
    await choose(page, large)
    await percent_past(page, 20)
    job_id = (await uploads_of(alice))[0]["job_id"]
    await expect(other_tab.locator(f"[data-job-id='{job_id}'] .progress__percent").first).to_contain_text("%")
    assert await stranger.locator(f"[data-job-id='{job_id}']").count() == 0
    line.speed = None
    await page.wait_for_url("**/imports/new?upload=*", timeout=60_000)


async def test_a_broken_connection_is_survived(
    rough_page_of: RoughPage, line: Line, alice: aiohttp.ClientSession, large: Path
) -> None:
    page = await rough_page_of("alice")
    line.speed = SLOW_BYTES_A_SECOND
    await choose(page, large)
    await percent_past(page, 20)
    line.cut()
    await expect(page.locator(".upload[data-upload-state=waiting]")).to_be_visible()
    line.speed = None
    line.mend()
    await page.wait_for_url("**/imports/new?upload=*", timeout=60_000)
    assert len(await uploads_of(alice)) == 1
    await require_whole(alice, large)


async def test_pause_and_go_on(rough_page_of: RoughPage, line: Line, alice: aiohttp.ClientSession, large: Path) -> None:
    page = await rough_page_of("alice")
    line.speed = SLOW_BYTES_A_SECOND
    await choose(page, large)
    await percent_past(page, 20)
    await page.click("[data-action=pause]")
    await expect(page.locator(".upload__status")).to_have_text("Paused")
    async with asyncio.timeout(15):
        while not (paused := (await uploads_of(alice))[0]["offset"]):
            await asyncio.sleep(0.05)
    assert paused < LARGE // 2
    await expect(page.locator("#running-strip")).to_contain_text("1 paused", timeout=15_000)
    await expect(page.locator(".home-live .job-row")).to_have_count(1)
    await expect(page.locator(".home-live")).to_be_hidden()  # its row is the one at the drop zone
    line.speed = None
    line.mend()
    await page.click("[data-action=resume]")
    await page.wait_for_url("**/imports/new?upload=*", timeout=60_000)
    await require_whole(alice, large)


async def test_cancelling_asks_and_removes_the_upload(
    rough_page_of: RoughPage, line: Line, alice: aiohttp.ClientSession, large: Path
) -> None:
    page = await rough_page_of("alice")
    line.speed = SLOW_BYTES_A_SECOND
    await choose(page, large)
    await percent_past(page, 10)
    await page.click("[data-action=cancel]")
    await page.click("#confirm-dialog [value=yes]")
    await expect(page.locator(".upload")).to_have_count(0)
    async with asyncio.timeout(15):
        while await uploads_of(alice):
            await asyncio.sleep(0.05)


async def test_an_upload_cancelled_elsewhere_does_not_start_again(
    rough_page_of: RoughPage, line: Line, alice: aiohttp.ClientSession, large: Path
) -> None:
    page = await rough_page_of("alice")
    line.speed = SLOW_BYTES_A_SECOND
    await choose(page, large)
    await percent_past(page, 20)
    (upload,) = await uploads_of(alice)
    async with alice.post(f"/api/v1/jobs/{upload['job_id']}/cancel") as response:
        assert response.status < 300
    await expect(page.locator(".upload__error")).to_contain_text("cancelled or removed elsewhere", timeout=20_000)
    assert await uploads_of(alice) == []


async def test_after_a_reload_the_same_file_goes_on_where_it_was(
    rough_page_of: RoughPage, line: Line, alice: aiohttp.ClientSession, large: Path
) -> None:
    page = await rough_page_of("alice")
    page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    line.speed = SLOW_BYTES_A_SECOND
    await choose(page, large)
    await percent_past(page, 30)
    line.cut()  # else what is on the way still arrives
    line.mend()
    await page.reload()
    hint = page.locator(".upload--unfinished")
    await expect(hint).to_contain_text("large.csv")
    await expect(hint).to_contain_text("Choose the same file again")
    offsets: list[int] = []
    page.on("request", lambda request: offsets.extend(patched_at(request)))
    line.speed = None
    line.mend()
    await choose(page, large)
    await expect(hint).to_have_count(0)
    await page.wait_for_url("**/imports/new?upload=*", timeout=60_000)
    assert offsets[0] > 0
    assert len(await uploads_of(alice)) == 1
    await require_whole(alice, large)


def patched_at(request: Request) -> list[int]:
    return [int(request.headers["upload-offset"])] if request.method == "PATCH" else []


async def test_a_file_that_changed_behind_its_name_size_and_time_begins_anew(
    rough_page_of: RoughPage, line: Line, alice: aiohttp.ClientSession, large: Path
) -> None:
    page = await rough_page_of("alice")
    page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    line.speed = SLOW_BYTES_A_SECOND
    await choose(page, large)
    await percent_past(page, 30)
    line.cut()
    line.mend()
    await page.reload()
    line.speed = None
    change_unseen(large)
    await choose(page, large)
    await page.wait_for_url("**/imports/new?upload=*", timeout=60_000)
    assert len(await uploads_of(alice)) == 2
    await require_whole(alice, large)


def change_unseen(path: Path) -> None:
    """Other bytes, of the same name, size and time."""
    before = path.stat()
    with path.open("r+b") as stream:
        stream.write(b"NUMBER")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


async def test_a_folder_brings_its_files_and_those_of_its_folders(
    page_of: PageOf, alice: aiohttp.ClientSession, tmp_path: Path
) -> None:
    folder = tmp_path / "2026"
    (folder / "march" / "south").mkdir(parents=True)
    for place in ("a.csv", "march/b.csv", "march/south/三月.csv", ".DS_Store", "march/~$b.csv"):
        (folder / place).write_text("x\n1\n", "utf-8")
    page = await page_of("alice")
    await page.set_input_files("[data-dropzone-input]:not([multiple])", folder)
    await expect(page.locator(".upload [data-action=import]:visible")).to_have_count(3)
    assert sorted(upload["name"] for upload in await uploads_of(alice)) == ["a.csv", "b.csv", "三月.csv"]


async def test_of_many_files_three_are_sent_at_a_time_and_all_arrive(
    rough_page_of: RoughPage, line: Line, alice: aiohttp.ClientSession, tmp_path: Path
) -> None:
    paths = [tmp_path / f"{number}.csv" for number in range(8)]
    for path in paths:
        path.write_text(f"{path.stem}\n" + "1\n" * 20_000, "utf-8")
    page = await rough_page_of("alice")
    line.speed = SLOW_BYTES_A_SECOND
    await choose(page, *paths)
    await expect(page.locator("[data-upload-state=sending]")).to_have_count(3)
    await expect(page.locator("[data-upload-state=queued]")).to_have_count(5)
    line.speed = None
    await expect(page.locator("[data-upload-state=done]")).to_have_count(8, timeout=60_000)
    assert len(await uploads_of(alice)) == 8


async def test_a_file_that_is_too_large_is_refused_in_words(
    rough_page_of: RoughPage, line: Line, alice: aiohttp.ClientSession, tmp_path: Path
) -> None:
    path = tmp_path / "huge.csv"
    with path.open("wb") as stream:
        stream.truncate(MAX_BYTES + 1)
    page = await rough_page_of("alice")
    await choose(page, path)
    await expect(page.locator(".upload__error")).to_contain_text("larger than")
    await expect(page.locator("[data-action=retry]")).to_be_visible()
    assert await uploads_of(alice) == []


async def test_the_sample_takes_the_same_way(page_of: PageOf, alice: aiohttp.ClientSession) -> None:
    page = await page_of("alice")
    await page.click("form[action='/samples'] button")
    await page.wait_for_url("**/imports/new?upload=*", timeout=60_000)
    (upload,) = await uploads_of(alice)
    assert upload["name"] == "orders.csv"
    assert page.url.endswith(upload["id"])


async def test_a_file_in_parallel_parts_is_one_bar_that_moves(
    page_of: PageOf, alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    page, stranger = await page_of("alice"), await page_of("bob")
    for each in (page, stranger):
        await each.goto("/jobs")
        await expect(each.locator("#connection-state")).to_have_attribute("data-state", "connected")
    places = [await begin(alice, 1_000) for _ in range(4)]
    row = page.locator(".job-row")
    await expect(row).to_have_count(1)
    bar = row.locator("[role=progressbar]")
    for number, place in enumerate(places, start=1):
        assert (await patch(alice, place, 0, b"x" * 1_000))[0] == 204
        await expect(bar).to_have_attribute(
            "aria-valuenow", str(min(99, 25 * number))
        )  # all has come, and is no file yet
    await expect(row.locator(".badge")).to_have_text("Finishing")
    assert (await join(alice, *places))[0] == 201
    await expect(row.locator(".badge")).to_have_text("Done")
    await expect(row).to_contain_text("sales.csv")
    await expect(row).to_have_count(1)
    await expect(stranger.locator("#content")).to_contain_text("No jobs yet")
