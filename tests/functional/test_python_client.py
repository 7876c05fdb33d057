"""`jindu.Client` over its live connection: nothing missed, twice or stale, whatever happens to the line."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

import jindu
from tests.browser.line import Line
from tests.conftest import Server
from tests.functional.command_line import token_of
from tests.functional.test_crash import demonstrate, signed_in
from tests.functional.test_external_jobs import begin, push
from tests.process import ServerProcess

Client = aiohttp.ClientSession
Json = dict[str, Any]
HELLO = {
    "type": "connection",
    "timestamp": "2026-11-23T08:15:30.000125Z",
    "epoch": "e",
    "offset": 0,
    "recovered": False,
    "missed": 0,
}


class Reader:
    """Reads all messages of a client; everything stays in `seen`."""

    def __init__(self, client: jindu.Client) -> None:
        self.seen: list[Json] = []
        self._told = asyncio.Condition()
        self._reading = asyncio.create_task(self._read(client.messages()))
        self._reading.add_done_callback(lambda task: task.cancelled() or task.exception())  # `end` is for who cares

    async def until(self, fits: Callable[[Json], bool], *, seconds: float = 20.0) -> Json:
        """The first message of all that fits."""
        async with asyncio.timeout(seconds), self._told:
            while True:
                for message in self.seen:
                    if fits(message):
                        return message
                if self._reading.done():
                    await self._reading
                await self._told.wait()

    async def end(self) -> None:
        """Raises what ended the reading."""
        async with asyncio.timeout(20):
            await self._reading

    def count(self, kind: str) -> int:
        return sum(message["type"] == kind for message in self.seen)

    async def _read(self, messages: AsyncIterator[Json]) -> None:
        try:
            async for message in messages:
                async with self._told:
                    self.seen.append(message)
                    self._told.notify_all()
        finally:
            async with self._told:
                self._told.notify_all()


def is_connection(number: int) -> Callable[[Json], bool]:
    """The connection of that number, counted from 1."""
    left = number

    def fits(message: Json) -> bool:
        nonlocal left
        left -= message["type"] == "connection"
        return left == 0

    return fits


@pytest.fixture
async def line(server: Server) -> AsyncIterator[Line]:
    line = Line(server.url)
    await line.open()
    yield line
    line.flow()
    await line.close()


async def test_it_tells_who_where_and_what_is_going_on(server: Server, alice: Client, bob: Client) -> None:
    mine = (await begin(alice))["job_id"]
    await begin(bob)
    async with jindu.Client(server.url, token_of(alice), client_id="laptop", language="zh-CN") as client:
        reader = Reader(client)
        hello = await reader.until(lambda message: message["type"] == "connection")
        assert (hello["client_id"], hello["user"]["name"]) == ("laptop", "alice")
        assert hello["message"] == "WebSocket连接成功，客户端ID: laptop"
        snapshot = await reader.until(lambda message: message["type"] == "jobs")
        assert [job["job_id"] for job in snapshot["jobs"]] == [mine]
        assert [job["job_id"] for job in await client.jobs()] == [mine]
        await push(alice, mine, progress=5)
        await reader.until(lambda message: message.get("progress") == 5)
        assert {message["job_id"] for message in reader.seen if "job_id" in message} == {mine}


async def test_subscriptions_survive_a_cut_line_and_refusals_are_told(line: Line, alice: Client, bob: Client) -> None:
    his = (await begin(bob))["job_id"]
    async with jindu.Client(line.url, token_of(alice)) as client:
        reader = Reader(client)
        await client.subscribe("test_events", "other_events")
        await client.unsubscribe("other_events")
        for wrong in (f"job:{his}", "No Good"):
            with pytest.raises(jindu.Problem):
                await client.subscribe(wrong)
        line.cut()
        line.mend()
        await reader.until(lambda message: message["type"] == "subscription")  # again, by itself
        for event in ("other_events", "test_events"):
            async with alice.post(f"/api/v1/events/{event}", json={"text": "你好"}) as response:
                assert response.status == 200
        told = await reader.until(lambda message: message["type"] == "event")
        assert (told["event"], told["data"]) == ("test_events", {"text": "你好"})
        await client.ping()
        assert reader.count("event") == 1


async def test_many_subscriptions_are_made_again_within_the_servers_limits(line: Line, alice: Client) -> None:
    names = [f"event_{number}" for number in range(90)]
    async with jindu.Client(line.url, token_of(alice)) as client:
        reader = Reader(client)
        await client.subscribe(*names)
        line.cut()
        line.mend()
        await reader.until(lambda message: message["type"] == "subscription" and message["events"] == names)
        async with alice.post(f"/api/v1/events/{names[-1]}", json=1) as response:
            assert response.status == 200
        await reader.until(lambda message: message["type"] == "event")


async def test_kept_messages_come_once_each_through_cut_lines(line: Line, alice: Client) -> None:
    async with jindu.Client(line.url, token_of(alice)) as client:
        reader = Reader(client)
        await reader.until(lambda message: message["type"] == "jobs")
        for number in range(5):
            line.cut()
            job_id = (await begin(alice, title=f"job {number}"))["job_id"]
            await push(alice, job_id, state="succeeded")
            line.mend()
            await reader.until(
                lambda message, id_=job_id: message.get("job_id") == id_ and message["state"] == "succeeded"
            )
        kept = [message["offset"] for message in reader.seen if "offset" in message and message["type"] == "job"]
        assert kept == list(range(1, 11))
        connections = [message for message in reader.seen if message["type"] == "connection"]
        assert all(message["recovered"] for message in connections[1:])
        history = await client.history((connections[0]["epoch"], 4), limit=3)
        assert [message["offset"] for message in history["messages"]] == [5, 6, 7]
        assert history["recovered"]


async def test_a_program_that_remembers_its_position_goes_on_from_there(server: Server, alice: Client) -> None:
    async with jindu.Client(server.url, token_of(alice)) as client:
        hello = await anext(client.messages())
    job_id = (await begin(alice))["job_id"]
    await push(alice, job_id, state="succeeded")
    async with jindu.Client(server.url, token_of(alice), since=(hello["epoch"], hello["offset"])) as client:
        messages = client.messages()
        again = await anext(messages)
        assert (again["recovered"], again["missed"]) == (True, 2)
        assert [(await anext(messages))["state"] for _ in range(2)] == ["running", "succeeded"]
        late = client.messages()  # beside the first: told where we stand, and what is going on
        assert (await anext(late))["offset"] == hello["offset"] + 2
        assert [job["job_id"] for job in (await anext(late))["jobs"]] == [job_id]


async def test_nothing_is_missed_through_a_killed_server(tmp_path: Path) -> None:
    process = ServerProcess(tmp_path / "data")
    await asyncio.to_thread(process.start)
    try:
        async with await signed_in(process) as session, jindu.Client(process.url, token_of(session)) as client:
            reader = Reader(client)
            await reader.until(lambda message: message["type"] == "jobs")
            job_id = await demonstrate(session, seconds=2, total=1000)
            await reader.until(lambda message: message.get("progress", 0) > 50)
            await asyncio.to_thread(process.kill)
            await asyncio.to_thread(process.start)
            done = await reader.until(lambda message: message.get("state") == "succeeded", seconds=60)
            assert (done["job_id"], done["attempt"]) == (job_id, 2)
            kept = [message["state"] for message in reader.seen if "offset" in message and message["type"] == "job"]
            assert kept == ["queued", "running", "queued", "running", "succeeded"]
            moved = [message["revision"] for message in reader.seen if "job_id" in message]
            assert moved == sorted(moved)
    finally:
        await asyncio.to_thread(process.kill)


async def test_a_slow_reader_gets_the_newest_progress_and_every_kept_message(server: Server, alice: Client) -> None:
    async with jindu.Client(server.url, token_of(alice)) as client:
        messages = client.messages()
        assert (await anext(messages))["type"] == "connection"
        assert (await anext(messages))["type"] == "jobs"
        job_id = (await begin(alice, total=30))["job_id"]
        watching = Reader(client)
        for number in range(1, 31):
            moved = await push(alice, job_id, progress=number)
        await push(alice, job_id, state="succeeded")
        await watching.until(lambda message: message.get("state") == "succeeded")
        waiting = [await anext(messages) for _ in range(3)]
        assert [message["state"] for message in waiting if "offset" in message] == ["running", "succeeded"]
        assert waiting[1]["progress"] == moved["progress"] == 30


async def test_watch_follows_one_job_to_its_end_through_cut_lines(line: Line, alice: Client, admin: Client) -> None:
    job_id = (await begin(alice, total=3))["job_id"]
    async with jindu.Client(line.url, token_of(admin)) as client:  # not the owner: by subscription
        seen: list[Json] = []
        async with asyncio.timeout(60):
            async for job in client.watch(job_id):
                seen.append(job)
                if job["progress"] == 3:
                    await push(alice, job_id, state="succeeded")
                elif job["state"] == "running":
                    line.cut()
                    await push(alice, job_id, progress=job["progress"] + 1)
                    line.mend()
        assert [job["progress"] for job in seen] == [0, 1, 2, 3, 3]
        assert seen[-1]["state"] == "succeeded"


async def test_nobody_watches_what_is_not_theirs(server: Server, alice: Client, bob: Client) -> None:
    job_id = (await begin(alice))["job_id"]
    async with jindu.Client(server.url, token_of(bob)) as client:
        with pytest.raises(jindu.Problem, match="not yours"):
            await anext(client.watch(job_id))
        with pytest.raises(jindu.Problem, match="not yours"):
            await client.find_job(job_id)
        assert await client.jobs() == []


async def test_a_revoked_token_ends_it_with_a_clear_error(server: Server, alice: Client) -> None:
    async with alice.post("/api/v1/tokens", json={"name": "short-lived"}) as response:
        made = await response.json()
    async with jindu.Client(server.url, made["token"]) as client:
        reader = Reader(client)
        await client.ping()
        async with alice.delete(f"/api/v1/tokens/{made['id']}") as response:
            assert response.status < 300
        with pytest.raises(jindu.Closed, match="signed out") as closed:
            await reader.end()
        assert closed.value.code == 4500
        with pytest.raises(jindu.Closed):
            await client.ping()


async def test_a_client_of_the_same_name_takes_its_place(server: Server, alice: Client) -> None:
    async with (
        jindu.Client(server.url, token_of(alice), client_id="etl") as first,
        jindu.Client(server.url, token_of(alice), client_id="etl") as second,
    ):
        reader = Reader(first)
        await first.ping()
        await second.ping()
        with pytest.raises(jindu.Closed) as closed:
            await reader.end()
        assert closed.value.code == 4501
        await second.ping()


async def test_a_wrong_token_is_refused_at_once(server: Server) -> None:
    async with jindu.Client(server.url, "wrong") as client:
        with pytest.raises(jindu.Problem, match="not known here") as refused:
            await anext(client.messages())
        assert refused.value.status == 401


async def test_a_line_that_went_dead_is_noticed_and_replaced(line: Line, alice: Client) -> None:
    async with jindu.Client(line.url, token_of(alice), ping_seconds=0.5) as client:
        reader = Reader(client)
        await reader.until(lambda message: message["type"] == "jobs")
        line.stall()
        job_id = (await begin(alice))["job_id"]
        await asyncio.wait_for(until_down(client), 20)
        line.cut()
        line.flow()
        line.mend()
        await reader.until(lambda message: message.get("job_id") == job_id, seconds=40)


async def until_down(client: jindu.Client) -> None:
    while client.is_connected:
        await asyncio.sleep(0.05)


async def test_who_gives_up_says_that_the_server_is_away() -> None:
    async with jindu.Client("http://127.0.0.1:9", "t") as client:
        with pytest.raises(jindu.Unreachable, match=r"cannot be reached"):
            await anext(client.messages(give_up_seconds=0.2))


async def test_closing_ends_the_reading(server: Server, alice: Client) -> None:
    client = jindu.Client(server.url, token_of(alice))
    reader = Reader(client)
    await client.ping()
    await client.close()
    with pytest.raises(jindu.Closed, match="closed by this program"):
        await reader.end()


Script = Callable[[web.WebSocketResponse, web.Request], Any]


@pytest.fixture
async def scripted() -> AsyncIterator[Callable[[Script], Any]]:
    """A peer that speaks the protocol as told, connection by connection: for what the server does seldom."""
    runners: list[web.AppRunner] = []

    async def serve(script: Script) -> str:
        async def handle(request: web.Request) -> web.WebSocketResponse:
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await script(socket, request)
            return socket

        app = web.Application()
        app.router.add_get("/ws/{client_id}", handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0]
        return f"http://{host}:{port}"

    yield serve
    for runner in runners:
        await runner.cleanup()


async def test_a_draining_server_chooses_when_its_clients_come_back(scripted: Callable[[Script], Any]) -> None:
    came: list[float] = []

    async def drain_once(socket: web.WebSocketResponse, request: web.Request) -> None:
        came.append(time.monotonic())
        await socket.send_json(HELLO)
        if len(came) == 1:
            await socket.close(code=4000, message=b"draining; retry in 0.2 s")
        async for _ in socket:
            pass

    async with jindu.Client(await scripted(drain_once), "t") as client:
        reader = Reader(client)
        await reader.until(is_connection(2))
    assert came[1] - came[0] < 10


async def test_what_cannot_be_recovered_whole_is_told_with_a_snapshot(scripted: Callable[[Script], Any]) -> None:
    asked: list[str] = []
    fields = {"job_id": "j", "state": "running", "kind": "external"}

    async def forget(socket: web.WebSocketResponse, request: web.Request) -> None:
        asked.append(request.query.get("since", ""))
        if len(asked) == 1:
            await socket.send_json([HELLO | {"offset": 7}, {"type": "job", "revision": 9, **fields, "offset": 8}])
            await socket.send_json({"type": "job", "revision": 10, **fields})
            await socket.send_json({"type": "job", "revision": 9, **fields})  # late
            await socket.close(code=1012)
        elif len(asked) == 2:  # cut off among the missed ones
            await socket.send_json(HELLO | {"offset": 10, "recovered": True, "missed": 2})
            await socket.send_json({"type": "job", "revision": 11, **fields, "offset": 9})
            await socket.close(code=4001)
        else:
            await socket.send_json(HELLO | {"epoch": "new", "offset": 0})
            async for message in socket:
                if message.json()["type"] == "jobs":
                    await socket.send_json({"type": "jobs", "jobs": [{**fields, "revision": 3}]})

    async with jindu.Client(await scripted(forget), "t") as client:
        reader = Reader(client)
        snapshot = await reader.until(lambda message: message["type"] == "jobs")
    assert asked == ["", "e:8", "e:9"]
    assert snapshot["jobs"] == [{**fields, "revision": 3}]  # of a new life: older figures do not count against it
    told = [message.get("revision") for message in reader.seen if message["type"] == "job"]
    assert told == [9, 10, 11]
    assert [message["recovered"] for message in reader.seen if message["type"] == "connection"] == [False, True, False]


async def test_a_subscription_that_is_gone_takes_no_other_with_it(scripted: Callable[[Script], Any]) -> None:
    connections = 0

    async def lose_one(socket: web.WebSocketResponse, request: web.Request) -> None:
        nonlocal connections
        connections += 1
        await socket.send_json(HELLO)
        async for message in socket:
            command = message.json()
            if command["type"] != "subscribe":
                continue
            if connections > 1 and "gone" in command["events"]:
                answer = {"type": "error", "code": "not_found", "message": "gone"}
            else:
                answer = {"type": "subscription", "status": "subscribed", "events": command["events"]}
            await socket.send_json(answer | {"id": command["id"]})
            if connections == 1:
                await socket.close(code=1012)

    async with jindu.Client(await scripted(lose_one), "t") as client:
        reader = Reader(client)
        await client.subscribe("first", "gone", "last")
        await reader.until(lambda message: message.get("events") == ["last"])
    assert [message["events"] for message in reader.seen if message["type"] == "subscription"] == [["first"], ["last"]]
