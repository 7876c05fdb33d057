"""Uploads over HTTP: tus as its clients speak it, one request as curl sends it, and nobody else's eyes on them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from server.settings import Settings
from tests.conftest import Server
from tests.stored import upload_ids

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = TUS | {"Content-Type": "application/offset+octet-stream"}
CONTENT = os.urandom(2_500_000)
LIMIT = 4_000_000


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, max_upload_bytes=LIMIT, min_free_bytes=1)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def metadata(**values: str) -> dict[str, str]:
    pairs = (f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items())
    return {"Upload-Metadata": ",".join(pairs)}


async def announce(client: aiohttp.ClientSession, size: int, **headers: str) -> str:
    """The place of a new upload."""
    wanted = TUS | metadata(filename="sales.csv") | {"Upload-Length": str(size)} | headers
    async with client.post("/api/v1/uploads", headers=wanted) as response:
        assert response.status == 201, await response.text()
        return response.headers["Location"]


async def patch(
    client: aiohttp.ClientSession, place: str, offset: int, data: Any, **headers: str
) -> tuple[int, aiohttp.typedefs.LooseHeaders, str]:
    body = io.BytesIO(data) if isinstance(data, bytes) else data
    async with client.patch(place, headers=BYTES | {"Upload-Offset": str(offset)} | headers, data=body) as response:
        return response.status, dict(response.headers), await response.text()


async def position(client: aiohttp.ClientSession, place: str) -> int:
    async with client.head(place, headers=TUS) as response:
        assert response.status == 200
        return int(response.headers["Upload-Offset"])


async def upload_of(client: aiohttp.ClientSession, place: str) -> dict[str, Any]:
    async with client.get(place) as response:
        assert response.status == 200, await response.text()
        return dict(await response.json())


async def job_when(client: aiohttp.ClientSession, job_id: str, *states: str) -> dict[str, Any]:
    async with asyncio.timeout(15):
        while True:
            async with client.get(f"/api/v1/jobs/{job_id}") as response:
                job = dict(await response.json())
            if job["state"] in states:
                return job
            await asyncio.sleep(0.02)


async def send_form(client: aiohttp.ClientSession, content: bytes, name: str = "sales.csv") -> dict[str, Any]:
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(content), filename=name, content_type="text/csv")
    async with client.post("/api/v1/uploads", data=form) as response:
        assert response.status == 201, await response.text()
        return dict(await response.json())


async def test_anybody_may_ask_what_the_server_can_do(server: Server) -> None:
    async with aiohttp.ClientSession(server.url) as anybody, anybody.options("/api/v1/uploads") as response:
        assert response.status == 204
        assert response.headers["Tus-Resumable"] == "1.0.0"
        assert response.headers["Tus-Version"] == "1.0.0"
        assert response.headers["Tus-Max-Size"] == str(LIMIT)
        assert response.headers["Tus-Checksum-Algorithm"] == "sha256,sha1"
        extensions = response.headers["Tus-Extension"].split(",")
        assert extensions == [
            "creation", "creation-with-upload", "creation-defer-length", "termination", "expiration", "checksum",
            "concatenation",
        ]  # fmt: skip


async def test_a_file_comes_in_pieces_and_its_job_follows(alice: aiohttp.ClientSession) -> None:
    place = await announce(alice, len(CONTENT))
    announced = await upload_of(alice, place)
    running = await job_when(alice, announced["job_id"], "running")
    assert (running["kind"], running["unit"], running["total"]) == ("file_upload", "bytes", len(CONTENT))

    status, headers, _ = await patch(alice, place, 0, CONTENT[:1_000_000])
    assert (status, headers["Upload-Offset"]) == (204, "1000000")
    assert "Upload-Expires" in headers
    assert await position(alice, place) == 1_000_000
    status, headers, _ = await patch(alice, place, 1_000_000, CONTENT[1_000_000:])
    assert (status, headers["Upload-Offset"]) == (204, str(len(CONTENT)))

    done = await job_when(alice, announced["job_id"], "succeeded")
    assert (done["progress"], done["percent"]) == (len(CONTENT), 100.0)
    assert done["result"]["links"]["import"] == f"/imports/new?upload={announced['id']}"
    upload = await upload_of(alice, place)
    assert upload["sha256"] == sha256(CONTENT)
    assert (upload["name"], upload["size"], upload["offset"]) == ("sales.csv", len(CONTENT), len(CONTENT))
    assert upload["expires_at"] is None


async def test_head_gives_back_what_was_announced(alice: aiohttp.ClientSession) -> None:
    place = await announce(alice, 5, **metadata(filename="订单.csv", filetype="text/csv"))
    async with alice.head(place, headers=TUS) as response:
        assert response.headers["Upload-Length"] == "5"
        assert response.headers["Upload-Offset"] == "0"
        assert response.headers["Cache-Control"] == "no-store"
        assert (
            response.headers["Upload-Metadata"] == metadata(filename="订单.csv", filetype="text/csv")["Upload-Metadata"]
        )


async def test_the_first_bytes_may_come_with_the_creation(alice: aiohttp.ClientSession) -> None:
    headers = BYTES | {"Upload-Length": "10"}
    async with alice.post("/api/v1/uploads", headers=headers, data=b"01234") as response:
        assert response.status == 201
        assert response.headers["Upload-Offset"] == "5"
        place = response.headers["Location"]
    assert (await patch(alice, place, 5, b"56789"))[0] == 204


async def test_an_empty_file_is_whole_at_once(alice: aiohttp.ClientSession) -> None:
    place = await announce(alice, 0)
    upload = await upload_of(alice, place)
    await job_when(alice, upload["job_id"], "succeeded")
    assert (await upload_of(alice, place))["sha256"] == sha256(b"")


async def test_a_wrong_offset_is_a_conflict(alice: aiohttp.ClientSession) -> None:
    place = await announce(alice, 10)
    status, headers, body = await patch(alice, place, 3, b"xyz")
    assert status == 409
    assert headers["Tus-Resumable"] == "1.0.0"
    assert '"wrong_offset"' in body
    assert await position(alice, place) == 0


async def test_a_wrong_checksum_is_460_and_a_right_one_counts(alice: aiohttp.ClientSession) -> None:
    place = await announce(alice, 5)
    right = "sha1 " + base64.b64encode(hashlib.sha1(b"hello").digest()).decode()
    status, headers, body = await patch(alice, place, 0, b"hullo", **{"Upload-Checksum": right})
    assert status == 460
    assert headers["Tus-Resumable"] == "1.0.0"
    assert '"checksum_mismatch"' in body
    assert await position(alice, place) == 0
    assert (await patch(alice, place, 0, b"hello", **{"Upload-Checksum": right}))[0] == 204


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upload-Length": "5", "Tus-Resumable": "0.2.2"}, 412),
        ({"Upload-Length": "x"}, 400),
        ({}, 400),
        ({"Upload-Length": str(LIMIT + 1)}, 413),
        ({"Upload-Length": "5", "Upload-Metadata": "filename %%%"}, 400),
        ({"Upload-Length": "9" * 5_000}, 400),
        ({"Upload-Defer-Length": "2"}, 400),
        ({"Upload-Defer-Length": "1", "Upload-Length": "5"}, 400),
        ({"Upload-Concat": "1"}, 400),
    ],
)
async def test_a_wrong_creation_is_refused(alice: aiohttp.ClientSession, headers: dict[str, str], status: int) -> None:
    async with alice.post("/api/v1/uploads", headers=TUS | headers) as response:
        assert response.status == status
        assert response.headers["Tus-Resumable"] == "1.0.0"
        assert response.content_type == "application/problem+json"
        if status == 412:
            assert response.headers["Tus-Version"] == "1.0.0"


async def test_a_version_that_is_missing_is_answered_with_ours(alice: aiohttp.ClientSession) -> None:
    place = await announce(alice, 5)
    for method, url in (("POST", "/api/v1/uploads"), ("PATCH", place)):
        async with alice.request(method, url, headers={"Upload-Length": "5"}) as response:
            assert response.status == 412, (method, url)
            assert response.headers["Tus-Version"] == response.headers["Tus-Resumable"] == "1.0.0"


async def test_the_length_may_come_later(alice: aiohttp.ClientSession) -> None:
    wanted = TUS | {"Upload-Defer-Length": "1"} | metadata(filename="stream.csv")
    async with alice.post("/api/v1/uploads", headers=wanted) as response:
        assert (response.status, response.headers["Upload-Defer-Length"]) == (201, "1")
        place = response.headers["Location"]
    assert (await patch(alice, place, 0, CONTENT[:1_000_000]))[0] == 204
    async with alice.head(place, headers=TUS) as response:
        assert response.headers["Upload-Defer-Length"] == "1"
        assert "Upload-Length" not in response.headers
    async with alice.get("/api/v1/uploads") as response:
        [listed] = (await response.json())["items"]
    assert (listed["size"], listed["offset"]) == (None, 1_000_000)

    for wrong, status in (("999999", 400), (str(LIMIT + 1), 413), ("9" * 5_000, 400), ("-1", 400)):
        assert (await patch(alice, place, 1_000_000, b"", **{"Upload-Length": wrong}))[0] == status, wrong
    whole = {"Upload-Length": str(len(CONTENT))}
    assert (await patch(alice, place, 1_000_000, CONTENT[1_000_000:2_000_000], **whole))[0] == 204
    async with alice.head(place, headers=TUS) as response:
        assert response.headers["Upload-Length"] == str(len(CONTENT))
        assert "Upload-Defer-Length" not in response.headers
    assert (await patch(alice, place, 2_000_000, b"", **{"Upload-Length": "2000000"}))[0] == 400
    assert (await patch(alice, place, 2_000_000, CONTENT[2_000_000:], **whole))[0] == 204
    upload = await upload_of(alice, place)
    assert upload["sha256"] == sha256(CONTENT)
    done = await job_when(alice, upload["job_id"], "succeeded")
    assert (done["progress"], done["total"]) == (len(CONTENT), len(CONTENT))


async def test_a_stream_may_turn_out_to_be_at_its_end(alice: aiohttp.ClientSession) -> None:
    async with alice.post("/api/v1/uploads", headers=BYTES | {"Upload-Defer-Length": "1"}, data=b"abc") as response:
        place = response.headers["Location"]
    assert (await patch(alice, place, 3, b"", **{"Upload-Length": "3"}))[0] == 204
    assert (await upload_of(alice, place))["sha256"] == sha256(b"abc")


async def test_a_file_of_unknown_length_is_bounded(alice: aiohttp.ClientSession) -> None:
    async with alice.post("/api/v1/uploads", headers=TUS | {"Upload-Defer-Length": "1"}) as response:
        place = response.headers["Location"]
    assert (await patch(alice, place, 0, b"x" * (LIMIT + 1)))[0] == 413
    assert await position(alice, place) <= LIMIT


async def test_more_bytes_than_announced_are_refused(alice: aiohttp.ClientSession) -> None:
    place = await announce(alice, 5)
    status, _, body = await patch(alice, place, 0, b"0123456789")
    assert status == 413
    assert '"too_large"' in body


async def test_a_form_larger_than_allowed_is_refused_and_leaves_nothing(alice: aiohttp.ClientSession) -> None:
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(b"x" * (LIMIT + 1)), filename="big.csv")
    async with alice.post("/api/v1/uploads", data=form) as response:
        assert response.status == 413
    async with alice.get("/api/v1/uploads") as response:
        assert (await response.json())["total"] == 0


async def test_a_body_of_another_type_is_refused(alice: aiohttp.ClientSession) -> None:
    place = await announce(alice, 5)
    assert (await patch(alice, place, 0, b"hello", **{"Content-Type": "text/csv"}))[0] == 415


async def test_one_request_is_enough_for_curl(alice: aiohttp.ClientSession) -> None:
    upload = await send_form(alice, CONTENT)
    assert set(upload) >= {"id", "name", "size", "offset", "sha256", "expires_at", "job_id", "links"}
    assert (upload["name"], upload["size"], upload["offset"]) == ("sales.csv", len(CONTENT), len(CONTENT))
    assert upload["sha256"] == sha256(CONTENT)
    await job_when(alice, upload["job_id"], "succeeded")


async def test_an_empty_form_file_is_an_empty_file(alice: aiohttp.ClientSession) -> None:
    upload = await send_form(alice, b"")
    assert (upload["size"], upload["sha256"]) == (0, sha256(b""))


@pytest.mark.parametrize(
    "body", [b"", b"garbage", b"--b\r\n\r\nx", b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b--\r\n']
)
async def test_a_form_without_a_file_is_refused(alice: aiohttp.ClientSession, body: bytes) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    async with alice.post("/api/v1/uploads", headers=headers, data=body) as response:
        assert response.status in (400, 415)
        assert response.content_type == "application/problem+json"


async def test_a_form_that_breaks_off_leaves_nothing(server: Server, alice: aiohttp.ClientSession) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="half.csv"\r\n\r\n'

    async def half() -> AsyncIterator[bytes]:
        yield head + b"x" * 300_000
        await asyncio.Event().wait()

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    request = asyncio.create_task(alice.post("/api/v1/uploads", headers=headers, data=half()).__aenter__())
    job_id = await first_job(alice)
    request.cancel()
    await asyncio.wait([request])
    assert (await job_when(alice, job_id, "cancelled"))["title"] == "half.csv"
    async with alice.get("/api/v1/uploads") as response:
        assert (await response.json())["items"] == []


async def first_job(client: aiohttp.ClientSession) -> str:
    async with asyncio.timeout(15):
        while True:
            async with client.get("/api/v1/jobs") as response:
                items = (await response.json())["items"]
            if items:
                return str(items[0]["job_id"])
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("../../etc/passwd", "../../etc/passwd"),
        ("a\x1fb.csv", "ab.csv"),
        ("invoice\u202excod.exe", "invoicexcod.exe"),
        ("销售 🍵.csv", "销售 🍵.csv"),
        ("", "unnamed"),
        ("x" * 1000 + ".csv", "x" * 295 + "….csv"),
    ],
)
async def test_a_name_is_data_and_never_a_path(
    server: Server, alice: aiohttp.ClientSession, sent: str, shown: str
) -> None:
    place = await announce(alice, 3, **metadata(filename=sent))
    await patch(alice, place, 0, b"abc")
    assert (await upload_of(alice, place))["name"] == shown
    assert await upload_ids(server.parts) == {place.rpartition("/")[2]}


async def test_the_file_comes_back_as_a_download_only(alice: aiohttp.ClientSession) -> None:
    upload = await send_form(alice, CONTENT, "../报告.html")
    async with alice.get(upload["links"]["content"]) as response:
        assert await response.read() == CONTENT
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.content_type == "application/octet-stream"
        disposition = response.headers["Content-Disposition"]
        assert disposition.startswith("attachment")
        assert ".." not in disposition
        assert "filename*=UTF-8''%E6%8A%A5%E5%91%8A.html" in disposition
    async with alice.get(upload["links"]["content"], headers={"Range": "bytes=10-19"}) as response:
        assert response.status == 206
        assert await response.read() == CONTENT[10:20]


async def test_an_upload_is_json_unless_the_file_itself_is_asked_for(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    place = (await send_form(alice, CONTENT))["links"]["self"]
    for accepted, is_file in (
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("application/json, text/plain, */*", False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        ("application/*", False),
        ("application/octet-stream, application/json", False),
        ("application/octet-stream;q=0", False),
        ("text/csv", False),
        (";q=,,;;", False),
        ("application/octet-stream", True),
        ("Application/Octet-Stream; q=0.5, */*;q=0.1", True),
        ("application/json;q=0.5, application/octet-stream", True),
        ("*/*, application/json;q=0", True),
        ("application/octet-stream;q=" + "9" * 5_000, True),
    ):
        async with alice.get(place, headers={"Accept": accepted}) as response:
            assert (response.status, response.headers["Vary"]) == (200, "Accept"), accepted
            assert (response.content_type == "application/octet-stream") == is_file, accepted
            assert (await response.read() == CONTENT) == is_file, accepted
    async with bob.get(place, headers={"Accept": "application/octet-stream"}) as response:
        assert response.status == 404


async def test_an_unfinished_file_cannot_be_downloaded(alice: aiohttp.ClientSession) -> None:
    place = await announce(alice, 5)
    async with alice.get(f"{place}/content") as response:
        assert response.status == 422
        assert (await response.json())["code"] == "upload_unfinished"


async def test_the_list_is_newest_first_in_pages_and_searched(alice: aiohttp.ClientSession) -> None:
    for number in range(3):
        await announce(alice, 5, **metadata(filename=f"file-{number}.csv"))
    await announce(alice, 5, **metadata(filename="100%_other.csv"))
    async with alice.get("/api/v1/uploads", params={"limit": "3"}) as response:
        first = await response.json()
    assert [item["name"] for item in first["items"]] == ["100%_other.csv", "file-2.csv", "file-1.csv"]
    assert first["total"] == 4
    async with alice.get("/api/v1/uploads", params={"limit": "3", "cursor": first["next_cursor"]}) as response:
        second = await response.json()
    assert [item["name"] for item in second["items"]] == ["file-0.csv"]
    assert second["next_cursor"] is None
    async with alice.get("/api/v1/uploads", params={"q": "%_"}) as response:
        assert [item["name"] for item in (await response.json())["items"]] == ["100%_other.csv"]


async def test_deleting_an_upload_cancels_its_job(server: Server, alice: aiohttp.ClientSession) -> None:
    place = await announce(alice, 10)
    await patch(alice, place, 0, b"01234")
    job_id = (await upload_of(alice, place))["job_id"]
    async with alice.delete(place, headers=TUS) as response:
        assert response.status == 204
        assert response.headers["Tus-Resumable"] == "1.0.0"
    await job_when(alice, job_id, "cancelled")
    async with alice.head(place, headers=TUS) as response:
        assert response.status == 404
    assert await upload_ids(server.parts) == set()


async def test_cancelling_the_job_removes_the_upload(server: Server, alice: aiohttp.ClientSession) -> None:
    place = await announce(alice, 10)
    await patch(alice, place, 0, b"01234")
    job_id = (await upload_of(alice, place))["job_id"]
    async with alice.post(f"/api/v1/jobs/{job_id}/cancel") as response:
        assert response.status < 300
    await job_when(alice, job_id, "cancelled")
    async with alice.get(place) as response:
        assert response.status == 404
    assert await upload_ids(server.parts) == set()


async def test_a_finished_upload_can_be_deleted_and_its_job_stays_done(alice: aiohttp.ClientSession) -> None:
    upload = await send_form(alice, b"a,b\n1,2\n")
    await job_when(alice, upload["job_id"], "succeeded")
    async with alice.delete(upload["links"]["self"]) as response:
        assert response.status == 204
    assert (await job_when(alice, upload["job_id"], "succeeded"))["state"] == "succeeded"


async def test_the_same_key_gives_the_same_upload(server: Server, alice: aiohttp.ClientSession) -> None:
    first = await announce(alice, 10, **{"Idempotency-Key": "k1"})
    again = await announce(alice, 10, **{"Idempotency-Key": "k1"})
    other = await announce(alice, 10, **{"Idempotency-Key": "k2"})
    assert first == again != other
    assert len(await upload_ids(server.parts)) == 2


async def test_a_method_may_be_named_in_a_header(alice: aiohttp.ClientSession) -> None:
    place = await announce(alice, 5)
    headers = BYTES | {"Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    async with alice.post(place, headers=headers, data=b"hello") as response:
        assert (response.status, response.headers["Upload-Offset"]) == (204, "5")
    async with alice.post(place, headers=TUS | {"X-HTTP-Method-Override": "head"}) as response:
        assert (response.status, response.headers["Upload-Offset"]) == (200, "5")
    async with alice.delete(place, headers=TUS | {"X-HTTP-Method-Override": "HEAD"}) as response:
        assert response.status == 200  # the method of the request itself does not count
    for method in ("GET", "HEAD"):  # these need no right to write: they can do nothing else
        async with alice.request(method, place, headers=TUS | {"X-HTTP-Method-Override": "DELETE"}) as response:
            assert response.status == 200
    async with alice.patch(place, headers=TUS | {"X-HTTP-Method-Override": "DELETE"}) as response:
        assert response.status == 204
    async with alice.post(place, headers=TUS) as response:
        assert response.status == 400


async def test_a_broken_connection_keeps_what_came(server: Server, alice: aiohttp.ClientSession) -> None:
    place = await announce(alice, len(CONTENT))
    offset = await send_half_and_vanish(alice, place)
    assert 0 < offset <= 1_500_000
    assert (await patch(alice, place, offset, CONTENT[offset:]))[0] == 204
    assert (await upload_of(alice, place))["sha256"] == sha256(CONTENT)


async def test_a_busy_request_is_left_alone_and_a_silent_one_gives_way(alice: aiohttp.ClientSession) -> None:
    place = await announce(alice, len(CONTENT))
    is_refused = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        for start in range(0, 1_000_000, 1_000):
            yield CONTENT[start : start + 1_000]
            if not is_refused.is_set():
                await asyncio.sleep(0.05)
        await asyncio.Event().wait()

    sending = asyncio.create_task(patch(alice, place, 0, slowly()))
    await job_past(alice, (await upload_of(alice, place))["job_id"], 0)
    assert (await patch(alice, place, 0, CONTENT))[0] == 423
    is_refused.set()
    async with asyncio.timeout(15):
        while await position(alice, place) < 1_000_000:
            await asyncio.sleep(0.02)
    status, _, body = await sending
    assert (status, '"taken_over"' in body) == (423, True)
    assert (await patch(alice, place, 1_000_000, CONTENT[1_000_000:]))[0] == 204
    assert (await upload_of(alice, place))["sha256"] == sha256(CONTENT)


async def job_past(client: aiohttp.ClientSession, job_id: str, progress: int) -> None:
    async with asyncio.timeout(15):
        while True:
            async with client.get(f"/api/v1/jobs/{job_id}") as response:
                if (await response.json())["progress"] > progress:
                    return
            await asyncio.sleep(0.02)


async def send_half_and_vanish(client: aiohttp.ClientSession, place: str) -> int:
    """Bytes that are acknowledged after a connection broke in the middle of a request."""

    async def half() -> AsyncIterator[bytes]:
        yield CONTENT[:1_500_000]
        await asyncio.Event().wait()

    headers = BYTES | {"Upload-Offset": "0", "Content-Length": str(len(CONTENT))}
    request = asyncio.create_task(client.patch(place, headers=headers, data=half()).__aenter__())
    await job_past(client, (await upload_of(client, place))["job_id"], 500_000)
    request.cancel()
    await asyncio.wait([request])
    async with asyncio.timeout(15):
        while (offset := await position(client, place)) < 500_000:
            await asyncio.sleep(0.02)
    return offset


async def test_another_user_finds_nothing(alice: aiohttp.ClientSession, bob: aiohttp.ClientSession) -> None:
    place = await announce(alice, 10)
    await patch(alice, place, 0, b"01234")
    for method, url, headers in (
        ("GET", place, {}),
        ("GET", f"{place}/content", {}),
        ("HEAD", place, TUS),
        ("PATCH", place, BYTES | {"Upload-Offset": "5"}),
        ("DELETE", place, TUS),
        ("POST", place, TUS | {"X-HTTP-Method-Override": "DELETE"}),
    ):
        async with bob.request(method, url, headers=headers, data=b"56789" if method == "PATCH" else None) as response:
            assert response.status == 404, (method, url)
    async with bob.get("/api/v1/uploads") as response:
        assert (await response.json())["total"] == 0
    assert await position(alice, place) == 5


async def test_nobody_uploads_without_signing_in(server: Server) -> None:
    headers = TUS | {"Upload-Length": "5"}
    async with (
        aiohttp.ClientSession(server.url) as nobody,
        nobody.post("/api/v1/uploads", headers=headers) as response,
    ):
        assert response.status == 401
        assert response.headers["Tus-Resumable"] == "1.0.0"
