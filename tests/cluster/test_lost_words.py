"""Every kept message is told once and in order, whatever Valkey loses, whichever node a client comes to."""

from __future__ import annotations

import asyncio
import re

import aiohttp
import msgspec
import pytest

from server.realtime.broker import user_topic
from server.realtime.history import History
from server.realtime.history_rules import NOTIFICATION
from server.storage.database import Database
from tests.cluster.conftest import Cluster, People, live
from tests.cluster.hopping import every_offset_is_told_once, user_id
from tests.process import ServerProcess
from tests.waiting import until

pytestmark = pytest.mark.timeout(300)


async def test_clients_that_hop_see_every_offset_once_while_valkey_is_killed_and_comes_back_empty(
    cluster: Cluster, database: Database, alice: People, bob: People
) -> None:
    async def faults(step: int) -> None:
        if step == 40:
            cluster.valkey.kill()
        if step == 80:
            cluster.valkey.start()

    await every_offset_is_told_once(database, alice, bob, faults)


async def test_clients_that_hop_see_every_offset_once_while_a_node_is_killed_and_comes_back(
    cluster: Cluster, database: Database, alice: People, bob: People
) -> None:
    starting: list[asyncio.Task[None]] = []

    async def faults(step: int) -> None:
        if step == 40:
            cluster.west.kill()
        if step == 60:
            starting.append(asyncio.create_task(asyncio.to_thread(cluster.west.start)))

    try:
        await every_offset_is_told_once(database, alice, bob, faults)
    finally:
        await asyncio.gather(*starting)


async def test_without_valkey_people_sign_in_follow_their_jobs_and_nodes_say_that_they_are_on_their_own(
    cluster: Cluster, admin: People, alice: People
) -> None:
    cluster.valkey.kill()
    try:
        await until(lambda: stands(admin, "degraded"))
        async with alice.west.ws_connect("/ws/alone", max_msg_size=0) as socket:
            async with alice.east.post("/api/v1/jobs/demonstration", json={"seconds": 0.5}) as response:
                assert response.ok, await response.text()
                job_id = (await response.json())["job_id"]
            async with asyncio.timeout(20):
                while True:
                    content = await socket.receive_json()
                    messages = content if isinstance(content, list) else [content]
                    if any(each.get("job_id") == job_id and each["state"] == "succeeded" for each in messages):
                        break
        credentials = {"username": "alice", "password": "correct-horse-alice", "name": "away"}
        async with alice.east.post("/api/v1/tokens", json=credentials) as response:
            assert response.status == 201
            made = await response.json()
        client = aiohttp.ClientSession(cluster.west.url, headers={"Authorization": f"Bearer {made['token']}"})
        async with client, client.ws_connect("/ws/soon-over") as socket:
            await socket.receive()
            async with alice.east.delete(f"/api/v1/tokens/{made['id']}") as response:
                assert response.ok
            async with asyncio.timeout(20):  # by the look at who is still signed in
                while (await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                    pass
            assert socket.close_code == 4500
    finally:
        cluster.valkey.start()
    await until(lambda: stands(admin, "ok"))
    for each in cluster.nodes:  # on a busy machine it may have been lost once more meanwhile
        await until(lambda each=each: 0 < said(each, "Valkey does not answer") == said(each, "Valkey answers again"))


async def test_a_word_of_the_next_version_is_counted_and_what_it_told_of_is_read_from_the_rows(
    cluster: Cluster, database: Database, admin: People, alice: People
) -> None:
    async def unknown() -> float:
        async with admin.east.get("/metrics") as response:
            (line,) = re.findall(r"^jindu_broker_words_unknown_total (\S+)", await response.text(), re.MULTILINE)
        return float(line)

    before, her_id = await unknown(), await user_id(alice)
    async with live(alice.east, "old") as socket:
        await socket.next("connection")
        async with database.write() as connection:
            body = b'{"title": "of the next version"}'
            kept = await History(database).append(connection, her_id, type=NOTIFICATION, body=body)
        async with cluster.valkey.admin() as client:
            word = msgspec.msgpack.encode([2, "next", 1, {"whatever": "it looks like"}, "more"])
            assert await client.publish(f"jindu:{user_topic(her_id)}", word) > 0
        told = await socket.next("notification")
        assert (told["title"], told["offset"]) == ("of the next version", kept.offset)
        await until(lambda: _is(unknown, before + 1))


async def test_the_connections_of_a_node_that_was_killed_are_gone_in_seconds_and_it_comes_back(
    cluster: Cluster, admin: People, alice: People
) -> None:
    async def seen() -> int:
        async with admin.home.get("/api/v1/admin/connections", params={"q": "doomed"}) as response:
            return int((await response.json())["total"])

    async with alice.west.ws_connect("/ws/doomed") as socket:
        await socket.receive()
        await until(lambda: _is(seen, 1))
        cluster.west.kill()
        await until(lambda: _is(seen, 0), seconds=15)
    cluster.west.start()
    async with alice.west.ws_connect("/ws/doomed") as socket:
        await socket.receive()
        await until(lambda: _is(seen, 1))


async def _is(count: object, wanted: int) -> bool:
    return bool(await count() == wanted)  # type: ignore[operator]


async def stands(people: People, wanted: str) -> bool:
    for client in (people.home, people.east, people.west):
        async with client.get("/readyz") as response:
            assert response.status == 200
            if (await response.json())["nodes"] != wanted:
                return False
    return True


def said(node: ServerProcess, words: str) -> int:
    return sum(words in line for line in node.log)
