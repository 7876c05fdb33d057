"""Brands: one's own before the server's, kept by batches, nobody else's to see or change, counted, gone with users."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from PIL import Image
from pypdf import PdfReader

from server.settings import Settings
from server.storage.tables import users
from tests.conftest import PASSWORDS, Server, new_user
from tests.functional.batches import made, put_template, read
from tests.functional.browsing import browser, sign_in
from tests.functional.test_report_images import files_of

Client = aiohttp.ClientSession
OWN, SERVERS = "/api/v1/brand", "/api/v1/admin/brand"
PICTURE = {"Content-Type": "image/png"}
TEMPLATE = "title: Sales\nformats: [pdf, html, xlsx]\nblocks:\n  - heading: Figures\n"
BRAND = {"accent": "#0A5C5C", "header": " Müller  &  Söhne ", "footer": "Harbour {{ 6 * 7 }}", "text_font": "serif"}


def picture(width: int = 60, height: int = 20) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), (176, 36, 24)).save(file, "PNG")
    return file.getvalue()


async def put(client: Client, door: str = OWN, *, status: int = 200, **fields: Any) -> dict[str, Any]:
    async with client.put(door, json=fields) as response:
        assert response.status == status, await response.text()
        answer: dict[str, Any] = await response.json()
        return answer


async def put_logo(client: Client, content: bytes, door: str = OWN, *, status: int = 200) -> dict[str, Any]:
    async with client.put(f"{door}/logo", data=content, headers=PICTURE) as response:
        assert response.status == status, await response.text()
        answer: dict[str, Any] = await response.json()
        return answer


async def delete(client: Client, door: str, *, status: int = 204) -> None:
    async with client.delete(door) as response:
        assert response.status == status, await response.text()


@pytest.fixture
async def viewer(server: Server, admin: Client, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    monkeypatch.setitem(PASSWORDS, "vera", "correct-horse-vera")
    async with await new_user(server, admin, "vera", role="viewer") as client:
        yield client


async def test_it_is_stored_as_it_was_meant_and_stands_in_every_format(alice: Client) -> None:
    stored = await put(alice, **BRAND)
    assert (stored["accent"], stored["header"], stored["logo"]) == ("#0a5c5c", "Müller & Söhne", None)
    logo = (await put_logo(alice, picture(3000, 1000)))["logo"]
    assert (logo["type"], logo["width"], logo["height"]) == ("image/png", 600, 200)
    await put_template(alice, "sales", TEMPLATE)
    files = await files_of(alice, (await made(alice, "sales"))["id"])
    html = files["html"].decode()
    assert "--accent: #0a5c5c" in html
    assert "Harbour {{ 6 * 7 }}" in html
    assert "Müller & Söhne" in PdfReader(io.BytesIO(files["pdf"])).pages[0].extract_text()
    assert "xl/media/image1.png" in zipfile.ZipFile(io.BytesIO(files["xlsx"])).namelist()
    async with alice.post("/api/v1/templates/sales/preview", json={}) as response:
        assert "Müller &amp; Söhne" in await response.text()
    await delete(alice, f"{OWN}/logo")
    assert (await read(alice, OWN))["header"] == "Müller & Söhne"  # only the logo went
    await read(alice, f"{OWN}/logo", status=404)


async def test_a_batch_keeps_the_brand_it_was_ordered_with(server: Server, alice: Client) -> None:
    await put(alice, **BRAND)
    await put_logo(alice, picture())
    await put_template(alice, "sales", TEMPLATE)
    one, two = [(await made(alice, "sales", as_of="2026-10-31"))["id"] for _ in range(2)]
    assert await files_of(alice, one) == await files_of(alice, two)
    await delete(alice, OWN)
    kept = (await server.parts.reports.batches.get(one)).brand  # what a retry is made with
    assert (kept.header, kept.text_font) == ("Müller & Söhne", "serif")
    assert kept.logo is not None
    assert kept.logo.blob in await server.parts.reports.batches.image_keys()
    assert "Harbour" not in (await files_of(alice, (await made(alice, "sales"))["id"]))["html"].decode()


async def test_the_servers_holds_where_ones_own_says_nothing(admin: Client, alice: Client, bob: Client) -> None:
    await put(admin, SERVERS, accent="#112233", confidentiality="Internal")
    await put_logo(admin, picture(), SERVERS)
    await put(alice, header="Alice")
    seen = await read(alice, OWN)
    assert (seen["accent"], seen["confidentiality"], seen["logo"]) == ("", "", None)
    in_force = seen["in_force"]
    assert (in_force["accent"], in_force["header"], in_force["confidentiality"]) == ("#112233", "Alice", "Internal")
    async with alice.get(f"{OWN}/logo", params={"in_force": "true"}) as response:
        assert (response.status, response.content_type) == (200, "image/png")
    await read(alice, f"{OWN}/logo", status=404)
    assert (await read(bob, OWN))["in_force"]["header"] == ""
    await put_template(bob, "sales", TEMPLATE)
    html = (await files_of(bob, (await made(bob, "sales"))["id"]))["html"].decode()
    assert "Internal" in html
    assert "Alice" not in html
    await put_template(bob, "sales", "brand: false\n" + TEMPLATE)
    assert "Internal" not in (await files_of(bob, (await made(bob, "sales"))["id"]))["html"].decode()
    lines = (await read(admin, "/api/v1/admin/audit"))["items"]
    told = [
        (line["user_name"], line["subject"], line["detail"]["fields"])
        for line in lines
        if line["action"] == "brand.change"
    ]
    assert told == [
        ("alice", "", ["header"]),
        ("admin", "server", ["logo"]),
        ("admin", "server", ["accent", "confidentiality"]),
    ]


async def test_others_neither_see_nor_change_it(
    server: Server, admin: Client, alice: Client, bob: Client, viewer: Client
) -> None:
    await put(admin, SERVERS, header="Group")
    await put(alice, header="Alice")
    await put_logo(alice, picture())
    for other in (bob, viewer):
        assert "Alice" not in str(await read(other, OWN))
        await read(other, f"{OWN}/logo?in_force=true", status=404)
        await read(other, SERVERS, status=403)
        await put(other, SERVERS, header="Mine", status=403)
        await put_logo(other, picture(), SERVERS, status=403)
        await delete(other, SERVERS, status=403)
        await delete(other, f"{SERVERS}/logo", status=403)
    await put(bob, header="Bob")
    await delete(bob, OWN)
    await put(viewer, header="Vera", status=403)
    await put_logo(viewer, picture(), status=403)
    await delete(viewer, OWN, status=403)
    assert (await read(alice, OWN))["header"] == "Alice"
    assert (await read(alice, OWN))["logo"] is not None
    assert (await read(admin, SERVERS))["header"] == "Group"


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"accent": "red"}, ["accent"]),
        ({"accent": "#12345"}, ["accent"]),
        ({"header": "x" * 101}, ["header"]),
        ({"footer": "a\u2028b\u200bc"}, ["footer"]),
        ({"confidentiality": "x" * 81, "accent": "#zzzzzz"}, ["confidentiality", "accent"]),
        ({"text_font": "Comic"}, ["text_font"]),
    ],
    ids=["word", "short", "long", "invisible", "two", "font"],
)
async def test_what_is_wrong_is_said_at_its_field(alice: Client, fields: dict[str, str], names: list[str]) -> None:
    problem = await put(alice, status=422, **fields)
    assert [error["field"] for error in problem["errors"]] == names


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 422),
        (picture(200, 100)[:-30], 422),
        (b"", 422),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * (512 * 1024), 413),
    ],
    ids=["svg", "cut", "empty", "large"],
)
async def test_what_is_no_logo_is_refused(alice: Client, content: bytes, status: int) -> None:
    await put_logo(alice, content, status=status)
    assert (await read(alice, OWN))["logo"] is None


class TestQuota:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, max_report_bytes_per_user=500)

    async def test_the_logo_counts(self, alice: Client) -> None:
        size = (await put_logo(alice, picture()))["logo"]["bytes"]
        assert (await read(alice, "/api/v1/me/usage"))["reports"]["used_bytes"] == size
        assert (await put_logo(alice, picture(600, 200), status=507))["code"] == "quota_exceeded"
        assert (await read(alice, OWN))["logo"]["bytes"] == size


async def test_it_goes_with_its_user_and_its_logo_with_the_sweep(server: Server, alice: Client) -> None:
    await put_logo(alice, picture())
    parts = server.parts
    assert len(await parts.reports.batches.image_keys()) == 1
    async with parts.storage.database.write() as connection:
        await connection.execute(users.delete().where(users.c.name == "alice"))
    assert await parts.reports.batches.image_keys() == set()  # what nobody names is swept a day later


async def test_the_pages(server: Server, admin: Client, alice: Client, viewer: Client) -> None:
    await put(admin, SERVERS, header="Group")
    async with browser(server) as page:
        await sign_in(page, "alice")
        form = {"accent": "#ffff00", "header": "<b>Alice</b>", "heading_font": "serif"}
        async with page.post("/account/brand", data=form) as response:
            text = await response.text()
            assert response.url.query_string == "done=saved"
        assert "&lt;b&gt;Alice&lt;/b&gt;" in text
        assert "too light" in text
        async with page.post(
            "/account/brand/picture", data=form | {"header": "Other", "accent": "nonsense"}
        ) as response:
            assert "Other" in await response.text()
        async with page.post("/account/brand", data=form | {"accent": "nonsense"}) as response:
            assert response.status == 422
            assert "six digits" in await response.text()
        for path in ("", "/picture", "/logo/delete", "/delete"):
            async with page.post(f"/admin/brand{path}") as response:
                assert response.status == 403
    async with browser(server) as page:
        await sign_in(page, "vera")
        async with page.get("/account/brand") as response:
            text = await response.text()
            assert "Group" in text
            assert "disabled" in text
        async with page.post("/account/brand", data={"header": "Vera"}) as response:
            assert response.status == 403
    assert (await read(admin, SERVERS))["header"] == "Group"
