"""People at work for minutes, while everything around the server goes wrong: nothing is lost, nothing is there twice.

MINUTES=1 SEED=7 make bench BENCH=tests/benchmarks/faults.py
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.benchmarks.trouble.caller import Caller
from tests.benchmarks.trouble.checking import check_data, check_person, check_watcher, wait_until_quiet
from tests.benchmarks.trouble.injecting import SILENCE_SECONDS, Faults, IsWell
from tests.benchmarks.trouble.ledger import Harm, Ledger
from tests.benchmarks.trouble.machine import Machine
from tests.benchmarks.trouble.moved_clock import NO_COMPILER, moved_clock
from tests.benchmarks.trouble.news import News
from tests.benchmarks.trouble.person import Person
from tests.benchmarks.trouble.record import Looker, check_record
from tests.benchmarks.trouble.watcher import Watcher
from tests.functional.small_disk import SmallDisk, small_disk
from tests.process import ServerProcess
from tests.waiting import until

_MINUTES = float(os.environ.get("MINUTES", "5"))
_SEED = os.environ.get("SEED", "1")
_NAMES = ("anna", "bela", "chen", "dina")
_MIB = 1024 * 1024
_DISK_MIB = 600
_LIVES_SECONDS = 15.0
_FINISH_SECONDS = 300.0
_PASSWORD = "correct-horse-faults"
_SETTINGS = {
    "JINDU_WORKERS": "2",
    "JINDU_WORKER_SILENCE_SECONDS": str(SILENCE_SECONDS),
    "JINDU_MIN_FREE_BYTES": str(8 * _MIB),
    "JINDU_RESERVE_BYTES": str(8 * _MIB),
    "JINDU_JOB_RETRY_SECONDS": "2",
    "JINDU_DRAIN_SECONDS": "3",
}

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(_MINUTES * 60 + 1_200)]


async def test_nothing_is_lost_and_nothing_is_there_twice(tmp_path: Path) -> None:
    ledger = Ledger()
    with ExitStack() as stack:
        disk = _small_disk(stack, tmp_path / "disk", ledger)
        clock = moved_clock(tmp_path)
        if clock is None:
            ledger.notes[NO_COMPILER] += 1
        server = ServerProcess(tmp_path / "disk" / "data", environ=_SETTINGS | (clock.environ if clock else {}))
        machine = Machine(server, disk=disk, clock=clock)
        try:
            await machine.start()
            await _go_through(machine, ledger, tmp_path)
        finally:
            await machine.close()
            (tmp_path / "server.log").write_text("\n".join(server.log))
            print(f"\nSEED={_SEED} MINUTES={_MINUTES:g}; the server's log: {tmp_path / 'server.log'}")
            for line, times in Counter(_without_time(line) for line in server.log if " ERROR " in line).most_common(20):
                print(f"{times} × {line}")
            ledger.show()
    count = len(ledger.problems)
    assert count == 0, f"{count} lost, twice or wrong (SEED={_SEED}), see above"


def _without_time(line: str) -> str:
    return line.partition(" ")[2]


def _small_disk(stack: ExitStack, path: Path, ledger: Ledger) -> SmallDisk | None:
    try:
        return stack.enter_context(small_disk(path, mib=_DISK_MIB))
    except pytest.skip.Exception as why:
        ledger.notes[str(why)] += 1
        return None


async def _go_through(machine: Machine, ledger: Ledger, folder: Path) -> None:
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        admin = Caller(
            await _signed_in(stack, machine.server.url, "admin", "correct-horse-admin"), ledger, name="admin"
        )
        people, watchers, finishing = [], [], asyncio.Event()
        for name in _NAMES:
            person, two = await _settled_in(stack, admin, machine, name, folder=folder, finishing=finishing)
            people.append(person)
            watchers += two
        news, looker = News(admin), Looker(machine.server.url)
        await stack.enter_async_context(_meanwhile(*(watcher.run() for watcher in watchers)))
        await until(lambda: all(watcher.position for watcher in watchers), seconds=60)
        async with _meanwhile(looker.look(), looker.try_in_vain()):
            async with _meanwhile(news.tell()):
                faults = Faults(machine, ledger, seed=_SEED, is_well=_is_well(admin, watchers), finishing=finishing)
                await _work(faults, people, ledger)
            ledger.say("the faults are over, and everybody has finished")
            await wait_until_quiet(admin)
            for person in people:
                await check_person(person)
            await _check_watchers(people, watchers, news, ledger)
            await check_record(admin, machine, looker, watchers, began=began)
    if machine.disk:
        ledger.say(f"{machine.disk.free_bytes / _MIB:.0f} of the disk's {_DISK_MIB} MiB are free")
    await check_data(machine, ledger)


async def _work(faults: Faults, people: list[Person], ledger: Ledger) -> None:
    """For so many minutes, and until everybody has finished what they began."""
    end = time.monotonic() + _MINUTES * 60
    working = [asyncio.create_task(person.work(end), name=person.name) for person in people]
    try:
        await faults.run(end)
        _, left = await asyncio.wait(working, timeout=_FINISH_SECONDS)
        for task in left:
            ledger.harmed(Harm.LOST, "people", f"{task.get_name()} still waits for something: {task.get_stack()}")
    finally:
        for task in working:
            task.cancel()
        for outcome in await asyncio.gather(*working, return_exceptions=True):
            if isinstance(outcome, Exception):
                ledger.harmed(Harm.WRONG, "people", repr(outcome))


async def _settled_in(
    stack: AsyncExitStack, admin: Caller, machine: Machine, name: str, *, folder: Path, finishing: asyncio.Event
) -> tuple[Person, list[Watcher]]:
    """A new user with a line of their own, and two devices that watch."""
    body = {"username": name, "password": _PASSWORD, "role": "editor"}
    await admin("POST", "/api/v1/admin/users", "users made", ok=(201,), json=body)
    line = await machine.new_line()
    session = await _signed_in(stack, line.url, name, _PASSWORD)
    token = session.headers["Authorization"].removeprefix("Bearer ")
    watchers = [
        Watcher(
            line.url,
            token,
            admin.ledger,
            name=f"{name}-{device}",
            seed=_SEED,
            finishing=finishing,
            lives_seconds=lives_seconds,
        )
        for device, lives_seconds in (("steady", None), ("again", _LIVES_SECONDS))
    ]
    person = Person(Caller(session, admin.ledger, name=name), watchers[0].client, seed=_SEED, folder=folder)
    return person, watchers


async def _signed_in(stack: AsyncExitStack, url: str, name: str, password: str) -> aiohttp.ClientSession:
    credentials = {"username": name, "password": password, "name": "faults"}
    async with aiohttp.ClientSession(url) as anonymous, anonymous.post("/api/v1/tokens", json=credentials) as response:
        assert response.status == 201, await response.text()
        headers = {"Authorization": f"Bearer {(await response.json())['token']}"}
    return await stack.enter_async_context(aiohttp.ClientSession(url, headers=headers))


def _is_well(admin: Caller, watchers: list[Watcher]) -> IsWell:
    """It takes requests, stores something, and everybody who watches is connected."""

    async def is_well() -> bool:
        timeout = aiohttp.ClientTimeout(total=20)
        try:
            async with admin.session.post("/api/v1/events/well", json={}, timeout=timeout) as response:
                is_stored = response.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False
        return is_stored and all(watcher.client.is_connected for watcher in watchers)

    return is_well


async def _check_watchers(people: list[Person], watchers: list[Watcher], news: News, ledger: Ledger) -> None:
    for person, first in zip(people, range(0, len(watchers), 2), strict=True):
        now = await person.client.history(limit=1)
        stands = now["epoch"], now["offset"]
        for watcher in watchers[first : first + 2]:
            try:
                await until(lambda watcher=watcher, stands=stands: watcher.position == stands, seconds=30)
            except AssertionError:
                ledger.harmed(Harm.LOST, "kept messages", f"{watcher.name} has {watcher.position} of {stands}")
            check_watcher(watcher, person, news.told, ledger)


@asynccontextmanager
async def _meanwhile(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
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
