"""What somebody writes is shown, never run: pages and reports full of markup and scripts, looked at in a browser."""

from __future__ import annotations

import io
from typing import Any

import aiohttp
import pytest
import yarl
from playwright.async_api import Page

from tests.browser.conftest import PageOf
from tests.conftest import Server
from tests.functional.batches import made, put_template, reports_of
from tests.functional.importing import import_text
from views.routes import PAGES

pytestmark = pytest.mark.browser

SCRIPTS = (
    "<img src=x onerror='window.injected=1'>",
    '<svg onload="window.injected=1">',
    "</script><script>window.injected=1",
)
EVIL = "'\"-->" + "".join(SCRIPTS) + "</script>"
CSV = 'name,"{0}"\n"{0}",1\n"=cmd|\' /C calc\'!A0",2\n'.format(EVIL.replace('"', '""'))
TEMPLATE = """\
title: TITLE
description: EVIL
formats: [html]
parameters:
  who: {type: text, label: EVIL, default: EVIL}
queries:
  rows: select * from orders
blocks:
  - heading: EVIL
  - text: TEXT
  - text: "[click](javascript:window.injected=1) ![x](javascript:window.injected=1)"
  - text: "<b onclick='window.injected=1'>b</b>"
  - chart: {kind: bar, query: rows, x: name, y: VALUE, title: EVIL}
  - table: {query: rows}
"""
INJECTED = """() => ({
    ran: window.injected === undefined ? 0 : 1,
    elements: document.querySelectorAll('[onerror], [onload], [onclick], script:not([src]):not([type])').length,
    links: [...document.querySelectorAll('[href], [src], [action]')]
        .filter((element) => /^\\s*javascript:/i.test(element.href || element.src || element.action)).length,
})"""


def yaml_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


async def _made(client: aiohttp.ClientSession) -> dict[str, str]:
    """Everything that has a text, with scripts in each."""
    await import_text(client, CSV, name=f"{EVIL}.csv")  # twice: there is a page that compares versions
    job_id = (await import_text(client, CSV, name=f"{EVIL}.csv", mode="replace"))["job_id"]
    async with client.patch("/api/v1/datasets/orders", json={"description": EVIL}) as response:
        assert response.status == 200, await response.text()
    source = TEMPLATE.replace("TITLE", "'{{ who }}'").replace("TEXT", "'{{ who }} {{ rows[0].name }}'")
    source = source.replace("VALUE", yaml_text(EVIL)).replace("EVIL", yaml_text(EVIL))
    for version in (f"{source}# {SCRIPTS[0]}\n", source):  # twice, here too
        await put_template(client, "report", version)
    batch = await made(client, "report", name=EVIL)
    [report] = await reports_of(client, batch["id"])
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(b"a\n1\n"), filename=f"{EVIL}.csv")
    async with client.post("/api/v1/uploads", data=form) as response:
        upload = await response.json()
    body: dict[str, Any] = {"title": EVIL, "unit": EVIL[:30], "total": 10}
    async with client.post("/api/v1/jobs", json=body) as response:
        assert response.status in (201, 202), await response.text()
        external = (await response.json())["job_id"]
    said = {"message": EVIL, "stage": EVIL[:60], "detail": {"note": EVIL}, "progress": 3}
    async with client.patch(f"/api/v1/jobs/{external}", json=said) as response:
        assert response.status == 200, await response.text()
    return {
        "/datasets/{name}": "/datasets/orders",
        "/templates/{name}": "/templates/report",
        "/imports/{job_id}": f"/imports/{job_id}",
        "/imports/new": f"/imports/new?upload={upload['id']}",
        "/batches/new": "/batches/new?template=report",
        "/jobs/{id}": f"/jobs/{external}",
        "/batches/{id}": f"/batches/{batch['id']}",
        "/reports/{id}": f"/reports/{report['id']}",
        "artifact": report["artifacts"][0]["url"],
    }


def _addresses(places: dict[str, str], *, is_admin: bool) -> list[str]:
    """Every page, and some searches; of an administrator only those that others do not have."""
    q = yarl.URL.build(query={"q": EVIL}).raw_query_string
    found = [] if is_admin else [f"/jobs?{q}", f"/datasets?{q}", "/nothing/<script>window.injected=1</script>"]
    for route in PAGES:
        path = route.path
        for placeholder, value in places.items():
            path = path.replace(placeholder, value)
        is_no_page = path.endswith(("/preview", "/export", "/export.csv", "/export.zip")) or path.startswith("/wall/")
        left_out = "{" in path or is_no_page or path in ("/setup", "/healthz", "/readyz", "/metrics")
        if route.method == "GET" and not left_out and path.startswith("/admin") == is_admin:
            found.append(path)
    return found + ["/admin/users", "/admin/audit"] * is_admin


async def _look(page: Page, path: str) -> None:
    await page.goto(path)
    assert await page.evaluate(INJECTED) == {"ran": 0, "elements": 0, "links": 0}, path


async def _look_at_report(page: Page, path: str) -> None:
    """On its own, with the pointer over its chart."""
    await page.goto(path)
    for mark in await page.locator("svg path").all():
        await mark.dispatch_event("mouseover")
    assert await page.evaluate("window.injected") is None
    assert await page.locator("[onerror], [onclick], a[href^='javascript']").count() == 0


async def test_nothing_that_somebody_wrote_runs_on_any_page(
    server: Server, page_of: PageOf, alice: aiohttp.ClientSession, admin: aiohttp.ClientSession, tolerated: set[str]
) -> None:
    places = await _made(alice)
    async with admin.post("/api/v1/admin/broadcast", json={"title": EVIL[:100], "body": EVIL}) as response:
        assert response.status < 300, await response.text()
    tolerated.add("Failed to load resource: the server responded with a status of 404 (Not Found)")
    for status in ("401 (Unauthorized)", "409 (Conflict)", "410 (Gone)"):  # links of nobody, and nothing to correct
        tolerated.add(f"Failed to load resource: the server responded with a status of {status}")
    asked: list[str] = []
    for name in ("alice", "admin"):
        page = await page_of(name, user_agent=f"Mozilla/5.0 {EVIL}")
        page.on("dialog", lambda dialog: pytest.fail(f"a dialog: {dialog.message}"))
        page.on("request", lambda request: asked.append(request.url))
        for path in _addresses(places, is_admin=name == "admin"):
            await _look(page, path)
        if name == "alice":
            await _look_at_report(page, places["artifact"])
    outside = [url for url in asked if not url.startswith((server.url, "data:", "blob:", "about:"))]
    assert not outside
