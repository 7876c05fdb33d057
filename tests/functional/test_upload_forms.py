"""Files in forms: exactly one, whole, as it was sent; whatever else comes is refused in words and leaves nothing."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from server.settings import Settings
from tests.conftest import Server
from tests.functional.test_uploads import LIMIT, sha256
from tests.stored import upload_ids

# aiohttp warns of a Content-Disposition it cannot read, and goes on as if it, or the parameter, were not there.
pytestmark = [
    pytest.mark.filterwarnings("ignore::aiohttp.multipart.BadContentDispositionHeader"),
    pytest.mark.filterwarnings("ignore::aiohttp.multipart.BadContentDispositionParam"),
]
FORM = {"Content-Type": "multipart/form-data; boundary=b"}
CSV = b"a,b\r\n1,2\r\n"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, max_upload_bytes=LIMIT, min_free_bytes=1)


def part(content: bytes = CSV, *, filename: str | None = "one.csv", headers: bytes = b"", name: str = "file") -> bytes:
    named = "" if filename is None else f'; filename="{filename}"'
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"{named}\r\n'.encode()
    return head + headers + b"\r\n" + content + b"\r\n"


async def post(client: aiohttp.ClientSession, body: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    async with client.post("/api/v1/uploads", data=io.BytesIO(body), headers=FORM | headers) as response:
        return response.status, dict(await response.json())


async def names_of(client: aiohttp.ClientSession) -> list[str]:
    async with client.get("/api/v1/uploads", params={"limit": "500"}) as response:
        return [item["name"] for item in (await response.json())["items"]]


FIELD = part(b"sales", filename=None, name="dataset")
EMPTY_INPUT = part(b"", filename="", headers=b"Content-Type: application/octet-stream\r\n", name="other")


async def test_one_file_is_taken_whatever_fields_are_around_it(alice: aiohttp.ClientSession) -> None:
    looks_like_a_boundary = b"x\r\n--a\r\n--\r\n-b--\r\n\n--b--\n--\r\n"
    for body, content in (
        (part() + b"--b--\r\n", CSV),
        (part() + b"--b--", CSV),
        (FIELD + part() + FIELD + b"--b--\r\n", CSV),
        (EMPTY_INPUT + part() + EMPTY_INPUT + b"--b--\r\n", CSV),
        (b"preamble\r\n" + part() + b"--b--\r\nepilogue", CSV),
        (part(b"") + b"--b--\r\n", b""),
        (part(b"\r\n") + b"--b--\r\n", b"\r\n"),
        (part(looks_like_a_boundary) + b"--b--\r\n", looks_like_a_boundary),
        (part(headers=b"Content-Transfer-Encoding: binary\r\n") + b"--b--\r\n", CSV),
        (part(headers=b"Content-Length: 3\r\n") + b"--b--\r\n", CSV),
        (part(b"x" * 700_000) + b"--b--\r\n", b"x" * 700_000),
    ):
        status, upload = await post(alice, body)
        assert (status, upload.get("sha256")) == (201, sha256(content)), (body[:200], upload)
        assert upload["size"] == len(content)


async def test_two_files_are_refused_in_words_and_neither_is_stored(alice: aiohttp.ClientSession) -> None:
    two = part() + part(b"c\n", filename="two.csv")
    for body in (two, two + FIELD, part(b"") + part(b""), FIELD + two * 20, part() + FIELD + part(name="file2")):
        status, problem = await post(alice, body + b"--b--\r\n")
        assert (status, problem["code"]) == (422, "several_files"), problem
        assert "more than one file" in problem["detail"]
    assert await names_of(alice) == []


async def test_a_form_that_is_not_whole_is_refused_and_leaves_nothing(alice: aiohttp.ClientSession) -> None:
    for body in (
        part(),
        part()[:-2],
        part() + b"--b",
        part() + b"--b-",
        part() + b"--b\r\n",
        part() + b"--c--\r\n",
        part(b"x" * 700_000)[:600_000],
        part() + FIELD,
        part() + FIELD[:40],
        part() + b"--b\r\nContent-Disp",
    ):
        status, problem = await post(alice, body)
        assert (status, problem["code"]) == (400, "cut_off"), (body[-100:], problem)
    assert await names_of(alice) == []


async def test_what_is_no_form_with_a_file_is_refused(alice: aiohttp.ClientSession) -> None:
    nested = b"Content-Type: multipart/mixed; boundary=c\r\n"
    inside = b'--c\r\nContent-Disposition: file; filename="one.csv"\r\n\r\na\r\n--c--\r\n'
    bomb = gzip.compress(b"\0" * 30_000_000)
    charset = b'--b\r\nContent-Disposition: form-data; name="_charset_"\r\n\r\n'
    for body, expected in (
        (b"", 400),
        (b"garbage", 400),
        (b"--b--\r\n", 415),
        (FIELD + b"--b--\r\n", 415),
        (EMPTY_INPUT + b"--b--\r\n", 415),
        (part(filename="") + b"--b--\r\n", 415),
        (part(inside, filename=None, headers=nested) + b"--b--\r\n", 415),
        (part(inside, headers=nested) + b"--b--\r\n", 415),
        (part() + part(inside, filename=None, headers=nested) + b"--b--\r\n", 415),
        (part(base64.b64encode(CSV), headers=b"Content-Transfer-Encoding: base64\r\n") + b"--b--\r\n", 415),
        (part(b"=61", headers=b"Content-Transfer-Encoding: Quoted-Printable\r\n") + b"--b--\r\n", 415),
        (part(b"x", headers=b"Content-Transfer-Encoding: x-what\r\n") + b"--b--\r\n", 415),
        (part(bomb, headers=b"Content-Encoding: gzip\r\n") + b"--b--\r\n", 415),
        (FIELD * 200 + part() + b"--b--\r\n", 400),
        (part() + FIELD * 100_000 + b"--b--\r\n", 400),
        (part(headers=b"X: y\r\n" * 100_000) + b"--b--\r\n", 400),
        (part(headers=b"X: " + b"y" * 100_000 + b"\r\n") + b"--b--\r\n", 400),
        (part(headers=b"no colon\r\n") + b"--b--\r\n", 400),
        (b"--b\r\n\r\nx\r\n" + part() + b"--b--\r\n", 400),
        (b"--b\r\nContent-Disposition: form-data; nam\r\n\r\nx\r\n" + part() + b"--b--\r\n", 400),
        (part(b"x" * 2_000_000, filename=None) + part() + b"--b--\r\n", 413),
        (charset + b"y" * 64 + b"\r\n" + part() + b"--b--\r\n", 400),
        (charset + b"\xff\r\n" + part() + b"--b--\r\n", 400),
    ):
        status, problem = await post(alice, body)
        assert (status, problem["status"]) == (expected, expected), (body[:120], problem)
    for content_type in (
        "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=" + "b" * 500,
        'multipart/form-data; boundary="é"',
    ):  # fmt: skip
        status, problem = await post(alice, part() + b"--b--\r\n", **{"Content-Type": content_type})
        assert status == 400, content_type
    assert await names_of(alice) == []


async def test_a_length_shorter_than_the_form_is_no_whole_form(server: Server, alice: aiohttp.ClientSession) -> None:
    body = part() + b"--b--\r\n"
    for length in (len(body) - 3, len(body) - 5, len(body) - 8, len(body) // 2, 1):
        answer = await raw_post(server, alice, body[:length], length)
        assert answer.startswith(b"HTTP/1.1 400 "), (length, answer)
    assert await names_of(alice) == []


async def raw_post(server: Server, client: aiohttp.ClientSession, body: bytes, length: int) -> bytes:
    place = urlsplit(server.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    head = (
        f"POST /api/v1/uploads HTTP/1.1\r\nHost: {place.netloc}\r\nConnection: close\r\n"
        f"Authorization: {client.headers['Authorization']}\r\n"
        f"Content-Type: {FORM['Content-Type']}\r\nContent-Length: {length}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    async with asyncio.timeout(15):
        answer = await reader.read()
    writer.close()
    return answer


async def test_the_same_key_gives_the_file_that_came_before(alice: aiohttp.ClientSession) -> None:
    body = part() + b"--b--\r\n"
    first, again = [await post(alice, body, **{"Idempotency-Key": "k"}) for _ in range(2)]
    assert first[1]["id"] == again[1]["id"]
    assert await names_of(alice) == ["one.csv"]


async def test_what_is_refused_is_nowhere_on_the_disk(server: Server, alice: aiohttp.ClientSession) -> None:
    await post(alice, part() + part() + b"--b--\r\n")
    await post(alice, part())
    assert await upload_ids(server.parts) == set()


async def test_no_name_of_a_file_leads_out_of_its_place(
    server: Server, alice: aiohttp.ClientSession, settings: Settings
) -> None:
    for name in (
        "../../etc/passwd", "..\\..\\windows\\win.ini", "/etc/passwd", "C:\\fakepath\\a.csv", "..", ".",
        "~/.bashrc", "CON", "a;b=c.csv", "a'b.csv", "a%22b.csv", "a%0d%0aSet-Cookie: x=1.csv", "%2e%2e%2fa.csv",
        "%00.csv", "a\tb.csv", "=cmd|' /C calc'!A0.csv", "\u202egpj.csv", "名字 🍵.csv",
        "<img src=x onerror=alert(1)>.csv", "x" * 5_000 + ".csv",
    ):  # fmt: skip
        status, upload = await post(alice, part(filename=name) + b"--b--\r\n")
        assert status == 201, (name, upload)
        assert upload["name"].isprintable()
        async with alice.get(upload["links"]["content"]) as response:
            disposition = response.headers["Content-Disposition"]
            assert (response.status, "Set-Cookie" in response.headers) == (200, False), name
            assert disposition.startswith("attachment; filename="), name
            assert not set(disposition.partition("filename*")[0]) & set("/\\\r\n"), name
            assert "%2F" not in disposition, name
    kept = await upload_ids(server.parts)
    async with alice.get("/api/v1/uploads", params={"limit": "500"}) as response:
        assert kept == {item["id"] for item in (await response.json())["items"]}
    assert {path.name for path in settings.data.iterdir()} <= {"uploads", "blobs", "cache", "secret.key"} | {
        path.name for path in settings.data.glob("jindu.db*")
    }


async def test_heads_of_parts_that_are_no_text_are_stored_as_text_or_refused(alice: aiohttp.ClientSession) -> None:
    name = b'--b\r\nContent-Disposition: form-data; name="file"; filename='
    for head in (
        name + b'"a.csv"\r\nContent-Type: text/\xff\xfe',
        name + b'"a.csv"\r\nContent-Type: ' + b"x" * 5_000,
        name + b'"a.csv"\r\nContent-Type: text/csv; charset=\x01',
        name + b'"\xff\xfe.csv"',
        name + b"\"a.csv\"; filename*=UTF-8''%ff%fe.csv",
        name + b"\"a.csv\"; filename*=utf-7''a.csv",
        name + b'"a.csv"; filename*=nonsense',
        name + b'"a.csv"; filename="b.csv"',
        name + b"a.csv",
        name + b'"a.csv',
        name + "“名”.csv".encode("gb18030"),
        b'--b\r\nContent-Disposition: form-data; name="file"; filename*0="a"; filename*1=".csv"',
        b'--b\r\nContent-Disposition: attachment; filename="a.csv"',
        b'--b\r\nContent-Disposition: \xff; filename="a.csv"',
    ):
        status, answer = await post(alice, head + b"\r\n\r\nx\r\n--b--\r\n")
        assert status in (201, 400, 415), (head, answer)
        if status == 201:
            assert (answer["size"], answer["name"].isprintable()) == (1, True), head
