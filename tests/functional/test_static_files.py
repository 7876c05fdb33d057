"""Files of the pages: those there are, with ranges and copies that need not be sent again, and no others."""

from __future__ import annotations

import logging

import aiohttp
import pytest
from yarl import URL

from tests.conftest import Server

FILE = "/static/css/base.css"


async def test_a_file_comes_whole_in_part_and_not_again(server: Server) -> None:
    async with aiohttp.ClientSession(server.url) as client:
        async with client.get(FILE) as response:
            content, tag = await response.read(), response.headers["ETag"]
            assert (response.status, response.content_type) == (200, "text/css")
        async with client.head(FILE) as response:
            assert (response.status, response.headers["Content-Length"]) == (200, str(len(content)))
        async with client.get(FILE, headers={"Range": "bytes=10-19"}) as response:
            assert (response.status, await response.read()) == (206, content[10:20])
        async with client.get(FILE, headers={"If-None-Match": tag}) as response:
            assert response.status == 304


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
        assert response.status == 404
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
