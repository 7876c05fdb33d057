"""The list of uploaded files: how far each is, what became of it, and when it goes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import aiohttp

from tests.conftest import Server
from tests.functional.importing import ended, import_text, start, upload

Client = aiohttp.ClientSession


async def files_of(client: Client) -> dict[str, dict[str, Any]]:
    async with client.get("/api/v1/uploads") as response:
        assert response.status == 200, await response.text()
        return {item["name"]: item for item in (await response.json())["items"]}


async def page_of(client: Client) -> str:
    async with client.get("/imports") as response:
        assert response.status == 200
        return await response.text()


async def announce(client: Client) -> None:
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "1000", "Upload-Metadata": "filename cGFydC5jc3Y="}
    async with client.post("/api/v1/uploads", headers=headers) as response:
        assert response.status == 201, await response.text()


def days_until(moment: str, item: dict[str, Any]) -> int:
    return round((datetime.fromisoformat(moment) - datetime.fromisoformat(item["created_at"])) / timedelta(days=1))


async def test_each_file_says_what_became_of_it_and_when_it_goes(server: Server, alice: Client, bob: Client) -> None:
    good = await import_text(alice)
    refused = await start(alice, await upload(alice, "a\nx\ny\n", name="bad.csv"), dataset="orders", mode="append")
    assert (await ended(alice, refused))["state"] == "failed"
    await upload(alice, "a\n1\n", name="new.csv")
    await announce(alice)
    files = await files_of(alice)
    assert files["orders.csv"]["imports"] == [{"job_id": good["job_id"], "dataset": "orders", "state": "succeeded"}]
    assert files["bad.csv"]["imports"] == [{"job_id": refused, "dataset": "orders", "state": "failed"}]
    assert files["new.csv"]["imports"] == []
    assert files["part.csv"]["goes_at"] == files["part.csv"]["expires_at"]
    kept = {name: days_until(item["goes_at"], item) for name, item in files.items()}
    settings = server.parts.settings
    assert kept["orders.csv"] == kept["new.csv"] == settings.upload_retention_days
    assert kept["bad.csv"] == settings.refused_upload_retention_days
    page = await page_of(alice)
    for text in ("Not imported yet", f"/imports/{good['job_id']}", f"/imports/{refused}", "part.csv", "Goes "):
        assert text in page, text
    assert await files_of(bob) == {}
    assert "orders.csv" not in await page_of(bob)


async def test_a_file_that_a_template_shows_stays(alice: Client) -> None:
    await upload(alice, b"\x89PNG", name="logo.png")
    assert (await files_of(alice))["logo.png"]["goes_at"] is not None
    source = "title: T\nblocks:\n  - image: logo.png\n"
    async with alice.put(
        "/api/v1/templates/letter", data=source, headers={"Content-Type": "application/yaml"}
    ) as response:
        assert response.status in (200, 201), await response.text()
    assert (await files_of(alice))["logo.png"]["goes_at"] is None
    assert "Stays" in await page_of(alice)
