"""What a balancer, people and administrators are told while something that all nodes share is away."""

from __future__ import annotations

import aiohttp
import pytest

from tests import postgresql
from tests.cluster.conftest import Cluster, People, live
from tests.cluster.test_endings import signed_in_by_form
from tests.waiting import until

pytestmark = pytest.mark.timeout(300)


async def readiness(client: aiohttp.ClientSession) -> tuple[int, str]:
    """The status, and what it is about."""
    async with client.get("/readyz") as response:
        told = await response.json()
        return response.status, told["status"] if response.ok else told["code"]


async def all_say(people: People, status: int, what: str) -> bool:
    return {await readiness(each) for each in (people.home, people.east, people.west)} == {(status, what)}


async def test_each_node_is_ready_and_says_that_it_reaches_the_others(admin: People) -> None:
    for client in (admin.home, admin.east, admin.west):
        async with client.get("/readyz") as response:
            assert (response.status, (await response.json())["nodes"]) == (200, "ok")


async def test_without_the_database_nobody_is_sent_here_but_processes_live_and_sockets_stay(
    cluster: Cluster, alice: People, bob: People
) -> None:
    async with live(alice.east) as hers:
        await hers.next("connection")
        with postgresql.away(cluster.database_url):
            await until(lambda: all_say(alice, 503, "database_away"))
            for path, status in (("/healthz", 200), ("/login", 503)):
                async with bob.west.get(path, headers={"Accept": "text/html"}, allow_redirects=False) as response:
                    assert response.status in (status, 200), path
            await hers.send(type="ping")
            await hers.next("pong")
        await until(lambda: all_say(alice, 200, "ready"))
        await hers.send(type="ping")
        await hers.next("pong")


async def test_nodes_of_another_version_of_the_tables_are_given_nobody(cluster: Cluster, admin: People) -> None:
    with postgresql.other_schema(cluster.database_url):
        await until(lambda: all_say(admin, 503, "other_schema"))
        async with admin.home.get("/healthz") as response:
            assert response.status == 200
    await until(lambda: all_say(admin, 200, "ready"))


async def test_without_valkey_nodes_serve_and_say_so_to_people_and_administrators(
    cluster: Cluster, admin: People
) -> None:
    notice = "What happens elsewhere shows here a few seconds late"

    async def page(client: aiohttp.ClientSession, path: str) -> str:
        async with client.get(path, headers={"Accept": "text/html", "Accept-Language": "en"}) as response:
            assert response.status == 200, path
            return await response.text()

    async with signed_in_by_form(cluster, "admin") as browser:
        assert notice not in await page(browser.east, "/jobs")
        cluster.valkey.kill()
        try:
            await until(lambda: all_say(admin, 200, "degraded"))
            assert notice in await page(browser.east, "/jobs")
            async with admin.west.post("/events/a-stream-elsewhere", json={"type": "ping"}) as response:
                assert (response.status, (await response.json())["code"]) == (503, "nodes_away")
            assert "connections of this node alone" in await page(browser.east, "/admin/connections")

            async def administrators_know() -> bool:  # of the figures of the last seconds
                return "Other nodes are not heard at east, home, west" in await page(browser.west, "/admin/health")

            await until(administrators_know, seconds=60)
            async with admin.west.get("/metrics") as response:
                assert "jindu_reaches_nodes 0.0" in await response.text()
        finally:
            cluster.valkey.start()
        await until(lambda: all_say(admin, 200, "ready"))
        assert notice not in await page(browser.east, "/jobs")
