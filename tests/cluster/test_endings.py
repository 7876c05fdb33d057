"""Whatever a connection rests on ends at one node, and the connection ends at every node."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.cluster.conftest import CREDENTIAL_LOOK_SECONDS, Cluster, Patient, People, live
from tests.conftest import PASSWORDS

pytestmark = pytest.mark.timeout(300)
_TOLD_SECONDS = 1.0
_TRIES = 3  # of which one meets a machine that has time


async def close_codes(one: Patient, other: Patient) -> tuple[list[int | None], float]:
    began = time.monotonic()
    codes = [await each.closed_with(seconds=20) for each in (one, other)]
    return codes, time.monotonic() - began


@asynccontextmanager
async def signed_in_by_form(cluster: Cluster, name: str) -> AsyncIterator[People]:
    """As a browser that comes to one node after the other with the same cookie."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        aiohttp.ClientSession(cluster.home.url, cookie_jar=jar, headers={"Origin": cluster.home.url}) as home,
        aiohttp.ClientSession(cluster.east.url, cookie_jar=jar, headers={"Origin": cluster.east.url}) as east,
        aiohttp.ClientSession(cluster.west.url, cookie_jar=jar, headers={"Origin": cluster.west.url}) as west,
    ):
        async with west.post("/login", data={"username": name, "password": PASSWORDS[name]}) as response:
            assert response.status == 200, await response.text()
        yield People(home, east, west)


async def test_who_signs_out_at_one_node_is_disconnected_at_the_others_within_a_second(
    cluster: Cluster, alice: People, bob: People
) -> None:
    took = []
    async with live(alice.west, "script") as script, live(bob.east) as his:
        for each in (script, his):
            await each.next("connection")
        for _ in range(_TRIES):
            async with (
                signed_in_by_form(cluster, "alice") as browser,
                live(browser.east, "one") as one,
                live(browser.home, "other") as other,
            ):
                for each in (one, other):
                    await each.next("connection")
                async with browser.west.post("/logout", allow_redirects=False) as response:
                    assert response.status in (302, 303), await response.text()
                codes, seconds = await close_codes(one, other)
                assert codes == [4500, 4500]
                took.append(seconds)
            for each in (script, his):  # who rests on something else stays
                await each.send(type="ping")
                await each.next("pong")
            if seconds < _TOLD_SECONDS:
                break
    assert min(took) < _TOLD_SECONDS
    assert max(took) < CREDENTIAL_LOOK_SECONDS, took


async def test_a_revoked_token_closes_its_sockets_everywhere_within_a_second(cluster: Cluster, alice: People) -> None:
    took = []
    for _ in range(_TRIES):
        credentials = {"username": "alice", "password": PASSWORDS["alice"], "name": "soon over"}
        async with alice.west.post("/api/v1/tokens", json=credentials) as response:
            made = await response.json()
        headers = {"Authorization": f"Bearer {made['token']}"}
        async with (
            aiohttp.ClientSession(cluster.east.url, headers=headers) as east,
            aiohttp.ClientSession(cluster.home.url, headers=headers) as home,
            live(east, "a") as one,
            live(home, "b") as other,
        ):
            await one.next("connection")
            await other.next("connection")
            async with alice.west.delete(f"/api/v1/tokens/{made['id']}") as response:
                assert response.ok, await response.text()
            codes, seconds = await close_codes(one, other)
            assert codes == [4500, 4500]
            took.append(seconds)
        if seconds < _TOLD_SECONDS:
            break
    assert min(took) < _TOLD_SECONDS
    assert max(took) < CREDENTIAL_LOOK_SECONDS, took


async def test_another_role_and_a_disabled_user_count_at_once_at_every_node(
    admin: People, alice: People, bob: People
) -> None:
    async with admin.home.get("/api/v1/admin/users", params={"q": "bob"}) as response:
        bobs_id = (await response.json())["items"][0]["id"]

    async def change(**values: object) -> None:
        async with admin.home.patch(f"/api/v1/admin/users/{bobs_id}", json=values) as response:
            assert response.ok, await response.text()

    try:
        for values, code in (({"role": "viewer"}, 4003), ({"disabled": True}, 4500)):
            async with live(bob.east, "one") as one, live(bob.west, "other") as other, live(alice.west) as hers:
                for each in (one, other, hers):
                    await each.next("connection")
                await change(**values)
                codes, seconds = await close_codes(one, other)
                assert codes == [code, code]
                assert seconds < CREDENTIAL_LOOK_SECONDS
                await hers.send(type="ping")
                await hers.next("pong")
        async with bob.west.get("/api/v1/me") as response:
            assert response.status == 401
    finally:
        await change(disabled=False, role="editor")
