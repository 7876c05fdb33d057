"""From bytes to a dataset through the API, as other tests need it."""

from __future__ import annotations

import functools
import io
from typing import Any

import aiohttp

from tests.waiting import OF_ENDS_SECONDS, until

ORDERS = "region,amount,ordered_at,paid\nNorth,10.50,2026-01-03,yes\nSouth,2,2026-01-01,no\n华东,7.25,2026-01-02,yes\n"
DEADLINE_SECONDS = 30.0


@functools.cache  # and not when tests are collected, which each process does that runs some of them
def long_text() -> str:
    """Enough rows for an import to be caught in the middle."""
    return "a,b\n" + "".join(f"{number},{number * 7919 % 99991}\n" for number in range(400_000))


async def upload(client: aiohttp.ClientSession, content: str | bytes = ORDERS, *, name: str = "orders.csv") -> str:
    """The id of a file that is here completely."""
    form = aiohttp.FormData()
    data = content if isinstance(content, bytes) else content.encode()
    form.add_field("file", io.BytesIO(data), filename=name)
    async with client.post("/api/v1/uploads", data=form) as response:
        assert response.status == 201, await response.text()
        upload_id: str = (await response.json())["id"]
        return upload_id


async def start(client: aiohttp.ClientSession, upload_id: str, *, dataset: str = "orders", **given: Any) -> str:
    """The id of a started import."""
    body = {"upload_id": upload_id, "dataset": dataset, **given}
    async with client.post("/api/v1/imports", json=body) as response:
        assert response.status == 202, await response.text()
        job_id: str = (await response.json())["job_id"]
        return job_id


async def ended(client: aiohttp.ClientSession, job_id: str) -> dict[str, Any]:
    """The import once it is over, however it ended."""

    async def over() -> dict[str, Any] | None:
        async with client.get(f"/api/v1/imports/{job_id}") as response:
            assert response.status == 200, await response.text()
            state: dict[str, Any] = await response.json()
        return state if state["state"] in ("succeeded", "failed", "cancelled") else None

    state = await until(over, seconds=DEADLINE_SECONDS, so="the import is over", step=OF_ENDS_SECONDS)
    assert state is not None
    return state


async def import_text(client: aiohttp.ClientSession, content: str | bytes = ORDERS, **given: Any) -> dict[str, Any]:
    """A whole import that succeeds."""
    name = given.pop("name", "orders.csv")
    state = await ended(client, await start(client, await upload(client, content, name=name), **given))
    assert state["state"] == "succeeded", state["error"]
    return state
