"""Files of reports: names, types, ranges, entity tags, what they may do in a browser; and the same bytes every time."""

from __future__ import annotations

import hashlib

import aiohttp
import pytest

from tests.functional.batches import RIGHT, Json, made, put_template, reports_of
from tests.functional.importing import import_text


@pytest.fixture
async def alice(alice: aiohttp.ClientSession) -> aiohttp.ClientSession:
    await import_text(alice)
    await put_template(alice, source=RIGHT.replace("[html, xlsx]", "[html, xlsx, pdf]"))
    return alice


@pytest.fixture
async def artifacts(alice: aiohttp.ClientSession) -> dict[str, Json]:
    """The files of the report of 华东, by extension."""
    batch = await made(alice, parameters=[{"region": "华东"}])
    [report] = await reports_of(alice, batch["id"])
    return {artifact["file"].rpartition(".")[2]: artifact for artifact in report["artifacts"]}


async def test_each_file_has_its_type_size_and_checksum(
    alice: aiohttp.ClientSession, artifacts: dict[str, Json]
) -> None:
    types = {
        "pdf": "application/pdf",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "html": "text/html",
    }
    assert set(artifacts) == set(types)
    for extension, artifact in artifacts.items():
        async with alice.get(artifact["url"]) as response:
            content = await response.read()
            assert response.content_type == types[extension]
            assert artifact["size"] == len(content) == response.content_length
            assert artifact["sha256"] == hashlib.sha256(content).hexdigest()
            assert response.headers["ETag"] == f'"{artifact["sha256"]}"'
            assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_names_survive_in_every_language(alice: aiohttp.ClientSession, artifacts: dict[str, Json]) -> None:
    async with alice.get(artifacts["xlsx"]["url"]) as response:
        disposition = response.headers["Content-Disposition"]
    assert disposition == "attachment; filename=\"sales.xlsx\"; filename*=UTF-8''%E5%8D%8E%E4%B8%9C%20sales.xlsx"


async def test_html_runs_on_an_island_without_origin_and_network(
    alice: aiohttp.ClientSession, artifacts: dict[str, Json]
) -> None:
    async with alice.get(artifacts["html"]["url"]) as response:
        policy = response.headers["Content-Security-Policy"]
        assert response.headers["Content-Disposition"].startswith("inline")
    assert "sandbox allow-scripts" in policy
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy


async def test_a_known_file_is_not_sent_again(alice: aiohttp.ClientSession, artifacts: dict[str, Json]) -> None:
    artifact = artifacts["pdf"]
    async with alice.get(artifact["url"], headers={"If-None-Match": f'"{artifact["sha256"]}"'}) as response:
        assert response.status == 304
        assert await response.read() == b""
    async with alice.get(artifact["url"], headers={"If-Match": '"other"'}) as response:
        assert response.status == 412


@pytest.mark.parametrize(
    ("wanted", "status", "part"),
    [
        ("bytes=0-4", 206, slice(0, 5)),
        ("bytes=10-", 206, slice(10, None)),
        ("bytes=-7", 206, slice(-7, None)),
        ("bytes=5-999999999", 206, slice(5, None)),
        ("bytes=0-1,4-5", 200, slice(None)),
        ("lines=1-2", 200, slice(None)),
        ("bytes=999999999-", 416, slice(0, 0)),
    ],
)
async def test_parts_of_a_file(
    alice: aiohttp.ClientSession, artifacts: dict[str, Json], wanted: str, status: int, part: slice
) -> None:
    async with alice.get(artifacts["pdf"]["url"]) as response:
        whole = await response.read()
    async with alice.get(artifacts["pdf"]["url"], headers={"Range": wanted}) as response:
        assert response.status == status
        if status != 416:
            assert await response.read() == whole[part]


async def test_a_file_that_was_never_made_is_not_found(
    alice: aiohttp.ClientSession, artifacts: dict[str, Json]
) -> None:
    base = artifacts["pdf"]["url"].rpartition("/")[0]
    for name in ("other.pdf", "%2e%2e", "..%2f..%2fjindu.db", "x" * 300):
        async with alice.get(f"{base}/{name}") as response:
            assert response.status == 404
