"""Every limit of the live layer is a setting: each is lowered here and reached."""

from __future__ import annotations

import contextlib
import dataclasses

import aiohttp
import pytest

from server.jobs.outcomes import Notice
from server.settings import Settings
from tests.conftest import Server
from tests.functional.live_client import connected, live

Client = aiohttp.ClientSession


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(
        settings,
        max_connections=3,
        max_unauthenticated_connections=3,
        max_unauthenticated_connections_per_address=2,
        max_subscriptions=3,
        max_event_name_length=20,
        max_message_bytes=1000,
        max_unsent_bytes=128 * 1024,
        history_messages=100,
        notification_messages=100,
        auth_deadline_seconds=30.0,
    )


async def test_node_is_full_at_its_limit(alice: Client, bob: Client) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for number in range(3):
            socket = await stack.enter_async_context(live(alice, f"tab-{number}"))
            await socket.next("connection", seconds=10)
        refused = await stack.enter_async_context(live(bob))
        assert await refused.closed_with(seconds=10) == 4505


async def test_few_may_wait_for_auth_and_whoever_has_said_who_they_are_waits_no_more(
    server: Server, alice: Client
) -> None:
    token = alice.headers["Authorization"].removeprefix("Bearer ")
    async with aiohttp.ClientSession(server.url) as anonymous, contextlib.AsyncExitStack() as stack:
        first, _ = [await stack.enter_async_context(connected(anonymous, f"tab-{number}")) for number in range(2)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with connected(anonymous, "one-more"):
                pass
        assert refused.value.status == 429
        assert refused.value.headers is not None
        assert int(refused.value.headers["Retry-After"]) > 0
        await first.send(type="auth", token=token)
        await first.next("connection", seconds=10)
        await stack.enter_async_context(connected(anonymous, "one-more"))
        async with live(alice, "with-a-token") as socket:  # whoever is known is not counted
            await socket.next("connection", seconds=10)


async def test_connection_subscribes_to_so_many_names_at_most(alice: Client) -> None:
    async with live(alice) as socket:
        await socket.send(type="subscribe", events=["a", "b", "c"])
        await socket.next("subscription")
        await socket.send(type="subscribe", events=["d"])
        assert (await socket.next("error"))["code"] == "too_many_subscriptions"
        await socket.send(type="subscribe", events=["a", "b"])  # those it has already are no more
        await socket.next("subscription")
        await socket.send(type="unsubscribe", events=["a"])
        await socket.send(type="subscribe", events=["d"])
        assert (await socket.next(lambda message: "d" in message.get("events", [])))["status"] == "subscribed"


async def test_event_name_has_so_many_characters_at_most(alice: Client) -> None:
    async with live(alice) as socket:
        await socket.send(type="subscribe", events=["x" * 20])
        await socket.next("subscription")
        await socket.send(type="subscribe", events=["x" * 21])
        assert (await socket.next("error"))["code"] == "invalid_message"


async def test_message_has_so_many_bytes_at_most(alice: Client) -> None:
    async with live(alice) as socket:
        await socket.socket.send_str('{"x":"' + "y" * 992 + '"}')
        await socket.next("echo")
        await socket.socket.send_str('{"x":"' + "y" * 993 + '"}')
        assert await socket.closed_with() == 1009


async def test_more_kept_than_may_be_unsent_is_read_in_pages_and_recovered_whole(
    server: Server, alice: Client, bob: Client
) -> None:
    async with live(alice) as socket:
        hello = await socket.next("connection")
    for number in range(100):
        notice = Notice(title=f"note {number}", body="x" * 20_000)
        await server.parts.live.notices.notify_who_asked(hello["user"]["id"], notice)
    expected = [f"note {number}" for number in range(100)]
    start = {"epoch": hello["epoch"], "offset": hello["offset"]}
    async with live(alice, "pages") as socket:
        titles: list[str] = []
        since, remaining, pages = start, 1, 0
        while remaining:
            await socket.send(type="history", since=since, limit=1000)
            page = await socket.next("history", seconds=10)
            assert page["recovered"]
            titles += [message["title"] for message in page["messages"]]
            since, remaining, pages = {"epoch": page["epoch"], "offset": page["offset"]}, page["remaining"], pages + 1
        assert titles == expected
        assert pages > 1
        await socket.send(type="history", since=since)
        last = await socket.next("history")
        assert (last["messages"], last["remaining"], last["recovered"]) == ([], 0, True)
    async with live(alice, "whole", since=f"{start['epoch']}:{start['offset']}") as socket:
        assert (await socket.next("connection"))["missed"] == 100
        assert [(await socket.next("notification", seconds=10))["title"] for _ in range(100)] == expected
    await server.parts.live.notices.notify_who_asked(hello["user"]["id"], Notice(title="one too many"))
    async with live(alice, "refused", since=f"{start['epoch']}:{start['offset']}") as socket:
        assert (await socket.next("connection"))["recovered"] is False
        await socket.send(type="history", since=start, limit=1)
        assert (await socket.next("history"))["recovered"] is False
    async with live(bob) as his:
        await his.send(type="history", since=start)
        stranger = await his.next("history")
        assert (stranger["recovered"], stranger["messages"]) == (False, [])


async def test_answer_larger_than_may_be_unsent_arrives(alice: Client) -> None:
    for _ in range(350):
        async with alice.post("/api/v1/jobs/demonstration", json={"seconds": 600, "total": 10}) as response:
            assert response.status == 202
    async with live(alice) as socket:
        await socket.next("connection")
        await socket.send(type="jobs")
        snapshot = await socket.next("jobs", seconds=20)
        assert len(snapshot["jobs"]) == 350
        assert len(str(snapshot)) > 128 * 1024
        await socket.send(type="ping")
        await socket.next("pong", seconds=10)
