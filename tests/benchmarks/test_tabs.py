"""Thirty tabs over HTTP/1.1 where WebSockets are blocked: how long until a change is in all. `make bench`."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright

from tests.browser.conftest import CHROMIUM, FLAGS, connected, heard, sign_in
from tests.browser.line import Line, Upgrades
from tests.browser.test_live_client import RECORD
from tests.browser.test_shell import demonstrate
from tests.process import ServerProcess

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(300)]
TABS = 30


async def test_thirty_tabs_all_move(tmp_path: Path) -> None:
    process = ServerProcess(tmp_path / "data")
    process.start()
    line = Line(process.url)
    await line.open()
    line.upgrades = Upgrades.REFUSED
    try:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            context = await browser.new_context(base_url=line.url)
            began = time.perf_counter()
            pages: list[Page] = []
            for _ in range(TABS):
                page = await context.new_page()
                await (page.goto("/jobs") if pages else sign_in(page, "admin"))
                pages.append(page)
            for page in pages:
                await connected(page, "sse")
            opened = time.perf_counter()
            for page in pages:
                await page.evaluate(RECORD)
            asked = time.perf_counter()
            await demonstrate(pages[0], seconds=0, total=3)
            for page in pages:
                await heard(page, "kept.length === 3")
            told = time.perf_counter()
            await browser.close()
    finally:
        await line.close()
        process.stop()
    print(
        f"\n{TABS} tabs without WebSockets: live after {opened - began:.1f} s, a job in all after {told - asked:.2f} s"
    )
