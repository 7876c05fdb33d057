"""The real server, as `run.py serve` starts it, with a thousand people signed in and commands for the benchmarks.

    python -m tests.benchmarks.live.jindu_server DATA [trace] [people=10000]

Writes the people's cookies into `DATA/cookies`. What is measured is caused by the calls that pages and API make.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import uvloop
from aiohttp import web
from cryptography.fernet import Fernet

from server.app.parts import Parts
from server.app.process import made_parts, prepare
from server.app.web import build_app
from server.auth.permissions import Principal, Role
from server.auth.users import User
from server.clock import new_id, rfc3339_now, utc_now
from server.garbage import tune_garbage_collector
from server.http.front_door import FrontDoor
from server.http.parts import PARTS
from server.http.sessions import COOKIE
from server.metrics import LoopLag
from server.realtime import codec, protocol
from server.settings import Settings
from tests.benchmarks.live.peers import control
from tests.static_cache import STATIC_CACHE
from tests.waiting import flushed

EVENT = "bench"
PEOPLE = 1_000
_SIGNED_IN = 1_000  # at most: each is a transaction


async def main(data: Path, *, people: int, is_traced: bool) -> None:
    secret_key = Fernet.generate_key()
    settings = _settings(data, secret_key.decode())
    prepare(settings)
    parts = made_parts(settings)
    app = build_app(parts)
    runner = web.AppRunner(app, access_log=None)
    door = FrontDoor(runner)
    async with parts.open():
        await runner.setup()
        await door.open()
        # As after its first minute: what packs files takes a core and 16 MB meanwhile, which is nobody's connection.
        await app[PARTS].static_files.pack()
        user_ids = await _sign_everybody_in(parts, Fernet(secret_key), data / "cookies", people)
        tune_garbage_collector()
        if is_traced:
            tracemalloc.start(1)
        control.say(port=int(door.urls[0].rpartition(":")[2]))
        await control.obey(Commands(parts, user_ids).by_name)
        await door.close()


def _settings(data: Path, secret_key: str) -> Settings:
    """Only what stands in the way of a load from few addresses differs from the defaults."""
    return Settings(
        port=0,
        log_level="warning",
        data=data,
        secret_key=secret_key,
        max_connections=19_000,
        max_connections_per_address=19_000,
        max_sockets=19_000,
        max_sockets_per_address=19_000,
        max_connections_per_user=19_000,
        workers=1,
        drain_seconds=1.0,
        static_cache=str(STATIC_CACHE),
    )


async def _sign_everybody_in(parts: Parts, key: Fernet, cookies: Path, people: int) -> list[str]:
    """Their ids. The passwords are no hashes: nobody signs in by one, and to make a thousand takes a minute."""
    credentials = parts.auth.credentials
    users = [
        User(id=new_id(), name=f"user{number}", role=Role.EDITOR, password_hash="-", created_at=utc_now())
        for number in range(people)
    ]
    async with parts.storage.database.write() as connection:
        for user in users:
            await credentials.users.add(connection, user)
    with cookies.open("w") as file:
        for user in users[:_SIGNED_IN]:
            _, secret = await credentials.sessions.start(user.id, user_agent="benchmark", address="127.0.0.1")
            content = json.dumps({"created": int(time.time()), "session": {"secret": secret}})
            file.write(f"{COOKIE}={key.encrypt(content.encode()).decode()}\n")
    return [user.id for user in users]


class Commands:
    """What the harness can ask for."""

    def __init__(self, parts: Parts, user_ids: list[str]) -> None:
        self._parts = parts
        self._manager = parts.realtime.manager
        self._announcing = parts.live.announcing
        self._user_ids = user_ids
        self._admin = Principal(user_id=user_ids[0], user_name="user0", role=Role.ADMIN, language="en")
        self.by_name: dict[str, control.Command] = {
            "broadcast": self.broadcast,
            "coalesced": self.coalesced,
            "everybody": self.everybody,
            "jobs": self.jobs,
            "statistics": self.statistics,
            "census": self.census,
            "memory": self.memory,
        }

    async def broadcast(self, rounds: int, size: int) -> dict[str, Any]:
        """One event after another, each once the one before was handed to all sockets."""
        return await self._published(rounds, size, at_once=1)

    async def coalesced(self, rounds: int, size: int, count: int) -> dict[str, Any]:
        """`count` messages published at once, so many times."""
        return await self._published(rounds, size, at_once=count)

    async def _published(self, rounds: int, size: int, *, at_once: int) -> dict[str, Any]:
        async def work() -> None:
            for _ in range(rounds):
                for _ in range(at_once):
                    self._announcing.publish(EVENT, data_of(size))
                await flushed(self._manager)

        async with watched() as lag:
            used = await control.measured(work())
        return used | {"lag": asdict(lag.statistics())}

    async def everybody(self, rounds: int) -> dict[str, Any]:
        """An administrator tells everybody something, so many times; and the loop's lag meanwhile."""
        connections, people = self._parts.operations.connections, 0

        async def work() -> None:
            nonlocal people
            for number in range(rounds):
                people = await connections.broadcast(
                    self._admin,
                    title=f"Back at {number}",
                    body="We are moving to the new machine.",
                    level="info",
                    url="",
                )
                await flushed(self._manager)

        async with watched() as lag:
            used = await control.measured(work())
        return used | {"people": people, "lag": asdict(lag.statistics())}

    async def jobs(self, count: int, seconds: int) -> dict[str, Any]:
        """So many jobs of as many people run for so long; how often they moved, and the loop's lag meanwhile."""
        moves = 0

        def count_moves(*_: object) -> None:
            nonlocal moves
            moves += 1

        self._parts.jobs.table.listen(count_moves)
        async with watched() as lag:
            job_ids = [await self._start_job(self._user_ids[number], seconds) for number in range(count)]
            moves = 0  # from when all of them run
            began, began_cpu = time.monotonic(), time.process_time()
            while any(not self._is_over(job_id) for job_id in job_ids):
                await asyncio.sleep(0.1)
            wall = time.monotonic() - began
        used = {"wall": wall, "cpu": time.process_time() - began_cpu, "moves": moves}
        return used | {"lag": asdict(lag.statistics())} | await self.statistics()

    async def _start_job(self, owner_id: str, seconds: int) -> str:
        job = await self._parts.jobs.runner.start(
            "demonstration",
            owner_id=owner_id,
            title="Nightly import of sales",
            parameters={"seconds": seconds, "total": seconds * 1_000_000},
        )
        return job.id

    def _is_over(self, job_id: str) -> bool:
        job = self._parts.jobs.table.get(job_id)
        return job is None or job.state.is_final

    async def statistics(self) -> dict[str, Any]:
        return {"connections": asdict(self._manager.statistics())}

    async def census(self) -> dict[str, Any]:
        """What must not grow: tasks, timers, file descriptors, and the objects of the live layer."""
        in_cycles = gc.collect()
        kinds = Counter(type(thing).__name__ for thing in gc.get_objects())
        return {
            "tasks": len(asyncio.all_tasks()),
            "files": len(os.listdir("/proc/self/fd")),
            "timers": kinds["TimerHandle"],
            "connections": kinds["Connection"],
            "links": kinds["SocketLink"],
            "sockets": kinds["LateSocket"],
            "requests": kinds["Request"],
            "objects": sum(kinds.values()),
            "in cycles": in_cycles,  # since the last census: what only the collector could free
        }

    async def memory(self) -> dict[str, Any]:
        """What is allocated by now, by the package that asked for it; only of a traced server."""
        gc.collect()
        if not tracemalloc.is_tracing():
            return {}
        sizes: Counter[str] = Counter()
        for statistic in tracemalloc.take_snapshot().statistics("filename"):
            sizes[_part_of(statistic.traceback[0].filename)] += statistic.size
        return {"bytes": sizes}


@asynccontextmanager
async def watched() -> AsyncIterator[LoopLag]:
    lag = LoopLag()
    watching = asyncio.create_task(lag.watch())
    yield lag
    watching.cancel()


def data_of(size: int) -> str:
    """What makes a message whose JSON is `size` bytes long."""
    empty = protocol.Event(timestamp=rfc3339_now(), event=EVENT, data="")
    return "x" * (size - len(codec.encode(empty)))


def _part_of(file_name: str) -> str:
    """`…/site-packages/aiohttp/web_request.py` → `aiohttp/web_request.py`."""
    for before in ("site-packages/", "/server/", "/lib/python3.11/"):
        found = file_name.rpartition(before)
        if found[1]:
            return f"server/{found[2]}" if before == "/server/" else found[2]
    return file_name


if __name__ == "__main__":
    control.raise_file_limit()
    options = dict(option.partition("=")[::2] for option in sys.argv[2:])
    people = int(options.get("people", PEOPLE))
    uvloop.run(main(Path(sys.argv[1]), people=people, is_traced="trace" in options))
