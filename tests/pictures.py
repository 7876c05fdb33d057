"""The pictures of the guide, in both languages, for light pages and dark ones: `make shots` draws them anew.

What a page says of itself without the frame around it: that changes oftener, and is on every page.
"""

from __future__ import annotations

import asyncio
import io
import sys
import tempfile
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, Page, async_playwright

from tests.browser.conftest import CHROMIUM, FLAGS
from tests.process import ServerProcess
from tests.shots import CHINESE, ENGLISH, sign_in, with_sample_data

VIEWPORT = {"width": 1180, "height": 860}
QUALITY = 78
SETTLED_MS = 1_500  # for what is drawn after it was asked for: previews, charts


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictured:
    """`ready` is what stands there once all of it is drawn; `clicks` are pressed first. `height` at most."""

    page: str
    ready: str = "h1"
    clicks: tuple[str, ...] = ()
    height: int = 640
    has_frame: bool = False


PICTURES = {
    "home": Pictured(page="home", ready="#connection-state[data-state=connected]", height=800, has_frame=True),
    "wizard": Pictured(page="wizard", ready="#problems"),
    "rejects": Pictured(page="rejects", height=520),
    "dataset": Pictured(page="dataset", height=560),
    "template-editor": Pictured(page="template-editor", ready="main iframe", height=680),
    "batch": Pictured(page="batch", ready="[data-map] canvas"),
    "report": Pictured(page="report", ready="iframe.report-frame"),
    "share": Pictured(page="batch", ready="#share", height=420),
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
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                for language, scheme in product((ENGLISH, CHINESE), ("light", "dark")):
                    await _draw(browser, process.url, pages, target, language, scheme)
        finally:
            await asyncio.to_thread(process.stop)


async def _draw(
    browser: Browser, url: str, pages: dict[str, str], target: Path, language: str, scheme: str
) -> None:
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
        (target / f"{name}.{language}{suffix}").write_bytes(await _picture(page, name, pictured))
    await context.close()


async def _picture(page: Page, name: str, pictured: Pictured) -> bytes:
    if pictured.has_frame:
        clip = {"x": 0, "y": 0, "width": VIEWPORT["width"], "height": pictured.height}
        return _packed(await page.screenshot(clip=clip))
    shown = page.locator(f"#{name}" if name == "share" else "main")
    box = await shown.bounding_box()
    assert box is not None
    clip = {"x": box["x"], "y": box["y"], "width": box["width"], "height": min(box["height"], pictured.height)}
    return _packed(await page.screenshot(clip=clip, full_page=True))


def _packed(drawn: bytes) -> bytes:
    packed = io.BytesIO()
    Image.open(io.BytesIO(drawn)).convert("RGB").save(packed, "WEBP", quality=QUALITY, method=6)
    return packed.getvalue()


if __name__ == "__main__":
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(directory))
