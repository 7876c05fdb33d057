"""Through haproxy and nginx as deploy/cluster/ sets them, nodes die and leave, and nobody misses anything."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from server.storage.database import Database
from tests import postgresql
from tests.cluster.balancers import BALANCERS, balancing
from tests.cluster.conftest import HasNodes, People
from tests.cluster.hopping import user_id
from tests.cluster.visitors import (
    KINDS,
    MOST_FAILURES,
    Asking,
    Line,
    every_offset_came_once,
    going_on,
    half_of_it,
    ordered,
    the_rest,
)
from tests.cluster.workshop import Workshop, workshop
from tests.functional.batches import ended as batch_ended
from tests.functional.batches import put_template, read, reports_of
from tests.functional.importing import ended, import_text
from tests.process import ServerProcess
from tests.waiting import until

pytestmark = pytest.mark.timeout(300)
NOTICE_SECONDS = 3.0  # as the file of haproxy asks for


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[Workshop]:
    more = {
        "JINDU_TRUSTED_PROXIES": "1",
        "JINDU_DRAIN_NOTICE_SECONDS": str(NOTICE_SECONDS),
        "JINDU_MAX_CONNECTIONS_PER_USER": "20",
    }
    with workshop(tmp_path_factory.mktemp("balanced"), environment | more) as made, made.working("one"):
        yield made


@pytest.fixture
def served(shop: Workshop) -> HasNodes:
    return shop


@contextlib.asynccontextmanager
async def lines(shop: Workshop, alice: People, bob: People, folder: Path) -> AsyncIterator[dict[str, Line]]:
    """By each balancer: all of them stand before the same nodes."""
    async with contextlib.AsyncExitStack() as stack:
        found = {}
        for name in BALANCERS:
            balancer = await stack.enter_async_context(balancing(name, (shop.east, shop.west), folder / name))
            hers, his = [await stack.enter_async_context(balancer.client(each.token)) for each in (alice, bob)]
            found[name] = Line(hers, his)
        yield found


async def test_a_node_is_killed_and_another_leaves_while_people_and_uploads_are_there(
    shop: Workshop, database: Database, alice: People, bob: People, tmp_path: Path
) -> None:
    async with lines(shop, alice, bob, tmp_path) as by_balancer:
        clients = {
            who: [
                kind([getattr(line, who)], f"{name}{number}", random.Random(number))
                for name, line in by_balancer.items()
                for number, kind in enumerate(KINDS)
            ]
            for who in ("hers", "his")
        }
        asking = {
            f"{who} by {name}": Asking(getattr(line, who))
            for name, line in by_balancer.items()
            for who in ("hers", "his")
        }
        async with going_on(*clients["hers"], *clients["his"]):
            async with going_on(*asking.values()):
                await until(lambda: all(client.first >= 0 for each in clients.values() for client in each))
                await asyncio.to_thread(shop.west.kill)
                places = await asyncio.gather(*(half_of_it(line.hers) for line in by_balancer.values()))
                await asyncio.to_thread(shop.west.start)
                await until(lambda: somebody_is_at(shop.west), so="who comes back is at the node that is there again")
                shop.east.signal(signal.SIGTERM)
                try:
                    assert await asyncio.to_thread(shop.east.wait) == 0
                    rest = (the_rest(place, line) for place, line in zip(places, by_balancer.values(), strict=True))
                    await asyncio.gather(*rest)
                finally:
                    await asyncio.to_thread(shop.east.start)
            for who, person in (("hers", alice), ("his", bob)):
                await every_offset_came_once(database, clients[who], await user_id(person))
    for name, each in asking.items():
        assert each.asked > 100, name
        assert len(each.failed) < MOST_FAILURES * each.asked, (name, each.asked, each.failed)


async def test_all_are_restarted_in_turn_while_an_upload_an_import_and_a_batch_are_under_way(
    shop: Workshop, database: Database, alice: People, bob: People, tmp_path: Path
) -> None:
    """As for a new version: each waits until the one before is ready again."""
    await import_text(alice.east)
    await put_template(alice.west)
    with contextlib.ExitStack() as stack:
        async with (
            balancing("haproxy", (shop.east, shop.west), tmp_path / "rolling") as balancer,
            balancer.client(alice.token) as hers,
            balancer.client(bob.token) as his,
        ):
            sockets = [kind([hers], f"rolling{number}", random.Random(number)) for number, kind in enumerate(KINDS)]
            asking = Asking(hers)
            two = stack.enter_context(shop.working("two"))[0]
            async with going_on(*sockets):
                await until(lambda: all(socket.first >= 0 for socket in sockets))
                async with going_on(asking):
                    place = await half_of_it(hers)
                    begun = []
                    for each in (shop.east, shop.west, shop.workers[0], two):
                        begun.append(await ordered(hers))
                        each.signal(signal.SIGTERM)
                        assert await asyncio.to_thread(each.wait) == 0
                        await asyncio.to_thread(each.start)
                    await the_rest(place, Line(hers, his))
                for import_id, batch_id in begun:
                    assert (await ended(alice.east, import_id))["state"] == "succeeded"
                    assert (await batch_ended(alice.west, batch_id))["state"] == "succeeded"
                    reports = await reports_of(alice.east, batch_id)
                    assert Counter(each["parameters"]["region"] for each in reports) == Counter(
                        ("North", "South", "华东")
                    )
                rows = (await read(alice.west, "/api/v1/datasets/orders"))["row_count"]
                assert rows == 3 * (1 + len(begun))
                await every_offset_came_once(database, sockets, await user_id(alice))
    assert asking.asked > 100
    assert len(asking.failed) < MOST_FAILURES * asking.asked, (asking.asked, asking.failed)


async def somebody_is_at(node: ServerProcess) -> bool:
    async with aiohttp.ClientSession(node.url) as client, client.get("/metrics") as response:
        found = re.search(r"^jindu_connections(?:{.*})? (\d+)", await response.text(), re.MULTILINE)
        return found is not None and int(found[1]) > 0


async def test_haproxy_lets_nodes_speak_for_themselves_when_none_is_ready(
    shop: Workshop, alice: People, tmp_path: Path
) -> None:
    async with (
        balancing("haproxy", (shop.east, shop.west), tmp_path / "away") as balancer,
        balancer.client(alice.token) as client,
    ):

        def haproxy_knows() -> bool:
            return any("backend 'nodes' has no server available" in line for line in balancer.said)

        with postgresql.away(shop.environment["JINDU_DATABASE_URL"]):
            await until(haproxy_knows)
            async with client.get("/api/v1/me") as response:
                assert (response.status, (await response.json())["code"]) == (503, "database_away")
            async with client.get("/healthz") as response:
                assert response.status == 200
