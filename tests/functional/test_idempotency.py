"""One key is one request: asked again it gives the same job, asked for anything else it is refused by every door."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import aiohttp

from tests.functional.batches import SALES, ended, made, put_template, start
from tests.functional.importing import import_text, upload

Client = aiohttp.ClientSession


async def ask(client: Client, path: str, body: Any = None, *, key: str, **headers: str) -> tuple[int, Any]:
    async with client.post(f"/api/v1{path}", json=body, headers={"Idempotency-Key": key} | headers) as response:
        return response.status, await response.json(content_type=None) if response.content_type else None


async def failed_job(client: Client) -> str:
    async with client.post("/api/v1/jobs/demonstration", json={"seconds": 0, "fail_at": 1}) as response:
        job_id = str((await response.json())["job_id"])
    assert (await job_ended(client, job_id))["state"] == "failed"
    return job_id


async def job_ended(client: Client, job_id: str) -> Any:
    async with asyncio.timeout(20):
        while True:
            async with client.get(f"/api/v1/jobs/{job_id}") as response:
                job = await response.json()
            if job["state"] not in ("queued", "running"):
                return job
            await asyncio.sleep(0.02)


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
    retried, also_retried = [await failed_job(alice) for _ in range(2)]
    doors: list[tuple[str, Any]] = [
        (f"/jobs/{retried}/retry", None),
        (f"/jobs/{also_retried}/retry", None),
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
        accepted = 200 if path.startswith("/jobs/") and path.endswith("/retry") else 202
        assert status == accepted, (path, begun)
        if "batch_id" in begun:
            await ended(alice, begun["batch_id"])
        for other_path, other_body in doors:
            status, answer = await ask(alice, other_path, other_body, key=key)
            if (other_path, other_body) == (path, body):
                assert (status, answer["job_id"]) == (accepted, begun["job_id"]), path
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


async def test_a_retry_that_is_sent_again_answers_the_job_as_it_is_and_starts_nothing(
    alice: Client, bob: Client, admin: Client
) -> None:
    job_id = await failed_job(alice)
    retry = f"/jobs/{job_id}/retry"
    assert (await ask(bob, retry, key="k"))[0] == 404
    first, second = await asyncio.gather(ask(alice, retry, key="k"), ask(alice, retry, key="k"))
    assert [status for status, _ in (first, second)] == [200, 200]
    assert (await job_ended(alice, job_id))["attempt"] == 2
    status, again = await ask(alice, retry, key="k")
    assert (status, again["state"], again["attempt"]) == (200, "failed", 2)
    status, of_admin = await ask(admin, retry, key="k")  # another person's key, whoever owns the job
    assert (status, of_admin["state"]) == (200, "queued")
    await job_ended(alice, job_id)
    assert (await ask(alice, "/jobs/demonstration", {"seconds": 0}, key="k"))[1]["code"] == "key_reused"
    assert (await ask(admin, "/jobs/demonstration", {"seconds": 0}, key="k"))[1]["code"] == "key_reused"
    assert (await ask(bob, "/jobs/demonstration", {"seconds": 0}, key="k"))[0] == 202
    async with admin.get("/api/v1/admin/audit", params={"q": "job.retry"}) as response:
        lines = [line for line in (await response.json())["items"] if line["action"] == "job.retry"]
    assert len(lines) == 2


async def test_a_retry_that_was_refused_leaves_its_key_free(alice: Client) -> None:
    _, begun = await ask(alice, "/jobs/demonstration", {"seconds": 30}, key="begin")
    retry = f"/jobs/{begun['job_id']}/retry"
    assert (await ask(alice, retry, key="begin"))[1]["code"] == "key_reused"
    assert (await ask(alice, retry, key="k"))[1]["code"] == "job_not_retryable"
    assert (await ask(alice, f"/jobs/{begun['job_id']}/cancel", key=""))[0] == 200
    assert (await ask(alice, retry, key="k"))[1]["state"] == "queued"
    running = (await ask(alice, retry, key="k"))[1]
    assert (running["job_id"], running["state"] in ("queued", "running")) == (begun["job_id"], True)
    assert (await ask(alice, retry, key="another"))[1]["code"] == "job_not_retryable"


async def test_a_key_is_as_long_as_the_description_says(alice: Client) -> None:
    status, begun = await ask(alice, "/jobs", {"title": "a"}, key="k" * 200)
    assert status == 202
    for key in ("k" * 201, "k" * 5000, ""):
        status, problem = await ask(alice, "/jobs", {"title": "a"}, key=key)
        assert (status, problem["errors"][0]["field"]) == (422, "Idempotency-Key"), key[:5]
        assert (await ask(alice, f"/jobs/{begun['job_id']}/retry", key=key))[0] == 422


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
