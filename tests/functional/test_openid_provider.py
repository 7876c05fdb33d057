"""With a provider that others wrote: there, back, in again without a question, and out of both."""

from __future__ import annotations

import asyncio
import re
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from html import unescape
from typing import Any

import aiohttp
import pytest

from server.settings import Settings
from tests.conftest import Server
from tests.functional.browsing import HTML, browser
from tests.functional.test_accounts import answer
from tests.functional.test_foreign_clients import CLIENTS

Client = aiohttp.ClientSession


@asynccontextmanager
async def provider() -> AsyncIterator[tuple[Process, str]]:
    """It ends with its standard input."""
    assert (CLIENTS / "node_modules" / "oidc-provider").is_dir(), "make clients"
    process = await asyncio.create_subprocess_exec(
        "node", "openid_provider.mjs", cwd=CLIENTS, stdin=PIPE, stdout=PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield process, await told(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def told(process: Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(30):
        return (await process.stdout.readline()).decode().strip()


@pytest.fixture
async def process() -> AsyncIterator[tuple[Process, str]]:
    async with provider() as started:
        yield started


@pytest.fixture
def settings(settings: Settings, process: tuple[Process, str]) -> Settings:
    return replace(
        settings,
        openid_issuer=process[1],
        openid_client_id="jindu",
        openid_client_secret="a secret: of / jindu",
        openid_new_accounts="viewer",
        openid_roles=("staff=editor",),
        openid_domains=("example.com",),
    )


async def test_people_come_in_by_it_and_go_out_of_both(server: Server, process: tuple[Process, str]) -> None:
    await be_ready(process[0], server)
    async with browser(server) as client:
        where = await signed_in_there(client, "/login/openid?next=/jobs", "staff-ines")
        assert where.endswith("/jobs")
        me = await answer(client.get("/api/v1/me"), 200)
        assert (me["name"], me["role"]) == ("staff-ines", "editor")
        async with client.post("/logout", headers=HTML) as response:
            page = await response.text()
        url = unescape(page.partition("url=")[2].partition('"')[0])
        assert "id_token_hint=" in url
        async with client.get(url) as response:
            fields = form_of(await response.text())
            assert response.status == 200
        async with client.post(fields.pop("action"), data={**fields, "logout": "yes"}) as response:
            assert response.url.path == "/login"  # of ours: it believes where to go back to
        await answer(client.get("/api/v1/me"), 401)
        async with client.get("/login/openid") as response:  # and it asks again who it is
            assert 'name="login"' in await response.text()
    async with browser(server) as other:
        await signed_in_there(other, "/login/openid", "otto")
        assert (await answer(other.get("/api/v1/me"), 200))["role"] == "viewer"


async def be_ready(process: Process, server: Server) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{server.url}\n".encode())
    assert await told(process) == "ready"


async def signed_in_there(client: Client, path: str, name: str) -> str:
    """Through its own forms; where the browser is in the end."""
    response = await client.get(path, headers=HTML)
    for fields in ({"login": name, "password": "x"}, {}):
        form = form_of(await response.text())
        response = await client.post(form.pop("action"), data=form | fields, headers=HTML)
    assert response.status == 200, await response.text()
    return str(response.url)


def form_of(page: str) -> dict[str, Any]:
    action = re.search(r'<form [^>]*action="([^"]+)"', page)
    assert action is not None, page
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {"action": unescape(action[1]), **{name: unescape(value) for name, value in hidden}}
