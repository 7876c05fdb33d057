"""Templates of the gallery, and first pages of reports: the doors, who may pass them, and what comes of it."""

from __future__ import annotations

import io
from typing import Any

import aiohttp
from PIL import Image

from tests.conftest import Server, new_user
from tests.functional.batches import made, put_template, read
from tests.functional.importing import import_text

LIST, START = "/api/v1/templates/gallery", "/api/v1/templates/from-gallery"
PAGED = "title: Paged\nformats: [pdf]\nblocks:\n  - heading: A page\n"


async def started(client: aiohttp.ClientSession, status: int = 200, **given: Any) -> dict[str, Any]:
    async with client.post(START, json={"gallery": "inventory-ageing"} | given) as response:
        assert response.status == status, await response.text()
        answer: dict[str, Any] = await response.json()
        return answer


async def names(client: aiohttp.ClientSession, of: str) -> list[str]:
    return [item["name"] for item in (await read(client, f"/api/v1/{of}"))["items"]]


async def test_the_gallery_is_told_in_the_reader_s_language_with_pictures(alice: aiohttp.ClientSession) -> None:
    items = (await read(alice, LIST))["items"]
    assert len(items) >= 10
    stock = next(item for item in items if item["gallery"] == "inventory-ageing")
    assert (stock["title"], stock["datasets"]) == ("Inventory ageing", ["sample_stock"])
    async with alice.get(stock["picture"]) as response:
        assert (response.status, response.content_type) == (200, "image/webp")
    assert (await started(alice))["name"] == "inventory-ageing"
    assert (await started(alice, language="zh-CN"))["name"] == "库存库龄分析"
    assert (await started(alice, name="stock"))["name"] == "stock"
    assert await names(alice, "templates") == []  # nothing is stored
    assert (await started(alice, status=422, name="No name"))["code"] == "invalid_input"
    assert (await started(alice, status=404, gallery="nothing"))["detail"] == "The gallery has no template “nothing”."


async def test_one_click_brings_the_template_and_its_data_to_whoever_clicks(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    for name in ("inventory-ageing", "inventory-ageing-2"):
        async with alice.post("/templates/gallery/inventory-ageing", allow_redirects=False) as response:
            assert response.status == 303, await response.text()
            assert response.headers["Location"] == f"/batches/new?template={name}"
    assert await names(alice, "templates") == ["inventory-ageing", "inventory-ageing-2"]
    dataset = await read(alice, "/api/v1/datasets/sample_stock")
    assert (dataset["version"], dataset["row_count"]) == (1, 99)  # the second click found it
    assert await names(bob, "templates") == await names(bob, "datasets") == []
    batch = await made(alice, "inventory-ageing", formats=["pdf"])
    assert batch["name"] == "Inventory ageing · 31 Oct 2026"
    assert batch["tally"]["succeeded"] == 1


async def test_what_is_no_template_of_the_gallery_is_not_found(alice: aiohttp.ClientSession) -> None:
    async with alice.post("/templates/gallery/orders") as response:
        assert response.status == 404


async def test_a_viewer_sees_the_gallery_and_takes_nothing(server: Server, admin: aiohttp.ClientSession) -> None:
    async with await new_user(server, admin, "bob", role="viewer") as viewer:
        assert (await read(viewer, LIST))["items"]
        async with viewer.post("/templates/gallery/inventory-ageing") as response:
            assert response.status == 403
        async with viewer.get("/templates") as response:
            assert "/templates/gallery/" not in await response.text()
        assert await names(viewer, "datasets") == []


async def test_the_first_page_of_the_newest_report_is_shown_to_its_owner_alone(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    await put_template(alice, "paged", PAGED)
    async with alice.get("/templates") as response:
        assert "No report has been made with it yet" in await response.text()
    batch = await made(alice, "paged")
    address = f"/api/v1/batches/{batch['id']}/first-page.webp"
    assert (await read(alice, "/api/v1/templates"))["items"][0]["links"]["first_page"] == address
    for page in ("/templates", "/templates/paged"):
        async with alice.get(page) as response:
            assert f'src="{address}"' in await response.text()
    for _time in range(2):  # the second comes from where the first was kept
        async with alice.get(address) as response:
            assert (response.status, response.content_type) == (200, "image/webp")
            with Image.open(io.BytesIO(await response.read())) as picture:
                assert picture.size == (480, 679)
            tag = response.headers["ETag"]
    async with alice.get(address, headers={"If-None-Match": tag}) as response:
        assert response.status == 304
    async with bob.get(address) as response:
        assert response.status == 404
    async with alice.delete(f"/api/v1/batches/{batch['id']}") as response:
        assert response.status == 204
    async with alice.get(address) as response:
        assert response.status == 404
    assert "first_page" not in (await read(alice, "/api/v1/templates"))["items"][0]["links"]


async def test_reports_without_pages_have_no_first_one(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    await put_template(alice)
    batch = await made(alice)
    async with alice.get(f"/api/v1/batches/{batch['id']}/first-page.webp") as response:
        assert response.status == 404
    assert "first_page" not in (await read(alice, "/api/v1/templates"))["items"][0]["links"]
