"""Server-sent events against a running server: the same messages, recovery, limits, and commands beside the stream."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import socket as sockets
from collections.abc import AsyncIterator

import aiohttp
import pytest

from server.jobs.outcomes import Notice
from server.realtime.close_codes import CloseCode
from server.settings import Settings
from tests.conftest import Server, running, signed_in
from tests.functional.browsing import browser, sign_in
from tests.functional.event_stream import command, events
from tests.functional.live_client import live
from tests.functional.test_live import MALFORMED, demonstrate, is_final
from tests.waiting import until

Client = aiohttp.ClientSession


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(
        settings,
        allowed_origins=("https://portal.example",),
        max_connections_per_user=3,
        max_connections_per_address=8,
        max_unsent_bytes=256 * 1024,
        ping_interval_seconds=0.4,
        pong_timeout_seconds=5.0,
    )


async def gone(server: Server, count: int = 0) -> None:
    """Wait until only `count` connections are left."""
    await until(lambda: len(server.parts.realtime.manager.active_connections) == count, seconds=15)


async def is_running(client: Client, job_id: str) -> bool:
    async with client.get(f"/api/v1/jobs/{job_id}") as response:
        return bool((await response.json())["state"] == "running")


async def test_stream_and_socket_of_one_user_tell_the_same(alice: Client, bob: Client) -> None:
    async with live(alice, "socket") as socket, events(alice, "stream") as stream, events(bob) as his:
        hello, welcome = await socket.next("connection"), await stream.next("connection")
        await his.next("connection")
        assert set(hello) == set(welcome)
        assert (welcome["client_id"], welcome["user"]) == ("stream", hello["user"])
        job_id = await demonstrate(alice, seconds=0)
        await socket.next(is_final)
        await stream.next(is_final)
        kept = [[each for each in seen if "offset" in each][1:] for seen in (socket.seen, stream.seen)]
        assert kept[0] == kept[1]
        assert [each["state"] for each in kept[1]] == ["queued", "running", "succeeded"]
        assert {each["job_id"] for each in kept[1]} == {job_id}
        assert await command(bob, type="ping") == 202
        await his.next("pong")
        assert [message["type"] for message in his.seen] == ["connection", "pong"]


async def test_head_says_how_to_treat_the_stream(alice: Client) -> None:
    async with events(alice) as stream:
        await stream.next("connection")
        headers = stream.response.headers
        assert headers["Content-Type"] == "text/event-stream"
        assert (headers["Cache-Control"], headers["X-Accel-Buffering"]) == ("no-store", "no")
        assert "Content-Encoding" not in headers
        assert stream.retry is not None
        assert 1_000 <= stream.retry <= 5_000
    async with alice.head("/events") as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")


async def test_texts_are_in_the_language_asked_for_and_a_client_id_is_given(alice: Client) -> None:
    async with alice.get("/events", params={"lang": "zh-CN"}) as response:
        line = b""
        while not line.startswith(b"data: "):
            line = await response.content.readline()
    hello = json.loads(line.removeprefix(b"data: "))
    assert hello["client_id"] in hello["message"]
    assert "连接成功" in hello["message"]


async def test_commands_are_answered_on_the_stream(alice: Client) -> None:
    job_id = await demonstrate(alice, seconds=60)
    await until(lambda: is_running(alice, job_id), so="running")
    async with events(alice) as stream:
        await stream.next("connection")
        assert await command(alice, type="ping", id=7) == 202
        assert (await stream.next("pong"))["id"] == 7
        assert await command(alice, type="jobs", id="j") == 202
        assert [job["job_id"] for job in (await stream.next("jobs"))["jobs"]] == [job_id]
        assert await command(alice, type="history", limit=10) == 202
        assert [message["state"] for message in (await stream.next("history"))["messages"]] == ["queued", "running"]
        assert await command(alice, type="subscribe", events=["test_events"]) == 202
        await stream.next("subscription")
        async with alice.post("/api/v1/events/test_events", json={"n": "二"}) as response:
            assert (await response.json())["receivers"] == 1
        assert (await stream.next("event"))["data"] == {"n": "二"}
        assert await command(alice, type="hello") == 202
        assert (await stream.next("echo"))["data"] == {"type": "hello"}


async def test_commands_are_answered_in_the_order_they_came(alice: Client) -> None:
    async with events(alice) as stream:
        await stream.next("connection")
        for number in range(10):
            await command(alice, type="subscribe", events=[f"e{number}"], id=number)
        assert [(await stream.next("subscription"))["id"] for _ in range(10)] == list(range(10))


@pytest.mark.parametrize(("text", "code"), MALFORMED.values(), ids=MALFORMED.keys())
async def test_malformed_command_is_an_error_on_the_stream(alice: Client, text: str, code: str) -> None:
    async with events(alice) as stream:
        await stream.next("connection")
        headers = {"Content-Type": "application/json"}
        async with alice.post("/events/tab", data=text.encode(), headers=headers) as response:
            assert response.status == 202
        error = await stream.next("error")
        assert error["code"] == code
        assert "Traceback" not in error["message"]


async def test_command_cannot_forge_an_event_by_its_line_breaks(alice: Client) -> None:
    forged = '{"type":"x",\n\nevent: close\ndata: {"code":4500}\r\n\r\n"n":1}'
    honest = '{"type":"x",\n\r\n\r"text":"a\\nb"\n\n}'
    headers = {"Content-Type": "application/json"}
    async with events(alice) as stream:
        await stream.next("connection")
        async with alice.post("/events/tab", data=forged, headers=headers) as response:
            assert response.status == 202
        assert (await stream.next())["code"] == "invalid_json"
        async with alice.post("/events/tab", data=honest, headers=headers) as response:
            assert response.status == 202
        assert (await stream.next())["data"] == {"type": "x", "text": "a\nb"}


async def test_hostile_bodies_are_refused_and_the_stream_goes_on(alice: Client) -> None:
    json_type = {"Content-Type": "application/json"}
    async with events(alice) as stream:
        await stream.next("connection")
        async with alice.post("/events/tab", data=b'"' + b"x" * 70_000 + b'"', headers=json_type) as response:
            assert response.status == 413
        async with alice.post("/events/tab", data="type=ping") as response:
            assert response.status == 415
        async with alice.post("/events/tab", data=b'{"type":"\xff"}', headers=json_type) as response:
            assert response.status == 202
        assert (await stream.next())["code"] == "unsupported_frame"
        async with alice.post("/events/a%20b", json={"type": "ping"}) as response:
            assert response.status == 404
        assert await command(alice, type="ping") == 202
        await stream.next("pong")


async def test_nobody_commands_the_stream_of_another_nor_with_other_credentials(
    server: Server, alice: Client, bob: Client
) -> None:
    async with events(alice) as hers, live(alice, "socket") as socket, await signed_in(server, "alice") as other:
        await hers.next("connection")
        await socket.next("connection")
        assert await command(bob, type="subscribe", events=["x"]) == 404
        assert await command(other, type="subscribe", events=["x"]) == 404
        assert await command(alice, "socket", type="ping") == 404  # it speaks for itself
        assert await command(alice, "nobody", type="ping") == 404
        async with aiohttp.ClientSession(server.url) as anonymous:
            assert await command(anonymous, type="ping") == 401
        assert await command(alice, type="ping") == 202
        await hers.next("pong")
        assert [message["type"] for message in hers.seen] == ["connection", "pong"]


async def test_too_many_commands_are_warned_of(alice: Client) -> None:
    async with events(alice) as stream:
        await stream.next("connection")
        await asyncio.gather(*(command(alice, type="ping", id=number) for number in range(60)))
        assert (await stream.next("error"))["code"] == "rate_limited"


# recovery


async def test_what_happened_while_away_is_told_by_last_event_id_even_after_a_restart(settings: Settings) -> None:
    async with running(settings) as server, await signed_in(server, "admin") as admin:
        async with events(admin) as stream:
            hello = await stream.next("connection")
            assert stream.last_id == f"{hello['epoch']}:{hello['offset']}"
            await demonstrate(admin, seconds=0)
            await stream.next(is_final)
            seen = stream.last_id
        await server.parts.live.notices.notify_who_asked(hello["user"]["id"], Notice(title="First"))
    async with running(settings) as server, await signed_in(server, "admin") as admin:
        await server.parts.live.notices.notify_who_asked(hello["user"]["id"], Notice(title="Second"))
        async with events(admin, headers={"Last-Event-ID": seen}, since=f"{hello['epoch']}:0") as stream:
            again = await stream.next("connection")
            assert (again["recovered"], again["missed"]) == (True, 2)
            assert stream.last_id == seen  # whoever is cut off here has not got the missed ones yet
            assert [(await stream.next())["title"] for _ in range(2)] == ["First", "Second"]
            assert stream.last_id == f"{again['epoch']}:{again['offset']}"
        async with events(admin, since=seen) as stream:
            assert (await stream.next("connection"))["missed"] == 2


@pytest.mark.parametrize("since", ["wrong:0", "nonsense", "EPOCH:99"])
async def test_position_that_cannot_be_recovered_from_is_refused_whole(alice: Client, since: str) -> None:
    await demonstrate(alice, seconds=0)
    async with events(alice) as stream:
        epoch = (await stream.next("connection"))["epoch"]
    async with events(alice, headers={"Last-Event-ID": since.replace("EPOCH", epoch)}) as stream:
        hello = await stream.next("connection")
        assert (hello["recovered"], hello["missed"]) == (False, 0)
        assert stream.last_id == f"{hello['epoch']}:{hello['offset']}"


async def test_only_kept_messages_move_the_position(alice: Client) -> None:
    async with events(alice) as stream:
        await stream.next("connection")
        before = stream.last_id
        assert await command(alice, type="history", offset=77) == 202
        await stream.next("history")
        assert await command(alice, type="job", offset=77, epoch="x") == 202  # no command: echoed
        await stream.next("echo")
        assert stream.last_id == before


# who gets in


async def test_nobody_gets_in_without_credentials_or_from_other_pages(server: Server, alice: Client) -> None:
    async with aiohttp.ClientSession(server.url) as anonymous, anonymous.get("/events") as response:
        assert response.status == 401
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},  # an image of another page
    ):
        async with alice.get("/events", headers=headers) as response:
            assert response.status == 403
    async with alice.get("/events", params={"client_id": "a b"}) as response:
        assert response.status == 422
        assert (await response.json())["code"] == "invalid_client_id"
    async with events(alice, headers={"Origin": server.url}) as stream:
        assert "Access-Control-Allow-Origin" not in stream.response.headers
    async with events(alice, headers={"Origin": "https://portal.example"}) as stream:
        assert stream.response.headers["Access-Control-Allow-Origin"] == "https://portal.example"


async def test_signing_out_ends_the_stream_and_it_is_told_not_to_come_back(server: Server, alice: Client) -> None:
    async with browser(server) as page:
        await sign_in(page, "alice")
        async with events(page, "page") as stream, events(alice, "program") as other:
            await stream.next("connection")
            await other.next("connection")
            async with page.post("/logout", allow_redirects=False) as response:
                assert response.status == 303
            assert await stream.closed_with() == 4500
            async with page.get("/events", headers={"Last-Event-ID": stream.last_id}) as response:
                assert response.status == 204
            async with page.get("/events") as response:
                assert response.status == 401
            assert await command(alice, "program", type="ping") == 202
            await other.next("pong")


async def test_newer_connection_of_the_same_client_replaces_the_stream(server: Server, alice: Client) -> None:
    async with events(alice, "same") as older:
        await older.next("connection")
        async with live(alice, "same") as newer:  # whichever way it comes
            await newer.next("connection")
            assert await older.closed_with() == 4501
            async with alice.get(
                "/events", params={"client_id": "same"}, headers={"Last-Event-ID": older.last_id}
            ) as response:
                assert response.status == 204
            await newer.send(type="ping")
            await newer.next("pong")
        await gone(server)


async def test_streams_count_among_the_connections_of_a_user(alice: Client, bob: Client) -> None:
    async with contextlib.AsyncExitStack() as stack:
        await (await stack.enter_async_context(live(alice, "socket"))).next("connection")
        for number in range(2):
            await (await stack.enter_async_context(events(alice, f"tab-{number}"))).next("connection")
        async with alice.get("/events", params={"client_id": "one-more"}) as response:
            problem = await response.json()
            assert (response.status, problem["code"]) == (429, "connection_limit")
            assert problem["detail"].startswith("You have 3 connections open (limit 3)")
        again = await stack.enter_async_context(events(alice, "tab-0"))  # takes the place of its predecessor
        await again.next("connection")
        await (await stack.enter_async_context(events(bob))).next("connection")


async def test_streams_count_among_the_connections_of_an_address(
    server: Server, alice: Client, bob: Client, admin: Client
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for client in (alice, bob, admin):
            for number in range(3 if client is not admin else 2):
                await (await stack.enter_async_context(events(client, f"tab-{number}"))).next("connection")
        async with admin.get("/events") as response:
            assert (response.status, (await response.json())["code"]) == (429, "connection_limit")
        socket = await stack.enter_async_context(live(admin, "socket"))
        assert await socket.closed_with() == 4505


# how it ends


async def test_quiet_stream_is_kept_open_by_comments(server: Server, alice: Client) -> None:
    async with events(alice) as stream:
        await stream.next("connection")
        for _ in range(4):  # longer than a socket may be without a pong
            await stream.commented()
        assert server.parts.realtime.manager.statistics().connections == 1


async def test_vanished_client_is_noticed_though_nothing_is_sent(server: Server, alice: Client) -> None:
    async with events(alice) as stream:
        await stream.next("connection")
    await gone(server)


async def test_client_that_stops_reading_is_dropped_at_the_cap_and_delays_nobody(
    server: Server, alice: Client, bob: Client
) -> None:
    manager = server.parts.realtime.manager
    async with _deaf(server, alice), events(bob) as his:
        await his.next("connection")
        number = 0
        async with asyncio.timeout(30):
            while not manager.statistics().closed:
                # The kernel takes several MB before the server sees that nobody reads.
                number += 1
                manager.broadcast_json({"type": "event", "event": "big", "data": ["x" * 60_000, number]})
                assert (await his.next("event"))["data"][1] == number
        assert manager.statistics().closed == {"slow_consumer": 1}
        await gone(server, 1)


async def test_client_that_stops_reading_and_is_sent_little_is_dropped_as_silent(
    server: Server, alice: Client, bob: Client
) -> None:
    manager = server.parts.realtime.manager
    async with _deaf(server, alice):
        (connection,) = manager.active_connections.values()
        while connection.link.unsent_bytes() == 0:
            manager.broadcast_json({"type": "event", "event": "big", "data": "x" * 60_000})
            await asyncio.sleep(0)
        del connection
        await until(lambda: manager.statistics().closed, seconds=15)
        assert manager.statistics().closed == {"no_pong": 1}


async def test_stopping_server_tells_streams_to_come_back_and_does_not_hang(server: Server, alice: Client) -> None:
    async with events(alice) as stream:
        await stream.next("connection")
        position = stream.last_id
        async with asyncio.timeout(15):
            stopping = asyncio.create_task(server.app.shutdown())
            assert await stream.closed_with() == 4000
            await stopping
        assert stream.last_id == position
    async with events(alice) as late:  # a status would end a browser's EventSource for good
        assert await late.closed_with() == 4000
        assert late.retry


async def test_last_event_tells_a_browser_when_to_come_back(server: Server, alice: Client) -> None:
    async with events(alice) as stream:
        await stream.next("connection")
        (connection,) = server.parts.realtime.manager.active_connections.values()
        connection.link.close(CloseCode.DRAINING, "draining; retry in 7 s")
        del connection
        assert await stream.closed_with() == 4000
        assert stream.retry is not None
        assert 7_000 <= stream.retry <= 8_000


async def test_nothing_is_left_of_streams_that_are_gone(server: Server, alice: Client) -> None:
    manager = server.parts.realtime.manager
    before = 0
    for number in range(5):
        if number == 1:  # from now on the requests have their kept-alive connections, each with a task
            await gone(server)
            before = len(asyncio.all_tasks())
        async with events(alice, f"tab-{number % 2}") as stream:
            await stream.next("connection")
            assert await command(alice, f"tab-{number % 2}", type="subscribe", events=["test_events"]) == 202
            await stream.next("subscription")
    await gone(server)
    statistics = manager.statistics()
    assert (statistics.connections, statistics.users, statistics.subscriptions) == (0, 0, 0)
    await until(lambda: len(asyncio.all_tasks()) <= before, seconds=15)


async def test_old_http_gets_the_stream_without_chunks(server: Server, alice: Client) -> None:
    reader, writer = await asyncio.open_connection(*server.url.removeprefix("http://").split(":"))
    request = f"GET /events HTTP/1.0\r\nHost: x\r\nAuthorization: {alice.headers['Authorization']}\r\n\r\n"
    writer.write(request.encode())
    async with asyncio.timeout(15):
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"chunked" not in head.lower()
        assert (await reader.readline()).startswith(b"retry: ")
        assert await reader.readline() == b"\n"
        assert (await reader.readline()).startswith(b"id: ")
        assert json.loads((await reader.readline()).removeprefix(b"data: "))["type"] == "connection"
    writer.close()
    await writer.wait_closed()


@contextlib.asynccontextmanager
async def _deaf(server: Server, client: Client) -> AsyncIterator[None]:
    """A stream that was opened properly and is never read."""
    host, port = server.url.removeprefix("http://").split(":")
    loop = asyncio.get_running_loop()
    raw = sockets.socket()
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    raw.setblocking(False)
    await loop.sock_connect(raw, (host, int(port)))
    request = f"GET /events HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: {client.headers['Authorization']}\r\n\r\n"
    await loop.sock_sendall(raw, request.encode())
    manager = server.parts.realtime.manager
    await until(lambda: manager.active_connections, seconds=15)
    try:
        yield
    finally:
        raw.close()
