"""Files that the server gets itself: from its folders and from addresses, through the API, the page and the shell."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from server.settings import Settings
from tests.conftest import Server
from tests.functional.command_line import as_user, run
from tests.functional.importing import ORDERS, ended, start
from tests.waiting import until

Client = aiohttp.ClientSession


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    (folder / "orders-1.csv").write_text(ORDERS)
    os.utime(folder / "orders-1.csv", (1_000_000_000, 1_000_000_000))  # nobody writes it any more
    return folder


@pytest.fixture
def settings(settings: Settings, inbox: Path) -> Settings:
    return replace(settings, import_folders=(f"inbox={inbox}", "gone=/nowhere"), import_hosts=("data.example.com",))


async def fetched(client: Client, place: dict[str, Any]) -> dict[str, Any]:
    """The job when it is over."""
    async with client.post("/api/v1/fetches", json=place) as response:
        assert response.status == 202, await response.text()
        url = (await response.json())["links"]["job"]

    async def over() -> dict[str, Any] | None:
        async with client.get(url) as response:
            job: dict[str, Any] = await response.json()
        return job if job["state"] in ("succeeded", "failed") else None

    job = await until(over, seconds=30, so="the file is here")
    assert job is not None
    return job


async def test_a_file_of_a_folder_becomes_an_upload_and_then_a_dataset(alice: Client, bob: Client) -> None:
    job = await fetched(alice, {"folder": "inbox", "file": "orders-*.csv"})
    assert (job["state"], job["title"], job["progress"], job["total"]) == (
        "succeeded", "orders-1.csv", len(ORDERS.encode()), len(ORDERS.encode()),
    )  # fmt: skip
    upload_id = job["result"]["upload_id"]
    state = await ended(alice, await start(alice, upload_id))
    assert (state["state"], state["row_count"]) == ("succeeded", 3)
    again = await fetched(alice, {"folder": "inbox", "file": "orders-*.csv", "unless": job["result"]["version"]})
    assert again["result"] == {"unchanged": True, "version": job["result"]["version"]}
    for url in (f"/api/v1/uploads/{upload_id}", f"/api/v1/jobs/{job['job_id']}"):
        async with bob.get(url) as response:
            assert response.status == 404


@pytest.mark.parametrize(
    ("place", "status", "words"),
    [
        ({"url": "https://data.example.com/a.csv", "folder": "inbox", "file": "a"}, 422, "either a url or a folder"),
        ({}, 422, "either a url or a folder"),
        ({"folder": "etc", "file": "passwd"}, 422, "no folder"),
        ({"folder": "inbox", "file": "../../etc/passwd"}, 422, "Name a file of the folder"),
        ({"url": "https://localhost/a.csv"}, 422, "not fetched from this host"),
        ({"url": "http://data.example.com/a.csv"}, 422, "over https only"),
        ({"folder": "inbox"}, 422, "Name a file"),
        ({"folder": "inbox", "file": "a", "path": "/etc"}, 422, "path"),
    ],
)
async def test_places_that_files_are_not_fetched_from_are_refused(
    alice: Client, place: dict[str, Any], status: int, words: str
) -> None:
    async with alice.post("/api/v1/fetches", json=place) as response:
        assert (response.status, words in await response.text()) == (status, True)


async def test_what_is_not_there_fails_and_leaves_nothing(alice: Client) -> None:
    job = await fetched(alice, {"folder": "inbox", "file": "nothing-*.csv"})
    assert (job["state"], job["error"]["code"]) == ("failed", "not_fetched")
    assert "has no file" in job["error"]["message"]
    async with alice.get("/api/v1/uploads") as response:
        assert (await response.json())["items"] == []


async def test_folders_and_hosts_are_listed(alice: Client) -> None:
    async with alice.get("/api/v1/folders") as response:
        assert await response.json() == {"folders": ["gone", "inbox"], "hosts": ["data.example.com"]}
    async with alice.get("/api/v1/folders/inbox") as response:
        (file,) = (await response.json())["items"]
        assert (file["name"], file["size"]) == ("orders-1.csv", len(ORDERS.encode()))
    async with alice.get("/api/v1/folders/gone") as response:
        assert (response.status, (await response.json())["code"]) == (422, "folder_gone")
    async with alice.get("/api/v1/folders/etc") as response:
        assert response.status == 404


async def test_whoever_may_only_read_fetches_nothing(server: Server, alice: Client) -> None:
    async with alice.post("/api/v1/tokens", json={"name": "reader", "scopes": ["read"]}) as response:
        assert response.status == 201, await response.text()
        token = (await response.json())["token"]
    place = {"folder": "inbox", "file": "orders-1.csv"}
    async with (
        aiohttp.ClientSession(server.url, headers={"Authorization": f"Bearer {token}"}) as reader,
        reader.post("/api/v1/fetches", json=place) as response,
    ):
        assert response.status == 403
    async with aiohttp.ClientSession(server.url) as stranger, stranger.get("/api/v1/folders") as response:
        assert response.status == 401


async def test_the_page_offers_the_files_and_leads_to_the_job(alice: Client) -> None:
    async with alice.get("/imports") as response:
        assert 'href="/imports/fetch"' in await response.text()
    async with alice.get("/imports/fetch") as response:
        page = await response.text()
    for text in ("orders-1.csv", "data.example.com", "The folder “gone” cannot be read"):
        assert text in page, text
    form = {"folder": "inbox", "file": "orders-1.csv"}
    async with alice.post("/imports/fetch", data=form, allow_redirects=False) as response:
        assert response.status == 303
        assert response.headers["Location"].startswith("/jobs/")
    async with alice.post("/imports/fetch", data={"url": "https://other.example.com/a.csv"}) as response:
        page = await response.text()
        assert (response.status, "not fetched from this host" in page) == (422, True)
        assert 'value="https://other.example.com/a.csv"' in page


async def test_the_command_line_has_the_server_get_the_file(server: Server, alice: Client, inbox: Path) -> None:
    outcome = await run("import", "folder:inbox/orders-*.csv", "--dataset", "orders", **as_user(server, alice))
    assert (outcome.status, "orders: version 1, 3 rows" in outcome.out + outcome.error) == (0, True), outcome
    for given, status, complaint in (
        ("folder:inbox", 2, "folder:NAME/FILE"),
        ("folder:inbox/none.csv", 2, "has no file"),
        ("https://other.example.com/a.csv", 2, "not fetched from this host"),
    ):
        outcome = await run("import", given, "--dataset", "new", **as_user(server, alice))
        assert (outcome.status, complaint in outcome.error) == (status, True), outcome
