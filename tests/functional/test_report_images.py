"""Pictures in reports: one's own upload in every format, nobody else's, and none that could do harm."""

from __future__ import annotations

import asyncio
import base64
import io
import os
import struct
import zipfile
import zlib
from pathlib import Path

import aiohttp
import pytest
from pypdf import PdfReader

from tests.conftest import signed_in
from tests.functional.batches import ended, made, put_template, reports_of
from tests.functional.importing import upload
from tests.process import ServerProcess
from tests.waiting import until

LOGO_TEMPLATE = """\
title: With a logo
formats: [pdf, html, xlsx]
blocks:
  - image: {file: logo.png, alt: "Our <logo>", width: 30}
  - heading: Figures
"""
# A character for private use: no font has it.
WITHOUT_SHAPE = """\
title: "A \\uE000"
formats: [pdf]
blocks:
  - heading: Figures
"""


def png(width: int = 8, height: int = 4, *, told_width: int | None = None) -> bytes:
    """A red picture; `told_width` is what its header claims."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", told_width or width, height, 8, 2, 0, 0, 0)
    rows = b"".join(b"\0" + b"\xff\0\0" * width for _ in range(height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


async def files_of(client: aiohttp.ClientSession, batch_id: str) -> dict[str, bytes]:
    [report] = await reports_of(client, batch_id)
    assert report["state"] == "succeeded", report
    found = {}
    for artifact in report["artifacts"]:
        async with client.get(artifact["url"]) as response:
            found[artifact["file"].rpartition(".")[2]] = await response.read()
    return found


async def refusal(client: aiohttp.ClientSession) -> str:
    async with client.post("/api/v1/batches", json={"template": "logo"}) as response:
        assert response.status == 422, await response.text()
        detail: str = (await response.json())["detail"]
        return detail


async def test_a_picture_stands_in_every_format_and_its_words_are_escaped(alice: aiohttp.ClientSession) -> None:
    await upload(alice, png(), name="logo.png")
    await put_template(alice, "logo", LOGO_TEMPLATE)
    files = await files_of(alice, (await made(alice, "logo"))["id"])
    html = files["html"].decode()
    assert base64.b64encode(png()).decode() in html
    assert 'alt="Our &lt;logo&gt;"' in html
    assert [len(page.images) for page in PdfReader(io.BytesIO(files["pdf"])).pages] == [1]
    assert zipfile.ZipFile(io.BytesIO(files["xlsx"])).read("xl/media/image1.png") == png()


async def test_the_picture_of_a_batch_stays_when_the_upload_goes(alice: aiohttp.ClientSession) -> None:
    upload_id = await upload(alice, png(), name="logo.png")
    await put_template(alice, "logo", LOGO_TEMPLATE.replace("Figures", '"{{ 1 / 0 }}"'))
    batch = await made(alice, "logo")
    assert batch["state"] == "failed"
    async with alice.delete(f"/api/v1/uploads/{upload_id}", headers={"Tus-Resumable": "1.0.0"}) as response:
        assert response.status == 204
    async with alice.post(f"/api/v1/batches/{batch['id']}/retry") as response:
        assert response.status == 202
    await ended(alice, batch["id"])
    [report] = await reports_of(alice, batch["id"])
    assert "zero" in report["error"]["message"]  # its own mistake, not a missing picture
    assert "logo.png" in await refusal(alice)  # a new order needs it again


async def test_the_newest_upload_of_a_name_counts(alice: aiohttp.ClientSession) -> None:
    await upload(alice, png(2, 2), name="logo.png")
    await upload(alice, png(6, 6), name="logo.png")
    await put_template(alice, "logo", LOGO_TEMPLATE)
    files = await files_of(alice, (await made(alice, "logo"))["id"])
    assert base64.b64encode(png(6, 6)).decode() in files["html"].decode()


async def test_bob_cannot_show_a_picture_of_alice(alice: aiohttp.ClientSession, bob: aiohttp.ClientSession) -> None:
    await upload(alice, png(), name="logo.png")
    await put_template(bob, "logo", LOGO_TEMPLATE)
    assert "you have no uploaded file of that name" in await refusal(bob)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "use a PNG or JPEG"),
        (b"\x89PNG\r\n\x1a\n", "use a PNG or JPEG"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "use a PNG or JPEG"),
        (png(200, 100)[:-30], "damaged or incomplete"),
        (png(told_width=1_000_000_000), "make it smaller"),
        (png() + b"\0" * 3_000_000, "Make it smaller"),
    ],
    ids=["svg", "cut png", "cut jpeg", "cut behind the header", "bomb", "large"],
)
async def test_what_is_no_harmless_picture_is_refused_with_words(
    alice: aiohttp.ClientSession, content: bytes, words: str
) -> None:
    await upload(alice, content, name="logo.png")
    await put_template(alice, "logo", LOGO_TEMPLATE)
    assert words in await refusal(alice)


async def test_a_picture_is_removed_a_day_after_its_last_batch_is_gone(tmp_path: Path) -> None:
    process = ServerProcess(tmp_path / "data")
    await asyncio.to_thread(process.start)
    try:
        async with await signed_in(process, "admin") as admin:
            await upload(admin, png(), name="logo.png")
            await put_template(admin, "logo", LOGO_TEMPLATE)
            kept, deleted = await made(admin, "logo"), await made(admin, "logo")
            pictures = process.data / "blobs" / "images"
            for batch, left in ((deleted, 1), (kept, 0)):
                async with admin.delete(f"/api/v1/batches/{batch['id']}") as response:
                    assert response.status == 204
                await asyncio.to_thread(process.stop)
                for picture in pictures.iterdir():
                    os.utime(picture, (0, 0))
                await asyncio.to_thread(process.start)
                await until(lambda left=left: len(list(pictures.iterdir())) == left)
    finally:
        await asyncio.to_thread(process.stop)


async def test_a_batch_shows_what_its_reports_warn_of(alice: aiohttp.ClientSession) -> None:
    await put_template(alice, "logo", WITHOUT_SHAPE)
    batch = await made(alice, "logo")
    async with alice.get(f"/batches/{batch['id']}") as response:
        assert "have no shape for a character" in await response.text()
