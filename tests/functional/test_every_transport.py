"""What holds for every way that live messages come: told apart by their addresses, and by nothing else."""

from __future__ import annotations

import asyncio
import dataclasses
import logging

import aiohttp
import pytest
from yarl import URL

from server.jobs.outcomes import Notice
from server.realtime.close_codes import CloseCode
from server.settings import Settings
from tests.conftest import Server
from tests.freezing import freezing_line
from tests.functional.live_client import live
from tests.functional.ways import WAYS, Open, opened_by
from tests.ports import free_port
from tests.waiting import until

Client = aiohttp.ClientSession


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(
        settings,
        graphql=True,
        grpc_port=free_port(),
        max_connections_per_user=3,
        max_unsent_bytes=256 * 1024,
        ping_interval_seconds=0.5,
        pong_timeout_seconds=3.0,
    )


NAMES = {way: way.split()[0] for way in WAYS}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def opened(way: str, settings: Settings) -> Open:
    return opened_by(way, grpc_port=settings.grpc_port)


async def tell(server: Server, user_id: str, title: str, body: str = "") -> None:
    await server.parts.live.notices.notify_who_asked(user_id, Notice(title=title, level="success", body=body))


async def test_each_gets_their_own_messages_and_recovers_what_they_missed(
    server: Server, alice: Client, bob: Client, opened: Open
) -> None:
    async with opened(alice) as hers, opened(bob) as his:
        hello, his_hello = await hers.next(), await his.next()
        assert hello["type"] == "connection"
        await tell(server, hello["user"]["id"], "Hers")
        await tell(server, his_hello["user"]["id"], "His")
        assert (await hers.next())["title"] == "Hers"
        assert (await his.next())["title"] == "His"
    for number in range(30):
        await tell(server, hello["user"]["id"], f"note {number}")
    since = f"{hello['epoch']}:{hello['offset'] + 1}"
    async with opened(alice, since=since) as hers:
        again = await hers.next()
        assert (again["recovered"], again["missed"]) == (True, 30)
        await tell(server, hello["user"]["id"], "now")
        told = [await hers.next("notification") for _ in range(31)]
        assert [each["title"] for each in told] == [*(f"note {number}" for number in range(30)), "now"]
        assert [each["offset"] for each in told] == list(range(hello["offset"] + 2, hello["offset"] + 33))
    async with opened(alice, since=f"{hello['epoch']}:99999") as hers:
        assert not (await hers.next())["recovered"]


async def test_a_newer_one_of_the_same_client_replaces_the_older(
    server: Server, alice: Client, bob: Client, way: str, opened: Open
) -> None:
    async with opened(alice) as older, opened(bob) as his:
        await older.next("connection")
        await his.next("connection")
        async with live(alice) as newer:  # by whichever way
            await newer.next("connection")
            assert await older.closed_with() == CloseCode.REPLACED
    manager = server.parts.realtime.manager
    await until(lambda: not manager.active_connections, seconds=15)


async def test_one_that_is_cut_is_gone_at_once_and_comes_back_to_where_it_was(
    server: Server, alice: Client, settings: Settings, way: str, opened: Open
) -> None:
    manager = server.parts.realtime.manager
    behind = settings.grpc_port if way == "grpc" else URL(server.url).port
    assert behind
    async with (
        freezing_line(behind) as line,
        Client(f"http://127.0.0.1:{line.port}", headers=alice.headers) as far,
        opened_by(way, grpc_port=line.port)(far) as hers,
    ):
        hello = await hers.next("connection")
        line.cut()
        await until(lambda: not manager.active_connections, seconds=15)
        await tell(server, hello["user"]["id"], "missed")
    async with opened(alice, since=f"{hello['epoch']}:{hello['offset']}") as again:
        assert (await again.next())["recovered"]
        assert (await again.next("notification"))["title"] == "missed"


async def test_what_its_credential_ends_with_ends_it(
    server: Server, alice: Client, bob: Client, admin: Client, opened: Open
) -> None:
    async with opened(alice) as hers, opened(bob) as his:
        hello = await hers.next("connection")
        await his.next("connection")
        async with admin.patch(f"/api/v1/admin/users/{hello['user']['id']}", json={"role": "viewer"}) as response:
            assert response.status == 200
        assert await hers.closed_with(seconds=5) == CloseCode.RIGHTS_CHANGED
        async with opened(alice) as again:
            await again.next("connection")
            async with admin.patch(f"/api/v1/admin/users/{hello['user']['id']}", json={"disabled": True}) as response:
                assert response.status == 200
            assert await again.closed_with(seconds=5) == CloseCode.SIGNED_OUT
        await tell(server, await _id(bob), "His")
        assert (await his.next("notification"))["title"] == "His"


async def test_whoever_reads_too_slowly_is_ended_and_nobody_waits(
    server: Server, alice: Client, bob: Client, opened: Open
) -> None:
    manager = server.parts.realtime.manager
    async with opened(alice) as hers, opened(bob) as his:
        user_id = (await hers.next())["user"]["id"]
        await his.next()
        while not manager.statistics().closed:
            manager.send_json_to_user(user_id, {"type": "event", "event": "big", "data": "x" * 60_000})
            await asyncio.sleep(0)
        assert await hers.closed_with(seconds=10) in (CloseCode.SLOW_CONSUMER, 1006, None)
        manager.broadcast_json({"type": "event", "event": "small", "data": 1})
        assert (await his.next())["data"] == 1
    await until(lambda: not manager.active_connections, seconds=15)
    assert manager.statistics().closed == {"slow_consumer": 1}


async def test_it_is_counted_and_shown_by_its_name_and_sent_away_when_the_server_stops(
    server: Server, alice: Client, admin: Client, way: str, opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(alice) as hers:
        hello = await hers.next("connection")
        assert server.parts.realtime.manager.statistics().by_transport == {NAMES[way]: 1}
        async with admin.get("/api/v1/admin/connections") as response:
            (shown,) = (await response.json())["items"]
        assert shown["transport"] == NAMES[way]
        assert shown["connection_id"] == hello["connection_id"]
        caplog.set_level(logging.WARNING)
        await server.app.shutdown()
        assert await hers.closed_with() == CloseCode.DRAINING
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_no_more_than_a_user_may_have(server: Server, alice: Client, way: str, opened: Open) -> None:
    async with opened(alice, "a") as first, opened(alice, "b") as second, opened(alice, "c") as third:
        for each in (first, second, third):
            await each.next("connection")
        manager = server.parts.realtime.manager
        if way == "events":  # said by the status
            with pytest.raises(AssertionError, match="connection_limit"):
                async with opened(alice, "d"):
                    pass
        else:
            async with opened(alice, "d") as fourth:
                assert await fourth.closed_with() == CloseCode.CONNECTION_LIMIT
        assert manager.statistics().connections == 3


async def _id(client: Client) -> str:
    async with client.get("/api/v1/me") as response:
        return str((await response.json())["id"])
