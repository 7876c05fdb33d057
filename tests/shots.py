"""Screenshots of every page, wide and narrow, light and dark, English and Chinese: `make shots`, then look at them."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Literal

import aiohttp
from playwright.async_api import Browser, Page, async_playwright

from server.settings import Settings
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.process import ROOT, ServerProcess
from tests.states import every_state

SIZES = {"1280": {"width": 1280, "height": 900}, "390": {"width": 390, "height": 844}}
ENGLISH, CHINESE = "en", "zh-CN"
CREDENTIALS = {"username": "admin", "password": "correct-horse-admin", "name": "shots"}


async def main(target: Path) -> None:
    with tempfile.TemporaryDirectory() as directory:
        process = ServerProcess(Path(directory) / "data")
        await asyncio.to_thread(process.start)
        try:
            await shoot(process.url, target)
        finally:
            await asyncio.to_thread(process.stop)
    with tempfile.TemporaryDirectory() as directory:
        await shoot_states(Path(directory), target)


async def shoot_states(data: Path, target: Path) -> None:
    """Every state in which a job is drawn, on every page that draws it."""
    password = CREDENTIALS["password"]
    settings = Settings(
        port=0, data=data, admin_user="admin", admin_password=password, reserve_bytes=0, graphql=True, peer=True
    )
    async with every_state(settings) as places, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        lists = {"home": "/"} | {name: f"/{name}" for name in ("jobs", "batches", "notifications", "admin")}
        pages = {f"state-{name}": path for name, path in {**lists, **places.pages}.items()}
        await shoot_pages(browser, places.server.url, pages, target, until="load")  # what moves asks for more
        await browser.close()


async def shoot(url: str, target: Path) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        await shoot_pages(browser, url, {"login": "/login"}, target, signed_in=False)
        await shoot_pages(browser, url, {"home-empty": "/"}, target)
        await shoot_pages(browser, url, await with_sample_data(url), target)
        await browser.close()


async def with_sample_data(url: str) -> dict[str, str]:
    """Import the sample orders and generate a batch as a person would; answers the pages worth looking at."""
    async with aiohttp.ClientSession(url) as anonymous, anonymous.post("/api/v1/tokens", json=CREDENTIALS) as response:
        token = (await response.json())["token"]
    async with aiohttp.ClientSession(url, headers={"Authorization": f"Bearer {token}"}) as client:
        form = aiohttp.FormData()
        form.add_field("file", (ROOT / "examples" / "orders.csv").read_bytes(), filename="orders.csv")
        async with client.post("/api/v1/uploads", data=form) as response:
            upload = await response.json()
        import_job = await done(client, "/imports", {"upload_id": upload["id"], "dataset": "orders", "mode": "create"})
        source = (ROOT / "examples" / "templates" / "monthly-sales.yaml").read_bytes()
        async with client.put(
            "/api/v1/templates/monthly-sales", data=source, headers={"Content-Type": "application/yaml"}
        ) as response:
            assert response.status in (200, 201), await response.text()
        batch = await done(
            client, "/batches", {"template": "monthly-sales", "formats": ["pdf", "xlsx", "html"], "name": "October"}
        )
        running, failed = await pushed_jobs(client)
        async with client.get(f"/api/v1/batches/{batch['batch_id']}/reports") as response:
            report = (await response.json())["items"][0]
    return {
        "home": "/",
        "wizard": f"/imports/new?upload={upload['id']}",
        "import": f"/imports/{import_job['job_id']}",
        "rejects": f"/imports/{import_job['job_id']}/rejects",
        "datasets": "/datasets",
        "dataset": "/datasets/orders",
        "templates": "/templates",
        "template": "/templates/monthly-sales",
        "template-editor": "/templates/monthly-sales/edit",
        "batches": "/batches",
        "batch-new": "/batches/new?template=monthly-sales",
        "batch": f"/batches/{batch['batch_id']}",
        "report": f"/reports/{report['id']}",
        "jobs": "/jobs",
        "job": f"/jobs/{import_job['job_id']}",
        "job-of-script": f"/jobs/{running}",
        "job-of-script-failed": f"/jobs/{failed}",
        "account": "/account",
        "brand": "/account/brand",
        "admin": "/admin",
        "alerts": "/admin/alerts",
        "storage": "/admin/storage",
        "files": "/imports",
        "websocket-test": "/websocket-test",
        "docs": "/docs",
        "docs-events": "/docs/events",
        "not-found": "/datasets/nothing",
    }


async def pushed_jobs(client: aiohttp.ClientSession) -> list[str]:
    """Two jobs as scripts push them: one under way, one failed."""
    begin = {"title": "Nightly ETL", "total": 120_000, "unit": "rows", "stage": "loading", "message": "Reading orders"}
    changes: list[dict[str, object]] = [
        {"progress": 48_213, "detail": {"rejected": 17, "source": "erp-2"}},
        {"progress": 9_001, "state": "failed", "error": "ConnectionError: the warehouse does not answer"},
    ]
    ids = []
    for change in changes:
        async with client.post("/api/v1/jobs", json=begin) as response:
            ids.append((await response.json())["job_id"])
        async with client.patch(f"/api/v1/jobs/{ids[-1]}", json=change) as response:
            assert response.status == 200, await response.text()
    return ids


async def done(client: aiohttp.ClientSession, path: str, body: Mapping[str, object]) -> dict[str, str]:
    async with client.post(f"/api/v1{path}", json=body) as response:
        assert response.status == 202, await response.text()
        started: dict[str, str] = await response.json()
    while True:
        async with client.get(f"/api/v1/jobs/{started['job_id']}") as response:
            if (await response.json())["state"] in ("succeeded", "failed"):
                return started
        await asyncio.sleep(0.2)


async def shoot_pages(
    browser: Browser,
    url: str,
    pages: Mapping[str, str],
    target: Path,
    *,
    signed_in: bool = True,
    until: Literal["load", "networkidle"] = "networkidle",
) -> None:
    for (size, viewport), scheme, language in product(SIZES.items(), ("light", "dark"), (ENGLISH, CHINESE)):
        if scheme == "dark" and language == CHINESE:
            continue  # colours and words are independent
        context = await browser.new_context(
            base_url=url, viewport=viewport, color_scheme=scheme, locale=language, reduced_motion="reduce"
        )
        page = await context.new_page()
        if signed_in:
            await sign_in(page)
        for name, path in pages.items():
            await page.goto(path)
            await page.wait_for_load_state(until)
            if signed_in:
                await page.wait_for_selector("#connection-state[data-state=connected]")
            await page.screenshot(path=target / f"{name}-{size}-{scheme}-{language}.png", full_page=True)
        await context.close()


async def sign_in(page: Page) -> None:
    await page.goto("/login")
    await page.fill("[name=username]", CREDENTIALS["username"])
    await page.fill("[name=password]", CREDENTIALS["password"])
    await page.click("form [type=submit]")
    await page.wait_for_url(lambda url: "/login" not in url)


if __name__ == "__main__":
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(directory))
