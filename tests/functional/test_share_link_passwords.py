"""Share links that ask for a password, on a server below a base path: one unlock opens all, and few may guess."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from http.cookies import SimpleCookie
from typing import Any

import aiohttp
import pytest
import yarl

from server.settings import Settings
from tests.conftest import Server, serving, signed_in
from tests.functional.browsing import HTML, browser
from tests.functional.test_share_links import LINKS, Things, link, status_of, text_of, things_of

Client = aiohttp.ClientSession
RIGHT, WRONG = "monsoon", "typhoon"
PUBLIC = "http://reports.example.com"
NULL = {"Origin": "null"}  # what browsers say without TLS, since our pages tell no referrer


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(settings, base_path="/jindu", public_url=PUBLIC, login_attempts=3, link_max_days=0)


def path_of(made: dict[str, Any]) -> str:
    assert made["url"].startswith(f"{PUBLIC}/jindu/s/")
    return str(made["url"]).removeprefix(PUBLIC)


async def tried(client: Client, path: str, password: str, **headers: str) -> int:
    form = {"password": password}
    async with client.post(path, data=form, headers=HTML | headers, allow_redirects=False) as response:
        if response.status == 303:
            assert response.headers["Location"] == path
        return response.status


async def test_a_password_opens_page_files_and_zip_and_few_may_guess_it(
    settings: Settings, server: Server, alice: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "jindu")
    things = await things_of(alice)
    made = await link(alice, batch=things.batch, password=RIGHT, expires_at=None)
    assert (made["has_password"], made["expires_at"]) == (True, None)
    assert RIGHT not in str((await (await alice.get(LINKS)).json())["items"])
    here = path_of(made)
    await tell_nothing_before(server, here, things)
    proof = await open_all_at_once(server, here, things)
    other = path_of(await link(alice, report=things.report, password=RIGHT))
    await keep_a_proof_to_its_link(server, other, proof)
    await count_wrong_ones_only(server, other)
    unlocked = {"Cookie": f"{proof.key}={proof.value}"}
    switched_off = dataclasses.replace(settings, share_links=False)
    async with serving(switched_off) as quiet:  # on the same data
        async with browser(quiet) as stranger:
            assert await status_of(stranger, here, headers=unlocked) == 404
            assert await status_of(stranger, other) == 404
        async with await signed_in(quiet, "alice") as again:
            await link(again, status=403, batch=things.batch)
            assert "share-links" not in await text_of(again, f"/jindu/batches/{things.batch}")
            assert "switched off" in await text_of(again, "/jindu/account/links")
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("jindu")]
    assert any("/s/{secret}" in line for line in lines)
    assert not [line for line in lines if here.rpartition("/")[2] in line or other.rpartition("/")[2] in line]


async def tell_nothing_before(server: Server, here: str, things: Things) -> None:
    """Neither what it is nor who sent it; people are led to the page that asks, programs are refused."""
    file = next(iter(things.files))
    async with browser(server) as stranger:
        page = await text_of(stranger, here)
        for unsaid in ("October", "alice", "North", things.report):
            assert unsaid not in page
        assert f'action="{here}"' in page
        for below in (
            f"/reports/{things.report}",
            f"/reports/{things.report}/{file}",
            "/download.zip",
            "/combined.pdf",
        ):
            assert await status_of(stranger, here + below) == 403
            async with stranger.get(here + below, headers=HTML, allow_redirects=False) as response:
                assert (response.status, response.headers["Location"]) == (303, here)


async def open_all_at_once(server: Server, here: str, things: Things) -> Any:
    """The cookie that a right password gives."""
    async with browser(server) as stranger:
        del stranger.headers["Origin"]
        form = {"password": RIGHT}
        async with stranger.post(here, data=form, headers=NULL, allow_redirects=False) as response:
            assert response.status == 303
            (proof,) = SimpleCookie(response.headers["Set-Cookie"]).values()
        assert (proof["path"], proof["httponly"], proof["samesite"]) == (here, True, "Lax")
        assert "October" in await text_of(stranger, here)
        for file, content in things.files.items():
            async with stranger.get(f"{here}/reports/{things.report}/{file}") as response:
                assert await response.read() == content
        assert await status_of(stranger, f"{here}/download.zip") == 200
    return proof


async def keep_a_proof_to_its_link(server: Server, other: str, proof: Any) -> None:
    async with browser(server) as stranger:
        for value in (proof.value, proof.value[:-4], "", "x" * 40):
            headers = {"Cookie": f"{proof.key}={value}"}
            async with stranger.get(other, headers=headers) as response:
                assert "North sales" not in await response.text()


async def count_wrong_ones_only(server: Server, here: str) -> None:
    """Three at one link from one address; whoever is in stays in, and others are not kept out."""
    async with browser(server) as office, browser(server, address="127.0.0.2") as home:
        for _ in range(5):
            assert await tried(office, here, RIGHT) == 303
        async with browser(server) as guesser:
            assert [await tried(guesser, here, WRONG) for _ in range(4)] == [403, 403, 403, 429]
            async with guesser.post(here, data={"password": RIGHT}, headers=HTML) as response:
                assert (response.status, int(response.headers["Retry-After"]) > 200) == (429, True)
                assert "Too many wrong passwords" in await response.text()
        assert "North sales" in await text_of(office, here)
        assert await tried(home, here, RIGHT) == 303
        unknown = str(yarl.URL(here).parent / ("x" * 43))
        assert [await tried(home, unknown, WRONG) for _ in range(4)] == [404] * 4
        assert await tried(home, here, RIGHT) == 303  # links that are none count for nobody
    async with browser(server, address="127.0.0.3") as hasty:  # many at once slip through no better
        tries = await asyncio.gather(*(tried(hasty, here, WRONG) for _ in range(8)))
        assert sorted(tries) == [403] * 3 + [429] * 5
    for number in range(10, 18):  # many addresses together: then each has one try, and all of them take turns
        async with browser(server, address=f"127.0.0.{number}") as guesser:
            assert [await tried(guesser, here, WRONG) for _ in range(3)] == [403] * 3
    async with browser(server, address="127.0.0.30") as another:
        assert await tried(another, here, RIGHT) == 429
