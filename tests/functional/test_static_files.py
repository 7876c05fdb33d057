"""Files of the pages: those there are, with ranges and copies that need not be sent again, and no others."""

from __future__ import annotations

import dataclasses
import gzip
import logging
import re
from pathlib import Path

import aiohttp
import brotli
import pytest
from yarl import URL

from server.places import STATIC
from server.settings import Settings
from tests.conftest import Server, serving

FILE = "/static/css/base.css"


async def test_a_file_comes_whole_in_part_and_not_again(server: Server) -> None:
    async with aiohttp.ClientSession(server.url, headers={"Accept-Encoding": "identity"}) as client:
        async with client.get(FILE) as response:
            content, tag = await response.read(), response.headers["ETag"]
            assert (response.status, response.content_type) == (200, "text/css")
        async with client.head(FILE) as response:
            assert (response.status, response.headers["Content-Length"]) == (200, str(len(content)))
        async with client.get(FILE, headers={"Range": "bytes=10-19"}) as response:
            assert (response.status, await response.read()) == (206, content[10:20])
        async with client.get(FILE, headers={"If-None-Match": tag}) as response:
            assert response.status == 304


async def versioned(client: aiohttp.ClientSession, name: str) -> str:
    """Where pages find a file."""
    async with client.get("/login") as response:
        found = re.search(r"/static/[0-9a-f]{16}/", await response.text())
    assert found is not None
    return found[0] + name


async def test_what_pages_name_is_kept_for_ever_and_everything_else_asked_for_again(server: Server) -> None:
    async with aiohttp.ClientSession(server.url) as client:
        address = await versioned(client, "css/jindu.css")
        older = address.replace(address.split("/")[2], "0123456789abcdef")
        for path, caching in {
            address: "public, max-age=31536000, immutable",
            older: "no-cache",  # of a page from before an upgrade
            "/static/css/jindu.css": "no-cache",
        }.items():
            async with client.get(path) as response:
                assert (response.status, response.headers["Cache-Control"]) == (200, caching), path
                assert response.headers["Vary"] == "Accept-Encoding"
        for nothing in (address.replace("jindu.css", "nothing.css"), address.rpartition("/css")[0], f"{address}/"):
            async with client.get(nothing) as response:
                assert response.status == 404


async def test_files_come_packed_as_the_client_can_read_them(server: Server) -> None:
    """Whole, in part and as a head; each form has its own tag."""
    await server.web.static_files.pack()
    async with aiohttp.ClientSession(server.url, auto_decompress=False) as client:
        address = await versioned(client, "js/app.js")
        forms = {}
        for accepted in ("br", "gzip", "identity"):
            headers = {"Accept-Encoding": accepted}
            async with client.get(address, headers=headers) as response:
                body, tag = await response.read(), response.headers["ETag"]
                assert response.headers.get("Content-Encoding", "identity") == accepted
            async with client.head(address, headers=headers) as response:
                assert (response.headers["Content-Length"], response.headers["ETag"]) == (str(len(body)), tag)
            async with client.get(address, headers=headers | {"If-None-Match": tag}) as response:
                assert response.status == 304
            async with client.get(address, headers=headers | {"Range": "bytes=2-9", "If-Range": tag}) as response:
                assert (response.status, await response.read()) == (206, body[2:10])
            forms[tag] = body
        (packed, zipped, plain) = forms.values()
        assert brotli.decompress(packed) == gzip.decompress(zipped) == plain
        assert len(packed) < len(zipped) < len(plain) / 3
        assert b"//" not in plain.splitlines()[0]


async def test_a_picture_is_not_packed_again(server: Server) -> None:
    async with (
        aiohttp.ClientSession(server.url) as client,
        client.get(await versioned(client, "img/gallery/profit-and-loss.webp")) as response,
    ):
        assert response.content_type == "image/webp"
        assert response.headers.keys().isdisjoint({"Content-Encoding", "Vary"})


async def test_where_nothing_can_be_kept_pages_load_files_as_they_are(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    nowhere = dataclasses.replace(settings, static_cache=str(tmp_path / "file" / "cache"))
    async with (
        serving(nowhere) as server,
        aiohttp.ClientSession(server.url) as client,
        client.get(await versioned(client, "js/app.js")) as response,
    ):
        assert await response.read() == (STATIC / "js" / "app.js").read_bytes()
    assert "not packed" in caplog.text


@pytest.mark.parametrize(
    "name",
    [
        "",
        "css",
        "css/",
        "nothing.css",
        "a" * 256,
        "a/" * 1_000,
        "../run.py",
        "%2e%2e/run.py",
        "css/..%2f..%2frun.py",
        "%2fetc%2fpasswd",
        "a%00b",
        "%ff%fe",
        "css/base.css/",
        "css/base.css%00.js",
        "CSS/base.css",
    ],
)
async def test_any_other_name_is_not_found_and_leaves_no_trace(
    server: Server, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    async with (
        aiohttp.ClientSession() as client,
        client.get(URL(f"{server.url}/static/{name}", encoded=True)) as response,
    ):
        assert response.status == (422 if "%00" in name else 404)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
