"""tus-js-client's own browser specs, and Uppy on a page of another origin, against the real server in Chromium."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, Route

from server.settings import Settings
from tests.browser.conftest import loop_fixture
from tests.conftest import PASSWORDS, Server

pytestmark = pytest.mark.browser
CLIENTS = Path(__file__).parent.parent / "clients"
PACKAGES = CLIENTS / "node_modules"
EMPTY_PAGE = "<!doctype html><title>Clients</title>"
SPEC_SCRIPTS = (
    "jasmine-core/lib/jasmine-core/jasmine.js",
    "jasmine-core/lib/jasmine-core/jasmine-html.js",
    "jasmine-core/lib/jasmine-core/boot0.js",
    "jasmine-ajax/lib/mock-ajax.js",
)
RESULTS = """
globalThis.specs = [];
globalThis.done = new Promise((resolve) => jasmine.getEnv().addReporter({
  specDone: (spec) => specs.push({
    name: spec.fullName, status: spec.status, failures: spec.failedExpectations.map((failed) => failed.message),
  }),
  jasmineDone: () => resolve(specs),
}));
"""


@loop_fixture
async def elsewhere() -> AsyncIterator[str]:
    """The address of another web site, which has one empty page."""

    async def show(_request: web.Request) -> web.Response:
        return web.Response(text=EMPTY_PAGE, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", show)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
def settings(settings: Settings, elsewhere: str) -> Settings:
    return replace(settings, min_free_bytes=1, allowed_origins=(elsewhere,))


def specs_for(server: Server) -> str:
    """The bundle that the package ships, with our address for that of its makers' demonstration server."""
    bundle = (PACKAGES / "tus-js-client/dist/browser-test-bundle.js").read_text("utf-8")
    place = f"{server.url}/api/v1/uploads"
    return bundle.replace("https://tusd.tusdemo.net/files/", place).replace(
        r"/^https:\/\/tusd\.tusdemo\.net\/files\//", f"new RegExp('^{place}/')"
    )


async def test_tus_js_client_passes_its_own_specs(
    server: Server, browser: Browser, alice: aiohttp.ClientSession
) -> None:
    context = await browser.new_context(base_url=server.url)
    page = await context.new_page()
    form = {"username": "alice", "password": PASSWORDS["alice"]}
    assert (await page.request.post("/login", form=form, max_redirects=0)).status == 303
    await page.route("**/specs", lambda route: route.fulfill(body=EMPTY_PAGE, content_type="text/html"))
    await page.route("**/api/v1/uploads/*", ask_for_the_file)
    await page.goto("/specs")
    for path in SPEC_SCRIPTS:
        await page.add_script_tag(path=PACKAGES / path)
    await page.add_script_tag(content=RESULTS + specs_for(server))
    specs: list[dict[str, Any]] = await page.evaluate("jasmine.getEnv().execute().then(() => done)")
    assert [spec for spec in specs if spec["status"] != "passed"] == []
    assert len(specs) == 61
    assert sum("real tus server" in spec["name"] for spec in specs) == 2


async def ask_for_the_file(route: Route) -> None:
    """The specs read a file at the address of its upload without a word on what they accept: here that is JSON."""
    headers = await route.request.all_headers()
    if route.request.method == "GET":
        headers["accept"] = "application/octet-stream"
    await route.continue_(headers=headers)


@loop_fixture
async def uppy(browser: Browser, elsewhere: str) -> Page:
    """A page of another origin that has Uppy."""
    process = await asyncio.create_subprocess_exec(
        "node_modules/.bin/esbuild", "uppy.mjs", "--bundle", "--log-level=error",
        cwd=CLIENTS, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    bundle, _ = await process.communicate()
    assert process.returncode == 0
    page = await (await browser.new_context()).new_page()
    await page.goto(elsewhere)
    await page.add_script_tag(content=bundle.decode())
    return page


async def test_uppy_sends_from_another_origin(server: Server, uppy: Page, alice: aiohttp.ClientSession) -> None:
    token = alice.headers["Authorization"].removeprefix("Bearer ")
    ways = ({}, {"chunkSize": 1_000_000}, {"parallelUploads": 3}, {"parallelUploads": 3, "chunkSize": 700_000})
    sizes = [8_000_003 + number for number in range(len(ways))]  # Uppy knows a file again by its name and size
    for options, size in zip(ways, sizes, strict=True):
        sent = await uppy.evaluate(
            "given => sendFile(given)",
            {"endpoint": f"{server.url}/api/v1/uploads", "token": token, "bytes": size, "options": options},
        )
        assert (sent["errors"], sent["sent"]) == ([], size), options
        async with alice.get(sent["url"].removeprefix(server.url)) as response:
            upload = await response.json()
        assert (upload["name"], upload["size"], upload["sha256"]) == ("订单.csv", size, sent["sha256"]), options
    async with alice.get("/api/v1/jobs") as response:
        jobs = (await response.json())["items"]
    assert {(job["title"], job["state"]) for job in jobs} == {("订单.csv", "succeeded")}
    assert sorted(job["progress"] for job in jobs) == sizes
