"""A server below its host, `https://intranet/jindu/`, whether the proxy in front takes `/jindu` away or not."""

from __future__ import annotations

import dataclasses
import re
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from server.settings import Settings
from tests.browser.conftest import SECONDS, Visit, connected, loop_fixture
from tests.conftest import PASSWORDS, Server, serving, signed_in
from tests.functional.batches import put_template
from tests.functional.importing import import_text
from tests.proxy import proxying

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
BASE = "/jindu"
PAGES = (
    "/", "/datasets", "/templates", "/templates/new", "/batches", "/jobs", "/imports", "/notifications", "/account",
    "/account/brand", "/admin", "/admin/users", "/admin/connections", "/admin/storage", "/admin/brand", "/admin/audit",
    "/admin/settings", "/docs", "/docs/events", "/websocket-test",
)  # fmt: skip


@loop_fixture
async def server(settings: Settings) -> AsyncIterator[Server]:
    async with serving(dataclasses.replace(settings, base_path=BASE)) as server:
        yield server


async def sign_in(page: Page, base: str) -> None:
    await page.goto(f"{base}/datasets")
    assert page.url.endswith(f"{base}/login?next=/datasets")
    await page.get_by_label("User name").fill("admin")
    await page.get_by_label("Password").fill(PASSWORDS["admin"])
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(f"**{base}/datasets")


async def upload_and_import(page: Page, file: Path) -> None:
    await page.goto(f"{BASE}/")
    await page.locator("[data-dropzone] input[multiple]").set_input_files(file)
    await page.wait_for_url(f"**{BASE}/imports/new?upload=*", timeout=SECONDS)
    await page.locator("#import-button").click(timeout=SECONDS)
    await page.wait_for_url(re.compile(rf"{BASE}/imports/[0-9a-z]{{26}}$"), timeout=SECONDS)
    await expect(page.get_by_role("link", name="Open “places”")).to_be_visible(timeout=SECONDS)


async def make_reports(page: Page) -> None:
    """Ordered, watched until they are made, and downloaded."""
    await page.goto(f"{BASE}/batches/new?template=sales")
    await page.get_by_role("button", name="Generate").click()
    await page.wait_for_url(re.compile(rf"{BASE}/batches/[0-9a-z]{{26}}$"))
    await expect(page.locator("#content .badge").first).to_contain_text("Done", timeout=SECONDS)
    async with page.expect_download() as download:
        await page.locator("a[href$='/download.zip']").first.click()
    with zipfile.ZipFile(await (await download.value).path()) as archive:
        assert archive.namelist()


@pytest.mark.parametrize("strips", [True, False], ids=["stripped", "kept"])
async def test_everything_works_below_a_base_path(server: Server, visit: Visit, tmp_path: Path, strips: bool) -> None:
    async with await signed_in(server, "admin") as admin:
        await import_text(admin)
        await put_template(admin)
    file = tmp_path / "places.csv"
    file.write_text("place,size\nHangzhou,12\nSuzhou,10\n")
    async with proxying({BASE: server.url}, strips=strips) as proxy:
        page = await visit(proxy.url, None)
        await sign_in(page, BASE)
        await connected(page)
        await upload_and_import(page, file)
        await make_reports(page)
        for path in PAGES:
            await page.goto(BASE + path)
            await expect(page.locator("#content")).to_be_visible()
            if path == "/docs":
                await page.locator(".docs__row").first.click()
                await expect(page.locator(".docs__operation").first).to_be_visible(timeout=SECONDS)
        await page.get_by_role("button", name=re.compile("admin")).first.click()
        await page.close()  # before its proxy: it would ask for its connection again, and complain
        assert proxy.foreign == []
