"""Browsers at two nodes come together to send files: what one tells arrives at the other, wherever that one is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest

from tests.cluster.conftest import Cluster, People, live
from tests.conftest import PASSWORDS
from tests.functional.browsing import HTML
from tests.process import ServerProcess
from tests.waiting import until

pytestmark = pytest.mark.timeout(300)
OFFER = {"kind": "offer", "transfer": "x7k2m9q4w1z8c5v0", "files": [{"name": "a.pdf", "size": 3}]}


@asynccontextmanager
async def browser_at(node: ServerProcess, name: str) -> AsyncIterator[aiohttp.ClientSession]:
    """Signed in there, as a person is."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(node.url, cookie_jar=jar, headers={"Origin": node.url}) as client:
        form = {"username": name, "password": PASSWORDS[name]}
        async with client.post("/login", data=form, headers=HTML, allow_redirects=False) as response:
            assert response.status == 303, await response.text()
        yield client


async def test_an_offer_and_all_that_follows_reach_a_browser_at_another_node(cluster: Cluster, alice: People) -> None:
    async with AsyncExitStack() as stack:
        east = await stack.enter_async_context(browser_at(cluster.east, "alice"))
        west = await stack.enter_async_context(browser_at(cluster.west, "alice"))
        laptop = await stack.enter_async_context(live(east, "laptop"))
        phone = await stack.enter_async_context(live(west, "phone"))
        await laptop.next("connection")
        there = (await phone.next("connection"))["connection_id"]
        await phone.send(type="subscribe", events=["me:files"])
        await phone.next("subscription")

        async def is_listed() -> bool:
            async with east.get("/send/receivers", headers=HTML) as response:
                return f"connection:{there}" in await response.text()

        await until(is_listed)
        await laptop.send(type="peer", to=f"connection:{there}", signal=OFFER)
        offer = await phone.next("peer")
        assert (offer["signal"], offer["is_own"]) == (OFFER, True)
        await phone.send(type="peer", to=offer["ticket"], signal={"kind": "accept"})
        accepted = await phone.next("peer_sent")
        accept = await laptop.next(_kind("accept"))
        description = {"kind": "description", "attempt": 1, "type": "offer", "sdp": "v=0"}
        await laptop.send(type="peer", to=accept["ticket"], signal=description)
        assert (await phone.next(_kind("description")))["signal"] == description
        candidate = {"kind": "candidate", "attempt": 1, "candidate": "candidate:1"}
        await phone.send(type="peer", to=accepted["ticket"], signal=candidate)
        assert (await laptop.next(_kind("candidate")))["signal"]["candidate"] == "candidate:1"


def _kind(kind: str) -> Any:
    return lambda message: message["type"] == "peer" and message["signal"]["kind"] == kind
