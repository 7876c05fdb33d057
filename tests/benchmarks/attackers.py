"""What somebody who means harm does to the server on this machine, one attack at a time, bounded in count and time.

`python -m tests.benchmarks.attackers NAME URL TOKEN SECONDS`: in a process of its own, so that the measuring client
does not wait for the attacker. URL is on the loopback address.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import aiohttp

Attack = Callable[["Attacker"], Awaitable[None]]
ATTACKS: dict[str, Attack] = {}


class Attacker:
    """Who attacks, and until when."""

    def __init__(self, url: str, token: str, seconds: float) -> None:
        parts = urlsplit(url)
        assert parts.hostname == "127.0.0.1", "only this machine"
        self.url, self.token = url, token
        self.address = (parts.hostname, parts.port or 80)
        self.until = time.monotonic() + seconds

    @property
    def goes_on(self) -> bool:
        return time.monotonic() < self.until

    def session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=0)
        return aiohttp.ClientSession(self.url, headers={"Authorization": f"Bearer {self.token}"}, connector=connector)

    async def repeat(self, times_at_once: int, once: Callable[[aiohttp.ClientSession], Awaitable[None]]) -> None:
        """`once` over and over, so many at a time."""
        async with self.session() as client:

            async def lane() -> None:
                while self.goes_on:
                    with contextlib.suppress(aiohttp.ClientError, OSError, asyncio.TimeoutError):
                        await once(client)

            lanes = [asyncio.create_task(lane()) for _ in range(times_at_once)]
            await asyncio.wait(lanes, timeout=max(0.0, self.until - time.monotonic()))
            for task in lanes:
                task.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)

    async def hold_sockets(self, count: int, first_bytes: bytes, *, drip: bytes = b"") -> None:
        """Open `count` connections from an address of their own, send a beginning, then one drip a second at most."""
        held: list[socket.socket] = []
        while self.goes_on:
            while len(held) < count and self.goes_on and (one := self._opened(first_bytes)) is not None:
                held.append(one)
            await asyncio.sleep(1)
            held = [one for one in held if _lives(one, drip)]
        for one in held:
            one.close()

    def _opened(self, first_bytes: bytes) -> socket.socket | None:
        one = socket.socket()
        one.settimeout(1)
        try:
            one.bind(("127.0.0.9", 0))
            one.connect(self.address)
            one.sendall(first_bytes)
        except OSError:
            one.close()
            return None
        one.setblocking(False)
        return one


def _lives(one: socket.socket, drip: bytes) -> bool:
    """Whether the server still keeps it, after one more drip."""
    try:
        if drip:
            one.send(drip)
        is_open = one.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True
    except OSError:
        is_open = False
    if not is_open:
        one.close()
    return is_open


def attack(name: str) -> Callable[[Attack], Attack]:
    def listed(function: Attack) -> Attack:
        ATTACKS[name] = function
        return function

    return listed


def _preview(expression: str) -> dict[str, object]:
    return {"format": "html", "source": f'title: t\nblocks:\n  - heading: "{expression}"\n'}


async def _post(client: aiohttp.ClientSession, path: str, body: object) -> None:
    async with client.post(path, json=body) as response:
        await response.read()
        if response.status in (429, 503):
            await asyncio.sleep(0.2)


@attack("a template that the compiler would fold")
async def fold(attacker: Attacker) -> None:
    body = _preview("{{ [1]|batch(250000000,'x')|list|length }}")
    await attacker.repeat(4, lambda client: _post(client, "/api/v1/templates/x/preview", body))


@attack("queries with 100 MB answers")
async def large_answers(attacker: Attacker) -> None:
    body = {"sql": "select range(300) from range(100000)", "limit": 100_000}
    await attacker.repeat(4, lambda client: _post(client, "/api/v1/queries", body))


@attack("queries without end")
async def endless(attacker: Attacker) -> None:
    body = {"sql": "select count(*) from range(100000000000) a"}
    await attacker.repeat(8, lambda client: _post(client, "/api/v1/queries", body))


@attack("large answers that nobody reads")
async def unread(attacker: Attacker) -> None:
    body = {"sql": "select repeat('x', 300) from range(60000)", "limit": 100_000}

    async def once(client: aiohttp.ClientSession) -> None:
        async with client.post("/api/v1/queries", json=body):
            await asyncio.sleep(max(0.0, attacker.until - time.monotonic()))

    await attacker.repeat(20, once)


@attack("a template with 7,000 faults")
async def faults(attacker: Attacker) -> None:
    source = "title: t\nblocks:\n" + "".join(f"  - nonsense{number}: 1\n" for number in range(7_000))

    async def once(client: aiohttp.ClientSession) -> None:
        headers = {"Content-Type": "application/yaml"}
        async with client.post("/api/v1/templates/x/check", data=source, headers=headers) as response:
            await response.read()

    await attacker.repeat(4, once)


@attack("1,500 silent sockets")
async def silent(attacker: Attacker) -> None:
    await attacker.hold_sockets(1_500, b"")


@attack("1,500 sockets with half a header")
async def half_headers(attacker: Attacker) -> None:
    await attacker.hold_sockets(1_500, b"GET / HTTP/1.1\r\nHost: x\r\nX: ", drip=b"y")


@attack("500 slow bodies at the sign-in")
async def slow_bodies(attacker: Attacker) -> None:
    kind = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9999\r\n\r\n"
    await attacker.hold_sockets(500, b"POST /login HTTP/1.1\r\nHost: x\r\n" + kind, drip=b"y")


@attack("sign-ins by guessing")
async def guesses(attacker: Attacker) -> None:
    async def once(client: aiohttp.ClientSession) -> None:
        body = {"username": "admin", "password": os.urandom(6).hex(), "name": "x"}
        async with client.post("/api/v1/tokens", json=body, headers={"Authorization": ""}) as response:
            await response.read()

    await attacker.repeat(20, once)


@attack("malformed requests and bad cookies")
async def nonsense(attacker: Attacker) -> None:
    async def once(_client: aiohttp.ClientSession) -> None:
        for raw in (
            b"NONSENSE\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nCookie: jindu=zzz; AIOHTTP_SESSION=zzz\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection(*attacker.address, local_addr=("127.0.0.9", 0))
            writer.write(raw)
            await asyncio.wait_for(reader.read(1000), 5)
            writer.close()

    await attacker.repeat(10, once)


@attack("frames without end on 20 WebSockets")
async def frames(attacker: Attacker) -> None:
    async def once(client: aiohttp.ClientSession) -> None:
        async with client.ws_connect(f"/ws/bench-{os.urandom(4).hex()}") as socket_:
            while attacker.goes_on:
                for _ in range(100):
                    await socket_.send_str('{"type":"ping","timestamp":"x"}')
                await asyncio.sleep(0)

    await attacker.repeat(20, once)


async def _get(client: aiohttp.ClientSession, path: str, **headers: str) -> None:
    async with client.get(path, headers=headers) as response:
        await response.read()


@attack("fifty pages at once")
async def pages(attacker: Attacker) -> None:
    await attacker.repeat(50, lambda client: _get(client, "/jobs"))


@attack("sixty strangers' pages at once")
async def strangers_pages(attacker: Attacker) -> None:
    await attacker.repeat(60, lambda client: _get(client, "/login", Authorization=""))


@attack("sixty requests at once with tokens that are none")
async def bogus_tokens(attacker: Attacker) -> None:
    await attacker.repeat(60, lambda client: _get(client, "/api/v1/me", Authorization=f"Bearer {os.urandom(16).hex()}"))


@attack("a thousand kept messages for 18 sockets, again and again")
async def history(attacker: Attacker) -> None:
    async def begin_and_end(client: aiohttp.ClientSession) -> None:
        await _post(client, "/api/v1/jobs/demonstration", {"seconds": 0, "total": 1})

    async with attacker.session() as client:
        await asyncio.gather(*(begin_and_end(client) for _ in range(400)))

    async def once(client: aiohttp.ClientSession) -> None:
        async with client.ws_connect(f"/ws/bench-{os.urandom(4).hex()}", max_msg_size=0) as socket_:
            for _ in range(40):
                await socket_.send_str('{"type":"history","limit":1000}')
            async for _ in socket_:
                if not attacker.goes_on:
                    return

    await attacker.repeat(18, once)


@attack("450 bodies of a megabyte that do not end")
async def endless_bodies(attacker: Attacker) -> None:
    kind = b"Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
    await attacker.hold_sockets(450, b"POST /api/v1/tokens HTTP/1.1\r\nHost: x\r\n" + kind + b"x" * 900_000)


@attack("450 large files that nobody reads")
async def unread_files(attacker: Attacker) -> None:
    path = b"/static/vendor/echarts-6.0.0/echarts.min.js"
    await attacker.hold_sockets(450, b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path)


@attack("previews of a wide sparse sheet")
async def previews(attacker: Attacker) -> None:
    form = ",".join(f"c{number}" for number in range(1_000)) + "\n"
    content = form + (",".join("x" * 400 for _ in range(1_000)) + "\n") * 50
    async with attacker.session() as client:
        data = aiohttp.FormData()
        data.add_field("file", content.encode(), filename="wide.csv")
        async with client.post("/api/v1/uploads", data=data) as response:
            upload_id = (await response.json())["id"]

    async def once(client: aiohttp.ClientSession) -> None:
        async with client.get(f"/api/v1/uploads/{upload_id}/preview") as response:
            await response.read()

    await attacker.repeat(6, once)


if __name__ == "__main__":
    name, url, token, seconds = sys.argv[1:]
    asyncio.run(ATTACKS[name](Attacker(url, token, float(seconds))))  # type: ignore[arg-type]
