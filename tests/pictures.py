"""The pictures of the guide, in both languages, for light pages and dark ones: `make shots` draws them anew.

What a page says of itself without the frame around it: that changes oftener, and is on every page.
"""

from __future__ import annotations

import asyncio
import io
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count, product
from pathlib import Path

import aiohttp
from PIL import Image
from playwright.async_api import Browser, FloatRect, Page, ViewportSize, async_playwright

from tests.browser.conftest import CHROMIUM, FLAGS
from tests.process import ServerProcess
from tests.shots import CHINESE, CREDENTIALS, ENGLISH, sign_in, with_sample_data

VIEWPORT: ViewportSize = {"width": 1180, "height": 860}
QUALITY = 78
SETTLED_MS = 1_500  # for what is drawn after it was asked for: previews, charts


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictured:
    """`ready` is what stands there once all of it is drawn, `of` the part that is shown, at most so high."""

    page: str
    ready: str = "h1"
    of: str = "main"
    height: int = 640
    has_frame: bool = False


PICTURES = {
    "home": Pictured(page="home", ready="#connection-state[data-state=connected]", height=800, has_frame=True),
    "wizard": Pictured(page="wizard", ready="#problems", of="#file-zones", height=490),
    "rejects": Pictured(page="rejects", height=520),
    "dataset": Pictured(page="dataset", height=560),
    "template-editor": Pictured(page="template-editor", ready="main iframe", height=680),
    "batch": Pictured(page="batch", ready="[data-map] canvas"),
    "report": Pictured(page="report", ready="iframe.report-frame"),
    "share": Pictured(page="batch", ready="#share", of="#share", height=420),
    "job-of-script": Pictured(page="job-of-script", ready=".progress__bar", height=520),
    "admin": Pictured(page="admin", ready="main canvas", height=720),
    "alerts": Pictured(page="alerts", height=640),
    "websocket-test": Pictured(page="websocket-test", ready="#connection-state[data-state=connected]", height=720),
}
"""By the name of the file, which `.en.webp`, `.en.dark.webp`, `.zh-CN.webp` and `.zh-CN.dark.webp` follow."""


async def main(target: Path) -> None:
    with tempfile.TemporaryDirectory() as directory:
        process = ServerProcess(Path(directory) / "data")
        await asyncio.to_thread(process.start)
        try:
            pages = await with_sample_data(process.url)
            async with _moving(process.url, pages["job-of-script"]), async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                for language, scheme in product((ENGLISH, CHINESE), ("light", "dark")):
                    await _draw(browser, process.url, pages, target, language, scheme)
        finally:
            await asyncio.to_thread(process.stop)


@asynccontextmanager
async def _moving(url: str, page: str) -> AsyncIterator[None]:
    """The job of a script goes on meanwhile, as it would where there is one."""
    async with aiohttp.ClientSession(url) as client:
        async with client.post("/api/v1/tokens", json=CREDENTIALS | {"name": "pictures"}) as response:
            headers = {"Authorization": f"Bearer {(await response.json())['token']}"}

        async def move() -> None:
            for step in count(1):
                body = {"progress": 48_213 + step * 97, "message": "Reading orders"}
                await client.patch(f"/api/v1{page}", json=body, headers=headers)
                await asyncio.sleep(0.5)

        task = asyncio.create_task(move())
        try:
            yield
        finally:
            task.cancel()


async def _draw(browser: Browser, url: str, pages: dict[str, str], target: Path, language: str, scheme: str) -> None:
    context = await browser.new_context(
        base_url=url, viewport=VIEWPORT, color_scheme=scheme, locale=language, reduced_motion="reduce"
    )
    page = await context.new_page()
    await sign_in(page)
    for name, pictured in PICTURES.items():
        await page.goto(pages[pictured.page])
        await page.wait_for_selector("#connection-state[data-state=connected]")
        await page.locator(pictured.ready).first.wait_for()
        await page.wait_for_load_state("load")
        await page.wait_for_timeout(SETTLED_MS)
        suffix = ".dark.webp" if scheme == "dark" else ".webp"
        (target / f"{name}.{language}{suffix}").write_bytes(await _picture(page, pictured))
    await context.close()


async def _picture(page: Page, pictured: Pictured) -> bytes:
    if pictured.has_frame:
        clip: FloatRect = {"x": 0, "y": 0, "width": VIEWPORT["width"], "height": pictured.height}
        return _packed(await page.screenshot(clip=clip))
    box = await page.locator(pictured.of).bounding_box()
    assert box is not None
    height = min(box["height"], pictured.height)
    part: FloatRect = {"x": box["x"], "y": box["y"], "width": box["width"], "height": height}
    return _packed(await page.screenshot(clip=part, full_page=True))


def _packed(drawn: bytes) -> bytes:
    packed = io.BytesIO()
    Image.open(io.BytesIO(drawn)).convert("RGB").save(packed, "WEBP", quality=QUALITY, method=6)
    return packed.getvalue()


if __name__ == "__main__":
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(directory))
