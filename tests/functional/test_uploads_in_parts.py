"""One file in several parallel uploads (tus concatenation): one job, one file, and nobody else's parts in it."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from server.settings import Settings
from tests.conftest import Server
from tests.functional.test_uploads import (
    BYTES,
    CONTENT,
    LIMIT,
    TUS,
    announce,
    job_when,
    metadata,
    patch,
    position,
    sha256,
    upload_of,
)
from tests.stored import upload_ids

PART = {"Upload-Concat": "partial"}
PIECES = [CONTENT[:700_000], CONTENT[700_000:1_900_000], CONTENT[1_900_000:]]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, max_upload_bytes=LIMIT, min_free_bytes=1)


async def begin(client: aiohttp.ClientSession, size: int, **headers: str) -> str:
    """A part as tus-js-client announces it: without a name."""
    async with client.post("/api/v1/uploads", headers=TUS | PART | {"Upload-Length": str(size)} | headers) as response:
        assert response.status == 201, await response.text()
        return response.headers["Location"]


async def send(client: aiohttp.ClientSession, content: bytes) -> str:
    """A whole part."""
    place = await begin(client, len(content))
    assert (await patch(client, place, 0, content, **PART))[0] == 204
    return place


async def join(client: aiohttp.ClientSession, *places: str, **headers: str) -> tuple[int, dict[str, Any], str]:
    wanted = TUS | metadata(filename="sales.csv", filetype="text/csv")
    wanted |= {"Upload-Concat": "final;" + " ".join(places)} | headers
    async with client.post("/api/v1/uploads", headers=wanted) as response:
        return response.status, dict(await response.json()), response.headers.get("Location", "")


async def jobs_of(client: aiohttp.ClientSession) -> list[dict[str, Any]]:
    async with client.get("/api/v1/jobs") as response:
        return list((await response.json())["items"])


async def test_parts_become_one_file_and_are_gone(server: Server, alice: aiohttp.ClientSession) -> None:
    places = await asyncio.gather(*(send(alice, piece) for piece in PIECES))
    base = str(alice._base_url).rstrip("/")
    status, upload, place = await join(alice, places[0], base + places[1], places[2])
    assert status == 201, upload
    assert (upload["name"], upload["size"], upload["offset"]) == ("sales.csv", len(CONTENT), len(CONTENT))
    assert (await upload_of(alice, place))["sha256"] == sha256(CONTENT)
    async with alice.get(f"{place}/content") as response:
        assert await response.read() == CONTENT
    async with alice.head(place, headers=TUS) as response:
        assert response.headers["Upload-Concat"] == f"final;{places[0]} {base}{places[1]} {places[2]}"
        assert response.headers["Upload-Offset"] == response.headers["Upload-Length"] == str(len(CONTENT))
        assert response.headers["Upload-Metadata"].startswith("filename ")
    for part in places:
        async with alice.head(part, headers=TUS) as response:
            assert response.status == 404
    assert await upload_ids(server.parts) == {upload["id"]}
    assert (await join(alice, *places))[0] == 404
    assert (await patch(alice, place, len(CONTENT), b""))[0] == 403


async def test_a_person_sees_one_upload_whose_bar_moves(alice: aiohttp.ClientSession) -> None:
    places = [await begin(alice, len(piece)) for piece in PIECES]
    for place, piece in zip(places, PIECES, strict=True):
        await patch(alice, place, 0, piece[:500_000])
    [job] = await jobs_of(alice)
    async with asyncio.timeout(15):
        while job["progress"] < 1_500_000:
            await asyncio.sleep(0.02)
            [job] = await jobs_of(alice)
    assert (job["kind"], job["state"], job["progress"], job["total"]) == (
        "file_upload", "running", 1_500_000, len(CONTENT),
    )  # fmt: skip
    async with alice.get("/api/v1/uploads") as response:
        [gathering] = (await response.json())["items"]
    assert (gathering["job_id"], gathering["sha256"]) == (job["job_id"], None)

    for place, piece in zip(places, PIECES, strict=True):
        await patch(alice, place, 500_000, piece[500_000:])
    _, upload, _ = await join(alice, *places)
    done = await job_when(alice, job["job_id"], "succeeded")
    assert (done["title"], done["progress"], done["total"]) == ("sales.csv", len(CONTENT), len(CONTENT))
    assert (upload["id"], upload["job_id"]) == (gathering["id"], job["job_id"])
    assert len(await jobs_of(alice)) == 1


async def test_two_files_in_parts_at_once_keep_apart(alice: aiohttp.ClientSession) -> None:
    first = [await send(alice, piece) for piece in (b"a" * 50, b"b" * 60)]
    second = [await send(alice, piece) for piece in (b"c" * 1000, b"d" * 2000)]
    assert len(await jobs_of(alice)) == 1
    _, one, _ = await join(alice, *first)
    _, two, _ = await join(alice, *second, **metadata(filename="two.csv"))
    assert (one["sha256"], two["sha256"]) == (sha256(b"a" * 50 + b"b" * 60), sha256(b"c" * 1000 + b"d" * 2000))
    jobs = [await job_when(alice, job_id, "succeeded") for job_id in (one["job_id"], two["job_id"])]
    assert [job["title"] for job in jobs] == ["sales.csv", "two.csv"]
    assert len(await jobs_of(alice)) == 2


async def test_what_cannot_be_joined_is_refused_and_stays(alice: aiohttp.ClientSession) -> None:
    whole, unfinished, part = await send(alice, b"abc"), await begin(alice, 5), await send(alice, b"def")
    plain = await announce(alice, 0)
    unknown = "/api/v1/uploads/" + "0" * 26
    for places, headers, status, code in (
        ((), {}, 400, "malformed_request"),
        ((whole, whole), {}, 400, "malformed_request"),
        ((whole, "https://elsewhere.example/x"), {}, 400, "malformed_request"),
        ((whole, "/api/v1/uploads/../../etc/passwd"), {}, 400, "malformed_request"),
        ((whole, plain), {}, 400, "malformed_request"),
        ((whole, unknown), {}, 404, "not_found"),
        ((whole, unfinished), {}, 409, "part_unfinished"),
        ((whole, part), {"Upload-Length": "6"}, 400, "malformed_request"),
        ((whole, part), {"Upload-Defer-Length": "1"}, 400, "malformed_request"),
        ((whole, part), {"Upload-Concat": f"finally;{whole}"}, 400, "malformed_request"),
        ((whole, part), {"Upload-Concat": "Partial"}, 400, "malformed_request"),
        ((whole, part), {"Content-Type": "application/offset+octet-stream"}, 403, "forbidden"),
    ):
        answered, problem, _ = await join(alice, *places, **headers)
        assert (answered, problem["code"]) == (status, code), (places, headers)
    assert (await join(alice, whole, part))[0] == 201


async def test_parts_larger_than_allowed_together_are_refused(alice: aiohttp.ClientSession) -> None:
    async with alice.post("/api/v1/uploads", headers=TUS | PART | {"Upload-Length": str(LIMIT + 1)}) as response:
        assert response.status == 413
    places = [await send(alice, CONTENT), await send(alice, CONTENT)]
    status, problem, _ = await join(alice, *places)
    assert (status, problem["code"]) == (413, "too_large")
    assert await position(alice, places[1]) == len(CONTENT)


async def test_nobody_joins_or_sees_the_parts_of_others(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession, admin: aiohttp.ClientSession
) -> None:
    hers, his = await send(alice, b"secret"), await send(bob, b"his")
    for client in (bob, admin):
        assert (await join(client, hers))[0] == 404
    assert (await join(bob, his, hers))[0] == 404
    for method, headers in (("HEAD", TUS), ("PATCH", BYTES | {"Upload-Offset": "6"}), ("DELETE", TUS), ("GET", {})):
        async with bob.request(method, hers, headers=headers) as response:
            assert response.status == 404, method
    assert len(await jobs_of(bob)) == 1
    assert (await join(alice, hers))[1]["sha256"] == sha256(b"secret")
    assert (await join(bob, his))[1]["sha256"] == sha256(b"his")


async def test_eight_requests_to_join_the_same_parts_make_one_file(alice: aiohttp.ClientSession) -> None:
    places = [await send(alice, piece) for piece in PIECES]
    answers = await asyncio.gather(*(join(alice, *places) for _ in range(8)))
    assert {status for status, _, _ in answers} <= {201, 404, 409}
    assert sum(status == 201 for status, _, _ in answers) == 1
    async with alice.get("/api/v1/uploads") as response:
        assert [item["sha256"] for item in (await response.json())["items"]] == [sha256(CONTENT)]


async def test_the_same_key_joins_once(alice: aiohttp.ClientSession) -> None:
    places = [await send(alice, b"abc"), await send(alice, b"def")]
    first = await join(alice, *places, **{"Idempotency-Key": "k"})
    again = await join(alice, *places, **{"Idempotency-Key": "k"})
    assert (first[0], again[0]) == (201, 201)
    assert first[2] == again[2]
    assert (await upload_of(alice, first[2]))["sha256"] == sha256(b"abcdef")
    states = sorted(job["state"] for job in await jobs_of(alice))
    assert states == ["cancelled", "succeeded"]  # the job that gathered them ended when they went elsewhere


async def test_terminating_every_part_ends_the_job(server: Server, alice: aiohttp.ClientSession) -> None:
    places = [await begin(alice, 5), await begin(alice, 5)]
    [job] = await jobs_of(alice)
    for place in places:
        async with alice.delete(place, headers=TUS) as response:
            assert response.status == 204
    await job_when(alice, job["job_id"], "cancelled")
    assert await upload_ids(server.parts) == set()
    async with alice.get("/api/v1/uploads") as response:
        assert (await response.json())["total"] == 0


async def test_cancelling_the_job_removes_the_parts(server: Server, alice: aiohttp.ClientSession) -> None:
    places = [await send(alice, b"abc"), await begin(alice, 5)]
    [job] = await jobs_of(alice)
    async with alice.post(f"/api/v1/jobs/{job['job_id']}/cancel") as response:
        assert response.status < 300
    for place in places:
        async with alice.get(place) as response:
            assert response.status == 404
    assert await upload_ids(server.parts) == set()


async def test_a_part_is_no_file(alice: aiohttp.ClientSession) -> None:
    place = await send(alice, b"a,b\n1,2\n")
    part = await upload_of(alice, place)
    wanted = {"upload_id": part["id"], "dataset": "sales", "mode": "create"}
    async with alice.post("/api/v1/imports", json=wanted) as response:
        assert (await response.json())["code"] == "upload_incomplete"
    async with alice.get(f"{place}/content") as response:
        assert (await response.json())["code"] == "upload_unfinished"


async def test_a_part_may_bring_its_bytes_and_say_its_length_later(alice: aiohttp.ClientSession) -> None:
    deferred = TUS | PART | {"Upload-Defer-Length": "1"}
    async with alice.post("/api/v1/uploads", headers=deferred) as response:
        first = response.headers["Location"]
    assert (await patch(alice, first, 0, b"abc", **{"Upload-Length": "3"}))[0] == 204
    async with alice.post("/api/v1/uploads", headers=BYTES | PART | {"Upload-Length": "3"}, data=b"def") as response:
        second = response.headers["Location"]
    assert (await join(alice, second, first))[1]["sha256"] == sha256(b"defabc")


@pytest.fixture
def small_files() -> Iterator[None]:
    """The kernel lets no file of this process grow past a limit, as it does when a quota is used up."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.local_files(reason="an S3 store has no full disk of ours")
async def test_a_disk_that_fills_up_keeps_the_parts(
    alice: aiohttp.ClientSession, request: pytest.FixtureRequest
) -> None:
    places = [await send(alice, piece) for piece in PIECES]
    request.getfixturevalue("small_files")
    status, problem, _ = await join(alice, *places)
    assert (status, problem["code"]) == (507, "storage_full")
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert [await position(alice, place) for place in places] == [len(piece) for piece in PIECES]
    status, upload, _ = await join(alice, *places)
    assert (status, upload["sha256"]) == (201, sha256(CONTENT))


async def test_nobody_begins_a_part_without_signing_in(server: Server) -> None:
    async with (
        aiohttp.ClientSession(server.url) as nobody,
        nobody.post("/api/v1/uploads", headers=TUS | PART | {"Upload-Length": "5"}) as response,
    ):
        assert response.status == 401
