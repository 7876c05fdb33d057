"""Many requests at the same moment come out as if they had come one after the other."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from server.settings import Settings
from tests.conftest import Server
from tests.functional.importing import ORDERS, ended, import_text, upload
from tests.functional.test_uploads import (
    CONTENT,
    TUS,
    announce,
    job_when,
    metadata,
    patch,
    position,
    send_form,
    sha256,
    upload_of,
)
from tests.stored import upload_ids


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, min_free_bytes=1)


async def order_import(
    client: aiohttp.ClientSession, upload_id: str, mode: str, *, key: str | None = None
) -> tuple[int, dict[str, Any]]:
    body = {"upload_id": upload_id, "dataset": "orders", "mode": mode}
    headers = {} if key is None else {"Idempotency-Key": key}
    async with client.post("/api/v1/imports", json=body, headers=headers) as response:
        return response.status, dict(await response.json())


async def test_eight_requests_with_the_same_bytes_store_them_once(alice: aiohttp.ClientSession) -> None:
    place = await announce(alice, len(CONTENT))
    answers = await asyncio.gather(*(patch(alice, place, 0, CONTENT) for _ in range(8)))
    assert Counter(status for status, _, _ in answers)[204] == 1
    assert {status for status, _, _ in answers} <= {204, 409, 423}
    assert await position(alice, place) == len(CONTENT)
    assert (await upload_of(alice, place))["sha256"] == sha256(CONTENT)


async def test_one_key_makes_one_upload_however_often_it_is_used_at_once(
    server: Server, alice: aiohttp.ClientSession
) -> None:
    places = await asyncio.gather(*(announce(alice, 10, **{"Idempotency-Key": "k"}) for _ in range(15)))
    assert len(set(places)) == 1
    assert len(await upload_ids(server.parts)) == 1
    async with alice.get("/api/v1/jobs") as response:
        assert (await response.json())["total"] == 1


async def test_one_key_makes_one_import_and_one_name_one_dataset(alice: aiohttp.ClientSession) -> None:
    upload_id = await upload(alice)
    answers = await asyncio.gather(*(order_import(alice, upload_id, "create", key="k") for _ in range(15)))
    assert {status for status, _ in answers} == {202}
    [job_id] = {answer["job_id"] for _, answer in answers}
    assert (await ended(alice, job_id))["state"] == "succeeded"

    creations = await asyncio.gather(*(order_import(alice, upload_id, "create") for _ in range(10)))
    for status, answer in creations:
        assert status == 409 or (await ended(alice, answer["job_id"]))["state"] == "failed"
    async with alice.get("/api/v1/datasets") as response:
        [dataset] = (await response.json())["items"]
    assert (dataset["name"], dataset["row_count"]) == ("orders", 3)


async def test_appending_at_once_loses_and_doubles_no_row(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    upload_id = await upload(alice)
    answers = await asyncio.gather(*(order_import(alice, upload_id, "append") for _ in range(8)))
    states = [(await ended(alice, answer["job_id"]))["state"] for _, answer in answers]
    async with alice.get("/api/v1/datasets/orders") as response:
        dataset = await response.json()
    assert states == ["succeeded"] * 8
    assert dataset["row_count"] == 9 * (ORDERS.count("\n") - 1)


async def test_many_tiny_uploads_are_all_here_and_hinder_nobody(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    waiting, number = asyncio.Semaphore(10), 120

    async def send(index: int) -> dict[str, Any]:
        async with waiting:
            if index % 2:
                return await send_form(alice, b"%d\n" % index, f"{index}.csv")
            headers = TUS | metadata(filename=f"{index}.csv") | {"Upload-Length": str(len(b"%d\n" % index))}
            place = await announce(alice, len(b"%d\n" % index), **headers)
            assert (await patch(alice, place, 0, b"%d\n" % index))[0] == 204
            return await upload_of(alice, place)

    sending = asyncio.gather(*(send(index) for index in range(number)))
    asked = 0
    while not sending.done():
        async with bob.get("/api/v1/uploads") as response:
            assert (response.status, (await response.json())["total"]) == (200, 0)
        asked += 1
    uploads = await sending
    assert asked > 5
    assert [one["sha256"] for one in uploads] == [sha256(b"%d\n" % index) for index in range(number)]
    for one in uploads:
        await job_when(alice, one["job_id"], "succeeded")
    async with alice.get("/api/v1/uploads", params={"limit": "500"}) as response:
        listed = await response.json()
    assert {item["name"] for item in listed["items"]} == {f"{index}.csv" for index in range(number)}
    assert listed["total"] == number
