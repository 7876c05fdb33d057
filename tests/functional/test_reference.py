"""`/docs` describes every request to anybody, signed in or not, and what it shows works."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

import jindu
from server.http.openapi import openapi_document
from tests.conftest import Server, new_user
from tests.functional.command_line import token_of
from views.api import ENDPOINTS
from views.reference_operations import ShownOperation, read_reference
from views.reference_sections import SECTIONS

Client = aiohttp.ClientSession
REFERENCE = read_reference(openapi_document(ENDPOINTS))
OURS = [each for found in REFERENCE.operations.values() for each in found]
# What is there on a server without anything, and is asked for without values.
PLAIN = [each for each in OURS if each.method == "GET" and "{" not in each.path and each.access != "admin"]


async def test_the_docs_of_the_command_line_name_all_kinds_that_a_worker_runs(server: Server) -> None:
    """Whoever copies the list has a worker for everything."""
    docs = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text("utf-8")
    [row] = [line for line in docs.splitlines() if line.startswith("| `--kinds KIND` |")]
    assert set(re.findall("`([a-z_]+)`", row)) == server.parts.jobs.kinds.run_by_us()


@pytest.fixture
async def stranger(server: Server) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession(server.url) as client:
        yield client


async def text_of(client: Client, path: str, status: int = 200) -> str:
    async with client.get(path, headers={"Accept": "text/html"}) as response:
        assert response.status == status, await response.text()
        return await response.text()


async def test_every_request_stands_on_the_page_of_its_section(stranger: Client) -> None:
    overview = await text_of(stranger, "/docs")
    for section in SECTIONS:
        page = await text_of(stranger, f"/docs/api/{section.name}")
        for operation in REFERENCE.operations[section.name]:
            assert f'id="{operation.id}"' in page
            assert f'href="/docs/api/{section.name}#{operation.id}"' in overview
        targets = set(re.findall(r'href="#([^"]+)"', page))
        assert targets <= set(re.findall(r'id="([^"]+)"', page))


async def test_what_is_not_there_is_not_found(stranger: Client) -> None:
    await text_of(stranger, "/docs/api/nothing", 404)


async def test_words_find_requests_without_scripts(stranger: Client) -> None:
    page = await text_of(stranger, "/docs?q=JOBS+patch")
    assert re.findall(r'class="docs__row\b[^"]*" id="to-(\w+)"', page) == ["change_job"]
    nothing = await text_of(stranger, "/docs?q=<script>")
    assert "docs__row" not in nothing
    assert "<script>" not in nothing.partition("<main")[2].partition("</main>")[0]


async def test_errors_that_a_request_names_are_explained(stranger: Client) -> None:
    overview = await text_of(stranger, "/docs")
    named = {status for operation in OURS for status in operation.errors}
    explained = set(re.findall(r'id="status-(\d+)"', overview))
    assert named <= explained


async def test_both_languages_are_whole(server: Server) -> None:
    chinese = {"Accept-Language": "zh-CN"}
    async with aiohttp.ClientSession(server.url, headers=chinese) as client:
        for section in SECTIONS:
            page = (await text_of(client, f"/docs/api/{section.name}")).partition("<main")[2].partition("</main>")[0]
            assert 'lang="en"' not in page, section.name


async def test_pages_go_out_packed(stranger: Client) -> None:
    async with stranger.get("/docs", headers={"Accept-Encoding": "gzip"}) as response:
        assert response.headers["Content-Encoding"] == "gzip"
    async with stranger.get("/docs/events", headers={"Accept-Encoding": "gzip"}) as response:
        assert response.headers["Content-Encoding"] == "gzip"


async def test_examples_in_python_work(server: Server, admin: Client) -> None:
    async with await new_user(server, admin, "alice") as alice:
        token = token_of(alice)
    refused = {}
    async with jindu.Client(url=server.url, token=token) as client:
        for operation in (each for each in PLAIN if ".get(" in each.python):
            code = operation.python.partition("client:\n    ")[2].partition("answer = await client.get(")[2]
            try:
                await client.get(json.loads(code.removesuffix(")")))
            except jindu.Problem as problem:
                refused[operation.id] = problem.status
        made = await client.request("PUT", "/api/v1/brand", {"accent": "#0a5c5c"})
        assert made["accent"] == "#0a5c5c"
        assert await client.request("DELETE", "/api/v1/brand") is None
        source = b"title: Sales\nblocks: [{text: Hello}]\n"
        found = await client.request("PUT", "/api/v1/templates/sales", source, content_type="application/yaml")
        assert found["name"] == "sales"
        assert await client.request("GET", "/api/v1/templates/sales") == source
    assert refused == {}


@pytest.mark.skipif(not shutil.which("curl"), reason="without curl")
async def test_examples_for_curl_work(server: Server, admin: Client) -> None:
    async with await new_user(server, admin, "alice") as alice:
        token = token_of(alice)
    environment = {"JINDU_URL": server.url, "JINDU_TOKEN": token, "PATH": "/usr/bin:/bin"}
    by_id = {operation.id: operation for operation in OURS}
    for name, holds in (
        ("begin_job", "job_id"),
        ("list_jobs", "total"),
        ("api_change_me", "Asia/Shanghai"),
        ("api_query", "code"),  # there are no orders yet
        ("tus_options", ""),
    ):
        assert holds in await _run(by_id[name], environment), name


async def _run(operation: ShownOperation, environment: dict[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", f"{operation.curl} --silent --show-error --noproxy '*'", env=environment,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 0
    return said.decode()
