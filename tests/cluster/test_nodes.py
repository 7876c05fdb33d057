"""Whatever people do at one node, they are told at the others, and nobody else is."""

from __future__ import annotations

import aiohttp
import pytest

from tests.cluster.conftest import Cluster, People, live
from tests.functional.batches import made, put_template, reports_of
from tests.functional.event_stream import events as event_stream
from tests.functional.ways import WAYS, Open, opened_by
from tests.waiting import until

pytestmark = pytest.mark.timeout(300)  # three servers are started by the first


async def test_a_job_stored_at_one_node_runs_at_another_and_is_followed_and_cancelled_at_a_third(
    alice: People, bob: People
) -> None:
    async with live(alice.west) as hers, live(bob.west) as his:
        await hers.next("connection")
        await his.next("connection")
        async with alice.east.post("/api/v1/jobs/demonstration", json={"seconds": 1, "total": 50}) as response:
            assert response.status in (201, 202), await response.text()
            job_id = (await response.json())["job_id"]
        moving = await hers.next(
            lambda each: each.get("job_id") == job_id and each["state"] == "running" and each["progress"] > 0
        )
        assert moving["total"] == 50
        ended = await hers.next(
            lambda each: each["type"] == "job" and each["job_id"] == job_id and each["state"] == "succeeded"
        )
        assert ended["progress"] == 50
        await until(lambda: _state(alice.east, job_id, "succeeded"))

        async with alice.east.post("/api/v1/jobs/demonstration", json={"seconds": 60}) as response:
            long_id = (await response.json())["job_id"]
        await hers.next(lambda each: each.get("job_id") == long_id and each["state"] == "running")
        async with live(alice.east, "late") as late:  # whoever joins now sees it, too
            await late.next("connection")
            await late.send(type="jobs")
            assert [each["job_id"] for each in (await late.next("jobs"))["jobs"]] == [long_id]
        async with alice.west.post(f"/api/v1/jobs/{long_id}/cancel") as response:
            assert response.status in (200, 202, 204), await response.text()
        await hers.next(lambda each: each["type"] == "job" and each["state"] == "cancelled")
        assert await _state(alice.home, long_id, "cancelled")
        assert [each["type"] for each in his.seen] == ["connection"]


async def _state(client: aiohttp.ClientSession, job_id: str, state: str) -> bool:
    async with client.get(f"/api/v1/jobs/{job_id}") as response:
        return bool((await response.json())["state"] == state)


@pytest.mark.parametrize("way", WAYS)
async def test_who_comes_back_at_another_node_has_missed_nothing(cluster: Cluster, alice: People, way: str) -> None:
    def opened(name: str) -> Open:
        return opened_by(way, grpc_port=int(getattr(cluster, name).environ["JINDU_GRPC_PORT"]))

    async def tell() -> None:
        async with alice.home.post("/websocket-test/notification") as response:
            assert response.status == 204

    async with opened("east")(alice.east, "hops") as there:
        epoch = (await there.next("connection"))["epoch"]
        await tell()
        last = (await there.next("notification"))["offset"]
    for _ in range(3):
        await tell()
    async with opened("west")(alice.west, "hops", since=f"{epoch}:{last}") as here:
        again = await here.next("connection")
        assert (again["recovered"], again["missed"]) == (True, 3)
        await tell()
        told = [(await here.next("notification"))["offset"] for _ in range(4)]
        assert told == list(range(last + 1, last + 5))


async def test_an_event_is_told_to_who_subscribed_at_any_node(alice: People, bob: People) -> None:
    async with live(alice.west) as hers, live(bob.home) as his:
        for socket in (hers, his):
            await socket.next("connection")
            await socket.send(type="subscribe", events=["news"])
            await socket.next("subscription")
        async with alice.east.post("/api/v1/events/news", json={"n": 1}) as response:
            assert response.ok, await response.text()
            told = await response.json()
        assert (told["receivers"], told["at_least"]) == (0, True)  # others are at other nodes
        for socket in (hers, his):
            assert (await socket.next("event"))["data"] == {"n": 1}


async def test_administrators_see_and_close_the_connections_of_other_nodes(
    admin: People, alice: People, bob: People
) -> None:
    async with live(alice.east, "desk") as hers, live(admin.west, "watching") as watching:
        await watching.next("connection")
        await watching.send(type="subscribe", events=["admin:presence"])
        await watching.next("subscription")
        await hers.next("connection")

        async def found() -> str:
            async with admin.home.get("/api/v1/admin/connections", params={"q": "desk"}) as response:
                items = (await response.json())["items"]
            return items[0]["connection_id"] if items else ""

        connection_id = await until(found)
        async with bob.home.delete(f"/api/v1/admin/connections/{connection_id}") as response:
            assert response.status == 403
        async with admin.home.delete(f"/api/v1/admin/connections/{connection_id}") as response:
            assert response.status == 204
        assert await hers.closed_with(seconds=20) == 4502
        gone = await watching.next(lambda each: connection_id in each.get("data", {}).get("left", ()))
        assert gone["data"]["connections"] >= 1  # whoever watches


async def test_a_client_that_comes_back_elsewhere_replaces_itself_and_nobody_has_more_than_their_share(
    alice: People,
) -> None:
    async with live(alice.east, "tab") as older, live(alice.west, "tab") as newer:
        await older.next("connection")
        await newer.next("connection")
        assert await older.closed_with(seconds=20) == 4501
        await newer.send(type="ping")
        await newer.next("pong")
        async with live(alice.east, "2") as two, live(alice.home, "3") as three, live(alice.west, "4") as four:
            for socket in (two, three, four):
                await socket.next("connection")

            async def sees_all() -> bool:
                async with alice.home.get("/api/v1/connections") as response:
                    return bool((await response.json())["total"] == 4)

            await until(sees_all)
            async with live(alice.home, "5") as too_many:
                assert await too_many.closed_with(seconds=20) == 4505


async def test_a_command_that_comes_to_another_node_reaches_the_stream(alice: People, bob: People) -> None:
    async with event_stream(alice.east, client_id="stream") as events:
        await events.next("connection")

        async def taken() -> bool:
            async with alice.west.post("/events/stream", json={"type": "ping", "id": 7}) as response:
                return response.status == 202

        await until(taken)
        assert (await events.next("pong"))["id"] == 7
        async with bob.west.post("/events/stream", json={"type": "ping"}) as response:
            assert response.status == 404


async def test_guesses_at_several_nodes_are_counted_together(cluster: Cluster, bob: People) -> None:
    statuses = []
    for number in range(12):
        client = (bob.home, bob.east, bob.west)[number % 3]
        wrong = {"username": "nobody-here", "password": "wrong", "name": "x"}
        async with client.post("/api/v1/tokens", json=wrong) as response:
            statuses.append(response.status)
    assert statuses == [401] * 10 + [429] * 2


async def test_each_node_is_ready_and_says_that_it_reaches_the_others(cluster: Cluster, admin: People) -> None:
    for client in (admin.home, admin.east, admin.west):
        async with client.get("/readyz") as response:
            assert (response.status, (await response.json())["nodes"]) == (200, "ok")


async def test_a_comment_written_at_one_node_stands_at_the_others_and_a_right_that_ends_ends_everywhere(
    alice: People, bob: People
) -> None:
    source = 'title: T\nformats: [html]\nblocks: [{text: "x"}]\n'
    await put_template(alice.home, "talked-about", source)
    batch = (await made(alice.home, "talked-about"))["id"]
    (report,) = await reports_of(alice.home, batch)
    access, event = f"/api/v1/batches/{batch}/access", f"report:{report['id']}"
    async with alice.west.put(access, json={"grants": [{"user": "bob", "right": "view"}]}) as response:
        assert response.ok, await response.text()
    async with live(bob.home) as his, live(alice.west) as hers:
        for socket in (his, hers):
            await socket.next("connection")
        await his.send(type="subscribe", events=[event])
        await his.next("subscription")
        comments = f"/api/v1/reports/{report['id']}/comments"
        async with bob.east.post(comments, json={"text": "@alice, look"}) as response:
            written = await response.json()
        assert (await his.next("event"))["data"] == {"comment": written["id"], "change": "added"}
        told = await hers.next(lambda each: each["type"] == "notification" and "mentioned you" in each["title"])
        assert told["url"] == f"/reports/{report['id']}#comment-{written['id']}"
        async with bob.home.get(comments) as response:
            assert [each["text"] for each in (await response.json())["items"]] == ["@alice, look"]
        async with alice.east.put(access, json={"grants": []}) as response:
            assert response.ok
        assert (await his.next(lambda each: each["type"] == "event"))["data"] == {"access": "ended"}
