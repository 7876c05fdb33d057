"""Whoever gets less than there is, is told so."""

from __future__ import annotations

from dataclasses import replace

import aiohttp
import pytest

from server.settings import Settings
from tests.conftest import Server
from tests.functional import batches
from tests.functional.browsing import browser, sign_in
from tests.functional.importing import import_text
from tests.functional.test_queries_api import query


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, query_rows=1_000, max_answer_bytes=2**20)


@pytest.mark.parametrize("rows", [0, 1, 999, 1_000, 1_001, 60_000])
async def test_a_csv_file_of_a_query_has_all_rows(server: Server, alice: aiohttp.ClientSession, rows: int) -> None:
    await import_text(alice)
    async with browser(server) as reader:
        await sign_in(reader, "alice")
        form = {"sql": f"select range as n from range({rows})", "download": "csv"}
        async with reader.post("/datasets/orders/query", data=form) as response:
            assert response.status == 200
            lines = (await response.text(encoding="utf-8-sig")).splitlines()
    assert (len(lines), lines[-1]) == (rows + 1, str(rows - 1) if rows else "n")


@pytest.mark.parametrize("sql", ["select * from range(10000000)", "select repeat('x', 3000000) as a"])
async def test_a_csv_file_larger_than_the_limit_is_none(server: Server, alice: aiohttp.ClientSession, sql: str) -> None:
    await import_text(alice)
    async with browser(server) as reader:
        await sign_in(reader, "alice")
        async with reader.post("/datasets/orders/query", data={"sql": sql, "download": "csv"}) as response:
            assert response.status == 422
            assert response.content_type == "text/html"
            page = await response.text()
    assert "add a LIMIT" in page
    assert "export" in page.lower()


async def test_more_rows_than_the_server_gives_are_said_over_the_api(alice: aiohttp.ClientSession) -> None:
    for asked, there, truncated in ((5_000, 1_001, True), (5_000, 1_000, False), (10, 11, True), (10, 10, False)):
        _, answer = await query(alice, f"select * from range({there})", limit=asked)
        assert (len(answer["items"]), answer["truncated"]) == (min(asked, there, 1_000), truncated)


async def test_a_log_says_that_older_lines_are_missing(alice: aiohttp.ClientSession) -> None:
    async with alice.post("/api/v1/jobs", json={"title": "t", "message": "m0"}) as response:
        job = f"/api/v1/jobs/{(await response.json())['job_id']}"
    for number in range(1, 4):
        async with alice.patch(job, json={"message": f"m{number}"}) as response:
            assert response.status == 200
    async with alice.get(f"{job}/log") as response:
        whole = await response.json()
    assert whole["truncated"] is False
    for limit in range(1, len(whole["items"]) + 1):
        async with alice.get(f"{job}/log", params={"limit": limit}) as response:
            log = await response.json()
        assert log["items"] == whole["items"][-limit:]
        assert log["truncated"] is (limit < len(whole["items"]))


async def test_figures_of_a_script_that_have_no_room_are_counted(server: Server, alice: aiohttp.ClientSession) -> None:
    detail = {f"figure {number}": number for number in range(45)} | {"long": "x" * 300}
    async with alice.post("/api/v1/jobs", json={"title": "t", "detail": detail}) as response:
        job = (await response.json())["job_id"]
    async with browser(server) as reader:
        await sign_in(reader, "alice")
        async with reader.get(f"/jobs/{job}") as response:
            page = await response.text()
    assert "figure 29" in page
    assert "figure 30" not in page
    assert "16 more" in page


async def test_forms_refuse_texts_that_the_api_would_refuse(server: Server, alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    await batches.put_template(alice)
    async with browser(server) as reader:
        await sign_in(reader, "alice")
        for length, status in ((4_000, 303), (4_001, 422), (8_000, 422)):
            form = {"description": "ä" * length}
            async with reader.post("/datasets/orders/change", data=form, allow_redirects=False) as response:
                assert response.status == status, length
        form = {"template": "sales", "format": "html", "name": "n" * 301}
        async with reader.post("/batches/new", data=form, allow_redirects=False) as response:
            assert response.status != 303
            assert "300" in await response.text()
    async with alice.get("/api/v1/datasets/orders") as response:
        assert (await response.json())["description"] == "ä" * 4_000


async def test_an_administrator_sees_whose_every_job_is(
    server: Server, alice: aiohttp.ClientSession, admin: aiohttp.ClientSession
) -> None:
    async with alice.post("/api/v1/jobs", json={"title": "of alice"}) as response:
        assert response.status == 202
    async with browser(server) as reader:
        await sign_in(reader, "admin")
        for page in ("/jobs", "/admin"):
            async with reader.get(page) as response:
                assert "alice" in (await response.text()).partition("of alice")[2][:3_000], page
