"""One key is one request: asked again it gives the same job, asked for anything else it is refused by every door."""

from __future__ import annotations

import base64
from typing import Any

import aiohttp

from tests.functional.batches import SALES, ended, made, put_template, start
from tests.functional.importing import import_text, upload

Client = aiohttp.ClientSession


async def ask(client: Client, path: str, body: Any = None, *, key: str, **headers: str) -> tuple[int, Any]:
    async with client.post(f"/api/v1{path}", json=body, headers={"Idempotency-Key": key} | headers) as response:
        return response.status, await response.json(content_type=None) if response.content_type else None


async def announce(client: Client, name: str, size: int, *, key: str) -> int:
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": str(size),
        "Upload-Metadata": f"filename {base64.b64encode(name.encode()).decode()}",
        "Idempotency-Key": key,
    }
    async with client.post("/api/v1/uploads", headers=headers) as response:
        return response.status


async def test_a_key_belongs_to_one_request_at_every_door(alice: Client, bob: Client) -> None:
    await import_text(alice)
    await put_template(alice, source=SALES)
    first, second = await made(alice), await made(alice)
    upload_id = await upload(alice)
    doors: list[tuple[str, Any]] = [
        (f"/batches/{first['id']}/retry", None),
        (f"/batches/{second['id']}/retry", None),
        (f"/batches/{first['id']}/reorder", None),
        (f"/batches/{second['id']}/reorder", None),
        ("/jobs", {"title": "mine"}),
        ("/jobs", {"title": "another"}),
        ("/jobs", {"title": "mine", "total": 5}),
        ("/jobs/demonstration", {"seconds": 0}),
        ("/jobs/demonstration", {"seconds": 0, "total": 7}),
        ("/batches", {"template": "sales"}),
        ("/batches", {"template": "sales", "formats": ["html"]}),
        ("/batches", {"template": "sales", "parameters": [{"region": "North"}]}),
        ("/imports", {"upload_id": upload_id, "dataset": "fresh"}),
        ("/imports", {"upload_id": upload_id, "dataset": "fresh", "mode": "replace"}),
    ]
    for number, (path, body) in enumerate(doors):
        key = f"key-{number}"
        status, begun = await ask(alice, path, body, key=key)
        assert status == 202, (path, begun)
        if "batch_id" in begun:
            await ended(alice, begun["batch_id"])
        for other_path, other_body in doors:
            status, answer = await ask(alice, other_path, other_body, key=key)
            if (other_path, other_body) == (path, body):
                assert (status, answer["job_id"]) == (202, begun["job_id"]), path
            else:
                assert (status, answer["code"]) == (409, "key_reused"), (path, other_path, answer)
        assert await announce(alice, "a.csv", 5, key=key) == 409
    assert await announce(alice, "a.csv", 5, key="file") == 201
    assert await announce(alice, "a.csv", 5, key="file") == 201
    assert await announce(alice, "a.csv", 6, key="file") == 409
    assert await announce(alice, "b.csv", 5, key="file") == 409
    assert (await ask(alice, "/jobs", {"title": "mine"}, key="file"))[1]["code"] == "key_reused"
    status, of_bob = await ask(bob, "/jobs", {"title": "his"}, key="key-0")
    assert status == 202, of_bob  # keys are each person's own


async def test_a_key_is_as_long_as_the_description_says(alice: Client) -> None:
    assert (await ask(alice, "/jobs", {"title": "a"}, key="k" * 200))[0] == 202
    for key in ("k" * 201, "k" * 5000, ""):
        status, problem = await ask(alice, "/jobs", {"title": "a"}, key=key)
        assert (status, problem["errors"][0]["field"]) == (422, "Idempotency-Key"), key[:5]


async def test_going_back_in_the_browser_and_changing_the_order_orders_anew(alice: Client) -> None:
    await import_text(alice)
    await put_template(alice)
    started = await start(alice)
    await ended(alice, started["batch_id"])
    places = set()
    for formats in ("html", "html", "xlsx"):
        form = {"template": "sales", "format": formats, "key": "one page"}
        async with alice.post("/batches/new", data=form, allow_redirects=False) as response:
            assert response.status == 303, await response.text()
            places.add(response.headers["Location"])
    assert len(places) == 2
