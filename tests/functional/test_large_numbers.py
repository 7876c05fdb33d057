"""Numbers of any length in headers, addresses, queries and forms: never a 500, never a wrong place in a list."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from urllib.parse import urlsplit

import aiohttp
import pytest

from server.settings import Settings
from tests.conftest import Server
from tests.functional import batches
from tests.functional.browsing import browser, sign_in
from tests.functional.importing import ORDERS, import_text, upload
from tests.functional.test_uploads import BYTES, TUS, announce, position

NUMBERS = [
    "9" * 5_000,
    "9" * 40,
    "1" * 19,
    "-1",
    "１２",
    "²",
    "1.5",
    "1." + "9" * 30,
    "9" * 4_301 + ".0",
    "\x00",
    "é",
    "",
]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, min_free_bytes=1)


async def test_any_range_of_a_file_is_answered_as_rfc_9110_says(alice: aiohttp.ClientSession) -> None:
    content = ORDERS.encode()
    place = f"/api/v1/uploads/{await upload(alice, ORDERS)}/content"
    size, huge = len(content), "9" * 4_301
    for wanted, status, expected in (
        (f"bytes=0-{huge}", 206, content),
        (f"bytes=5-{huge}", 206, content[5:]),
        (f"bytes=-{huge}", 206, content),
        (f"bytes=0-{'0' * 4_301}4", 206, content[:5]),
        (f"bytes=0-{2**64}", 206, content),
        ("bytes=3-7", 206, content[3:8]),
        ("bytes=-4", 206, content[-4:]),
        (f"bytes={size - 1}-", 206, content[-1:]),
        (f"bytes={huge}-", 416, b""),
        (f"bytes={2**64}-{huge}", 416, b""),
        (f"bytes={size}-", 416, b""),
        ("bytes=-0", 416, b""),
        ("bytes=7-3", 200, content),
        (f"bytes={huge}-3", 200, content),
        ("bytes=", 200, content),
        ("bytes=-", 200, content),
        ("bytes=a-b", 200, content),
        ("bytes=１-２", 200, content),
        ("bytes=+1-2", 200, content),
        ("bytes=0-1,3-4", 200, content),
        ("rows=0-1", 200, content),
    ):
        async with alice.get(place, headers={"Range": wanted}) as response:
            assert (response.status, await response.read()) == (status, expected), wanted[:40]


async def test_headers_of_an_upload_take_no_number_too_many(alice: aiohttp.ClientSession) -> None:
    place = await announce(alice, 10)
    for number in [*NUMBERS, str(2**63), str(2**64)]:
        if number == "\x00":
            continue  # no HTTP client sends it
        for method, url, headers in (
            ("POST", "/api/v1/uploads", TUS | {"Upload-Length": number}),
            ("POST", "/api/v1/uploads", TUS | {"Upload-Defer-Length": number}),
            ("PATCH", place, BYTES | {"Upload-Offset": number}),
            ("PATCH", place, BYTES | {"Upload-Offset": "0", "Upload-Length": number}),
            ("PATCH", place, BYTES | {"Upload-Offset": "0", "Upload-Checksum": f"sha1 {number}"}),
        ):
            async with alice.request(method, url, headers=headers) as response:
                assert response.status in (400, 409, 413), (method, headers)
    assert await position(alice, place) == 0


async def test_artifacts_and_lists_take_any_number(alice: aiohttp.ClientSession, admin: aiohttp.ClientSession) -> None:
    imported = await import_text(alice)
    await batches.put_template(alice)
    order = await batches.start(alice, formats=["html"])
    batch = f"/api/v1/batches/{order['batch_id']}"
    lists = [
        (alice, f"/api/v1/imports/{imported['job_id']}/rejects"),
        (alice, "/api/v1/datasets/orders/rows"),
        (alice, f"{batch}/reports"),
        *((alice, f"/api/v1/{name}") for name in ("uploads", "datasets", "templates", "batches", "jobs")),
        *((admin, f"/api/v1/admin/{name}") for name in ("users", "audit")),
    ]
    for client, url in lists:
        for number in NUMBERS:
            for name in ("cursor", "limit"):
                async with client.get(url, params={name: number}) as response:
                    assert response.status in (200, 422), (url, name, number[:40])
    for number in NUMBERS[:-1]:
        async with alice.post(f"/api/v1/datasets/orders/versions/{number}/restore") as response:
            assert response.status == (422 if number == "\0" else 404), number[:40]


async def test_pages_and_their_forms_take_any_number(server: Server, alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    await batches.put_template(alice)
    order = await batches.start(alice, formats=["html"])
    upload_id = await upload(alice)
    async with browser(server) as people:
        for name in ("admin", "alice"):
            await sign_in(people, name)
            for number in NUMBERS:
                for url, query in (
                    (f"/batches/{order['batch_id']}", "page"),
                    ("/admin/audit", "before"),
                    ("/notifications", "before"),
                    ("/templates/sales", "version"),
                    ("/jobs", "cursor"),
                ):
                    async with people.get(url, params={query: number}) as response:
                        assert response.status < 500, (name, url, number[:40])
        for number in NUMBERS:
            form = {"upload": upload_id, "dataset": "x", "mode": "create"}
            for changed in ({"skip_rows": number}, {"reject_limit": number}):
                async with people.post("/imports", data=form | changed) as response:
                    assert response.status < 500, changed
            async with people.post(
                "/account/tokens", data={"name": "t", "scope_read": "on", "days": number}
            ) as response:
                assert response.status < 500, number[:40]


async def test_headers_that_are_no_text_make_no_server_fail(server: Server, alice: aiohttp.ClientSession) -> None:
    place = await announce(alice, 5)
    whole = f"/api/v1/uploads/{await upload(alice)}/content"
    for value in (b"\xff\xfe", "é".encode(), b"x" * 5_000, b"\x80" * 100, b"final;/uploads/\xff", b"a \xff"):
        for method, url, name in (
            *(
                ("POST", "/api/v1/uploads", name)
                for name in ("Idempotency-Key", "Upload-Metadata", "Upload-Concat", "Upload-Checksum", "Upload-Length")
            ),
            ("PATCH", place, "Upload-Checksum"),
            ("PATCH", place, "Content-Type"),
            ("POST", place, "X-HTTP-Method-Override"),
            ("HEAD", place, "Tus-Resumable"),
            ("GET", place, "Accept"),
            *(("GET", whole, name) for name in ("Range", "If-Range", "If-None-Match", "If-Match", "Accept-Language")),
        ):
            status = await status_of(server, alice, method, url, name.encode() + b": " + value)
            assert 200 <= status < 500, (method, url, name, value[:20], status)


async def status_of(server: Server, client: aiohttp.ClientSession, method: str, url: str, header: bytes) -> int:
    """Of a request with a header as no HTTP client would write it."""
    place = urlsplit(server.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    lines = {
        "Host": place.netloc,
        "Authorization": client.headers["Authorization"],
        "Tus-Resumable": "1.0.0",
        "Upload-Length": "5",
        "Upload-Offset": "0",
        "Content-Type": "application/offset+octet-stream",
        "Content-Length": "0",
        "Connection": "close",
    }
    lines.pop(header.partition(b":")[0].decode(), None)
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    writer.write(f"{method} {url} HTTP/1.1\r\n{head}".encode() + header + b"\r\n\r\n")
    async with asyncio.timeout(15):
        answer = await reader.read()
    writer.close()
    return int(answer.split(b" ", 2)[1])


async def test_pages_show_numbers_of_any_size(server: Server, alice: aiohttp.ClientSession) -> None:
    """In both languages: rows, columns, answers of queries, and what scripts tell of their jobs."""
    figures = ["1e21", "1e25", "-1e25", "1e300", "-1.7e308", "1e-300", "5e-324", "0", "12345.678"]
    cells = "".join(f"{figure},a\n" for figure in figures)
    await import_text(alice, "n,d\n" + cells, options={"columns": [{"name": "n", "type": "decimal"}]})
    jobs = []
    for number in (*figures, str(2**63), str(10**19), "9" * 300):
        told = f'{{"title": "t", "detail": {{"a": {number}}}}}'
        async with alice.post("/api/v1/jobs", data=told, headers={"Content-Type": "application/json"}) as response:
            assert response.status == 202, await response.text()
            jobs.append(f"/jobs/{(await response.json())['job_id']}")
        async with alice.patch(f"/api/v1{jobs[-1]}", json={"state": "succeeded"}) as response:
            assert response.status == 200
    statements = ["1e300", "-1e25", "2::hugeint ** 126", "'nan'::double", "'-infinity'::double", "1e-300::double",
                  "12345678901234567890123456789.5::decimal(38, 1)", "[1e300]"]  # fmt: skip
    async with browser(server) as reader:
        await sign_in(reader, "alice")
        for language in ("en", "zh-CN"):
            reader.headers["Accept-Language"] = language
            for page in ("/datasets/orders", "/datasets/orders/columns/profiles", *jobs, "/jobs"):
                async with reader.get(page) as response:
                    assert response.status == 200, page
            for value in statements:
                form = {"sql": f"select {value} as v"}
                async with reader.post("/datasets/orders/query", data=form) as response:
                    assert response.status == 200, (value, await response.text())
