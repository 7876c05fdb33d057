"""Who is connected where, as people and administrators see it from any node."""

from __future__ import annotations

import pytest

from tests.cluster.conftest import Cluster, People, live
from tests.waiting import until

pytestmark = pytest.mark.timeout(300)


async def test_people_see_their_own_connections_of_all_nodes_come_and_go_and_nobody_elses(
    alice: People, bob: People
) -> None:
    async with live(alice.west, "watching") as watching, live(bob.west, "his") as his:
        for each in (watching, his):
            await each.next("connection")
            await each.send(type="subscribe", events=["me:presence"])
            await each.next("subscription")

        def shows(*client_ids: str) -> object:
            return lambda message: (
                message.get("event") == "me:presence"
                and {each["client_id"] for each in message["data"]["connections"]} == set(client_ids)
            )

        async with live(alice.east, "phone") as phone:
            await phone.next("connection")
            await watching.next(shows("watching", "phone"))  # type: ignore[arg-type]

            async def listed() -> bool:
                async with alice.home.get("/api/v1/connections") as response:
                    found = await response.json()
                return {each["client_id"] for each in found["items"]} == {"watching", "phone"}

            await until(listed)
        await watching.next(shows("watching"))  # type: ignore[arg-type]
        async with bob.home.get("/api/v1/connections") as response:
            assert [each["client_id"] for each in (await response.json())["items"]] == ["his"]
        told = [each for message in his.seen if message["type"] == "event" for each in message["data"]["connections"]]
        assert {each["client_id"] for each in told} <= {"his"}


async def test_administrators_watch_the_figures_of_every_node_from_one(cluster: Cluster, admin: People) -> None:
    async with live(admin.west, "figures") as watching:
        await watching.next("connection")
        await watching.send(type="subscribe", events=["admin:statistics"])
        await watching.next("subscription")
        nodes: set[str] = set()
        while nodes < {"home", "east", "west"}:
            told = await watching.next(lambda message: message.get("event") == "admin:statistics")
            nodes.add(told["data"]["node"])


async def test_nobody_but_an_administrator_sees_or_closes_connections_of_others(alice: People, bob: People) -> None:
    async with live(alice.east, "hers") as hers:
        connection_id = (await hers.next("connection"))["connection_id"]
        async with bob.west.get("/api/v1/admin/connections") as response:
            assert response.status == 403
        async with bob.west.delete(f"/api/v1/admin/connections/{connection_id}") as response:
            assert response.status == 403
        await hers.send(type="ping")
        await hers.next("pong")
