"""An import that is cancelled, fails or is repeated after a crash leaves a whole dataset or none."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from sqlalchemy import update

from server.settings import Settings
from server.storage.tables import jobs
from tests.conftest import Server, new_user, running, signed_in
from tests.functional.browsing import HTML
from tests.functional.importing import ORDERS, ended, import_text, start, upload
from tests.functional.live_client import live
from tests.stored import blobs_of
from tests.waiting import until

DEADLINE_SECONDS = 30.0


async def job(client: aiohttp.ClientSession, job_id: str) -> dict[str, Any]:
    async with client.get(f"/api/v1/jobs/{job_id}") as response:
        state: dict[str, Any] = await response.json()
        return state


async def job_until(client: aiohttp.ClientSession, job_id: str, fits: Callable[[dict[str, Any]], bool]) -> None:
    async def found() -> bool:
        return fits(await job(client, job_id))

    await until(found, seconds=DEADLINE_SECONDS)


async def dataset_status(client: aiohttp.ClientSession, name: str = "orders") -> int:
    async with client.get(f"/api/v1/datasets/{name}") as response:
        return response.status


async def test_a_cancelled_import_stops_within_2_seconds_and_leaves_nothing(
    server: Server, alice: aiohttp.ClientSession
) -> None:
    # Quotes make it slow enough to be caught in the middle.
    large = "id,name\n" + "".join(f'{number},"name, {number}"\n' for number in range(1_200_000))
    job_id = await start(alice, await upload(alice, large))
    await job_until(alice, job_id, lambda state: state["stage"] == "reading" and state["progress"] > 0)
    began = time.monotonic()
    async with alice.post(f"/api/v1/jobs/{job_id}/cancel") as response:
        assert response.status in (200, 202)
    assert (await ended(alice, job_id))["state"] == "cancelled"
    assert time.monotonic() - began < 2.0
    assert await dataset_status(alice) == 404
    assert await blobs_of(server.parts) == {}


async def test_a_failed_import_leaves_the_dataset_as_it_was(server: Server, alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    before = await blobs_of(server.parts)
    job_id = await start(
        alice, await upload(alice, "region,amount\n" + "a,1\n" * 40 + "b\n" * 20), mode="replace", reject_limit=10
    )
    state = await ended(alice, job_id)
    assert (state["state"], state["error"]["code"]) == ("failed", "too_many_rejects")
    assert "limit of 10 had to be rejected, the last one in line" in state["error"]["message"]
    assert sorted(await blobs_of(server.parts)) == sorted([*before, f"imports/{job_id}/rejects.jsonl"])
    async with alice.get("/api/v1/datasets/orders") as response:
        assert (await response.json())["version"] == 1


async def test_a_failed_import_keeps_its_list_until_it_is_repeated_or_deleted(
    server: Server, alice: aiohttp.ClientSession
) -> None:
    job_id = await start(alice, await upload(alice, "id,n\n" + "1,2\n" * 30 + "1\n" * 20), reject_limit=10)
    state = await ended(alice, job_id)
    assert (state["state"], state["rejected_count"]) == ("failed", 11)
    async with alice.get(f"/api/v1/imports/{job_id}/rejects", params={"limit": 1}) as response:
        page = await response.json()
    assert (page["total"], page["items"][0]["line"], page["by_code"]) == (11, 32, {"too_few_cells": 11})
    async with alice.get(f"/imports/{job_id}") as response:
        assert f"/imports/{job_id}/rejects" in await response.text()
    async with alice.get(f"/imports/{job_id}/rejects") as response:
        assert "Too few cells" in await response.text()
    async with alice.delete(f"/api/v1/jobs/{job_id}") as response:
        assert response.status == 204
    assert await blobs_of(server.parts) == {}


async def test_no_import_succeeds_without_a_row(alice: aiohttp.ClientSession) -> None:
    columns = [{"name": "id"}, {"name": "n", "type": "integer"}]
    job_id = await start(alice, await upload(alice, "id,n\n1,x\n2,y\n"), options={"columns": columns})
    state = await ended(alice, job_id)
    assert (state["state"], state["error"]["code"]) == ("failed", "all_rejected")
    async with alice.get(f"/api/v1/imports/{job_id}/rejects") as response:
        assert [item["line"] for item in (await response.json())["items"]] == [2, 3]


async def test_what_is_neither_row_nor_reject_is_counted_and_shown(alice: aiohttp.ClientSession) -> None:
    text = "Report of May\n\nid,n\n1,5\n,\n2,7\n\nprinted by Ann\n"
    named = {"above_table": 1, "header": 1, "blank": 2, "delimiters_only": 1, "below_table": 1}
    upload_id = await upload(alice, text)
    async with alice.get(f"/api/v1/uploads/{upload_id}/preview") as response:
        preview = await response.json()
    assert preview["named"] == named
    assert [(one["line"], one["reason"], one["raw"]) for one in preview["left_out"]] == [
        (1, "above_table", "Report of May"), (8, "below_table", "printed by Ann"),
    ]  # fmt: skip
    async with alice.get("/imports/new", params={"upload": upload_id}) as response:
        assert "1 line above the table · 2 blank lines" in await response.text()
    job_id = await start(alice, upload_id)
    state = await ended(alice, job_id)
    assert (state["row_count"], state["named"], state["detail"]["named"], state["result"]["named"]) == (
        2, named, named, named,
    )  # fmt: skip
    async with alice.get(f"/imports/{job_id}") as response:
        assert "1 line below the table" in await response.text()


async def test_an_append_that_does_not_fit_says_which_columns(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    job_id = await start(alice, await upload(alice, "region,amount\nNorth,5\n"), mode="append")
    state = await ended(alice, job_id)
    assert (state["state"], state["error"]["code"]) == ("failed", "columns_do_not_fit")
    assert "ordered_at" in str(state["error"])
    async with alice.patch("/api/v1/me", json={"language": "zh-CN"}) as response:
        assert response.status == 200
    async with alice.get(f"/jobs/{job_id}", headers=HTML) as response:
        shown = await response.text()
    assert "文件没有数据集中的列“ordered_at”" in shown
    assert "The file has no column" not in shown


async def test_progress_counts_rows_and_ends_at_all_of_them(alice: aiohttp.ClientSession) -> None:
    state = await import_text(alice, "id,name\n" + "1,a\n" * 5000 + "1\n")
    assert (state["progress"], state["total"], state["unit"]) == (5000, 5000, "rows")
    assert state["detail"]["rejected"] == 1
    assert state["detail"]["bytes"] == state["detail"]["bytes_total"]


async def test_nothing_is_called_finishing_before_its_rows_are_counted(alice: aiohttp.ClientSession) -> None:
    async with live(alice) as messages:
        job_id = (await import_text(alice, "id,name\n" + "1,a\n" * 5000))["job_id"]
        await messages.next(lambda message: message.get("job_id") == job_id and message.get("state") == "succeeded")
        told = [each for each in messages.seen if each.get("job_id") == job_id]
        assert "finishing" in [each["stage"] for each in told]
        assert {each["progress"] for each in told if each["stage"] == "finishing"} == {5000}


@pytest.mark.parametrize("mode", ["replace", "append"])
async def test_an_attempt_repeated_after_a_crash_publishes_once_and_tells_the_same(
    settings: Settings, mode: str
) -> None:
    text = ORDERS + "East\n\n"
    async with running(settings) as server:
        async with await signed_in(server, "admin") as admin, await new_user(server, admin, "alice") as alice:
            await import_text(alice, ORDERS * 7)
            before = await import_text(alice, text, mode=mode)
        # As if the process had died after the version was committed and before the job was.
        async with server.parts.storage.database.write() as connection:
            unfinished = {"state": "running", "result": None, "finished_at": None, "progress": 0, "detail": {}}
            await connection.execute(update(jobs).where(jobs.c.id == before["job_id"]).values(unfinished))
    async with running(settings) as server, await signed_in(server, "alice") as alice:
        state = await ended(alice, before["job_id"])
        assert state["state"] == "succeeded"
        assert (state["result"]["imported_count"], state["rejected_count"]) == (3, 1)
        assert state["named"] == {"blank": 1, "header": 1}
        for told in ("result", "named", "row_count", "progress", "total"):
            assert state[told] == before[told]
        async with alice.get("/api/v1/datasets/orders/versions") as response:
            assert [version["number"] for version in (await response.json())["items"]] == [2, 1]


@pytest.mark.parametrize("name", ["../../etc/passwd.csv", "订单 2026.csv", "a;b%00.csv"])
async def test_the_name_of_the_file_is_data(server: Server, alice: aiohttp.ClientSession, name: str) -> None:
    await import_text(alice, name=name)
    assert all(key.startswith(("datasets/", "imports/")) for key in await blobs_of(server.parts))
