"""Who is at work while things go wrong: people with a line and watchers of their own, and what they do till the end."""

from __future__ import annotations

import asyncio
import os
import time
import traceback
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from tests.benchmarks.trouble.caller import Caller
from tests.benchmarks.trouble.checking import check_watcher
from tests.benchmarks.trouble.ledger import Harm
from tests.benchmarks.trouble.news import News
from tests.benchmarks.trouble.patience import PATIENCE
from tests.benchmarks.trouble.person import Person
from tests.benchmarks.trouble.rounds import IsWell
from tests.benchmarks.trouble.watcher import Watcher
from tests.browser.line import Line
from tests.waiting import until

MINUTES = float(os.environ.get("MINUTES", "5"))
SEED = os.environ.get("SEED", "1")
NAMES = ("anna", "bela", "chen", "dina")
_LIVES_SECONDS = 15.0
_FINISH_SECONDS = 300.0 * PATIENCE
_PASSWORD = "correct-horse-faults"


class HasLines(Protocol):
    async def new_line(self) -> Line: ...


class Breaking(Protocol):
    """What goes wrong, one thing after another, until that moment."""

    async def run(self, until: float) -> None: ...


class Crew:
    """`hops` are addresses of nodes: with them each person has one more device, which goes from one to the next."""

    def __init__(self, stack: AsyncExitStack, admin: Caller, *, folder: Path, hops: Sequence[str] = ()) -> None:
        self.admin = admin
        self.people: list[Person] = []
        self.devices: dict[str, list[Watcher]] = {}  # by the name of their person
        self.finishing = asyncio.Event()
        self.news = News(admin)
        self._stack = stack
        self._folder = folder
        self._hops = hops

    @property
    def watchers(self) -> list[Watcher]:
        return [watcher for devices in self.devices.values() for watcher in devices]

    async def settle_in(self, lines: HasLines) -> None:
        """New users with a line of their own and devices that watch; returns when all of these do."""
        for name in NAMES:
            body = {"username": name, "password": _PASSWORD, "role": "editor"}
            await self.admin("POST", "/api/v1/admin/users", "users made", ok=(201,), json=body)
            line = await lines.new_line()
            session = await token_holder(self._stack, line.url, name, _PASSWORD)
            self.devices[name] = self._devices(name, line.url, session)
            call = Caller(session, self.admin.ledger, name=name)
            self.people.append(Person(call, self.devices[name][0].client, seed=SEED, folder=self._folder))
        await self._stack.enter_async_context(meanwhile(*(watcher.run() for watcher in self.watchers)))
        await until(lambda: all(watcher.position for watcher in self.watchers), seconds=60)

    def _devices(self, name: str, url: str, session: aiohttp.ClientSession) -> list[Watcher]:
        kinds: list[tuple[str, list[str], float | None]] = [("steady", [url], None), ("again", [url], _LIVES_SECONDS)]
        if self._hops:
            kinds.append(("hopping", [url, *self._hops], _LIVES_SECONDS / 5))
        token = session.headers["Authorization"].removeprefix("Bearer ")
        return [
            Watcher(
                urls,
                token,
                self.admin.ledger,
                name=f"{name}-{device}",
                seed=SEED,
                finishing=self.finishing,
                lives_seconds=lives_seconds,
            )
            for device, urls, lives_seconds in kinds
        ]

    async def work_through(self, breaking: Breaking) -> None:
        """For so many minutes, and until everybody has finished what they began."""
        end = time.monotonic() + MINUTES * 60
        ledger = self.admin.ledger
        working = [asyncio.create_task(person.work(end), name=person.name) for person in self.people]
        try:
            await breaking.run(end)
            _, left = await asyncio.wait(working, timeout=_FINISH_SECONDS)
            for task in left:
                ledger.harmed(Harm.LOST, "people", f"{task.get_name()} still waits for something: {task.get_stack()}")
        finally:
            for task in working:
                task.cancel()
            for outcome in await asyncio.gather(*working, return_exceptions=True):
                if isinstance(outcome, Exception):
                    *_, where = traceback.extract_tb(outcome.__traceback__)
                    ledger.harmed(Harm.WRONG, "people", f"{outcome!r} in {where.filename}:{where.lineno}")

    def is_well(self) -> IsWell:
        """Requests are taken, something is stored, and everybody who watches and stays is connected."""

        async def is_well() -> bool:
            timeout = aiohttp.ClientTimeout(total=20)
            try:
                async with self.admin.session.post("/api/v1/events/well", json={}, timeout=timeout) as response:
                    is_stored = response.status == 200
            except (aiohttp.ClientError, TimeoutError, OSError):
                return False
            staying = [watcher for watcher in self.watchers if not watcher.hops and not watcher.gave_up]
            return is_stored and all(watcher.client.is_connected for watcher in staying)

        return is_well

    async def check_watchers(self) -> None:
        ledger = self.admin.ledger
        for person in self.people:
            now = await person.client.history(limit=1)
            stands = now["epoch"], now["offset"]
            for watcher in self.devices[person.name]:
                try:
                    await until(lambda watcher=watcher, stands=stands: watcher.position == stands, seconds=30)
                except AssertionError:
                    ledger.harmed(Harm.LOST, "kept messages", f"{watcher.name} has {watcher.position} of {stands}")
                check_watcher(watcher, person, self.news.told, ledger)


async def token_holder(stack: AsyncExitStack, url: str, name: str, password: str) -> aiohttp.ClientSession:
    credentials = {"username": name, "password": password, "name": "faults"}
    async with aiohttp.ClientSession(url) as anonymous, anonymous.post("/api/v1/tokens", json=credentials) as response:
        assert response.status == 201, await response.text()
        headers = {"Authorization": f"Bearer {(await response.json())['token']}"}
    return await stack.enter_async_context(aiohttp.ClientSession(url, headers=headers))


@asynccontextmanager
async def meanwhile(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
