"""What is done to the server, one after another, in an order that a seed decides."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import psutil

from tests.benchmarks.trouble.ledger import Ledger
from tests.benchmarks.trouble.machine import Machine
from tests.benchmarks.trouble.rounds import Fault, IsWell, Rounds

SILENCE_SECONDS = 6.0  # of a worker, after which it is replaced
_MOMENT_SECONDS = 5.0
_CLOCK_MOVES = (3_600, -1_800, 90, -90, 20)
_SETTLE_SECONDS = 12.0  # by then it has written that it lives by the new clock


class Faults(Rounds):
    def __init__(
        self, machine: Machine, ledger: Ledger, *, seed: str, is_well: IsWell, finishing: asyncio.Event
    ) -> None:
        super().__init__(ledger, seed=seed, is_well=is_well)
        self._machine = machine
        self._finishing = finishing

    def _round(self) -> list[Fault]:
        machine = self._machine
        kinds = [self.kill_server, self.kill_worker, self.cut, self.freeze_worker, self.freeze_server, self.stall]
        kinds += [self.fill_disk] if machine.disk else []
        kinds += [self.move_clock] if machine.clock else []
        return [*kinds, self.kill_worker, self.cut, self.kill_server, self.restart, self.kill_forker]

    def _is_late(self, fault: Fault) -> bool:
        return fault in (self.restart, self.kill_forker)

    async def kill_server(self) -> str:
        """Half of the times as soon as a job stores what it made."""
        if self._random.random() < 0.5:
            self._finishing.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._finishing.wait(), _MOMENT_SECONDS)
                await asyncio.sleep(self._random.uniform(0, 0.1))
        await self._timed_kill()
        return "server killed (kill -9)"

    async def _timed_kill(self) -> None:
        began = time.monotonic()
        await self._machine.kill()
        self._ledger.faults["until it takes requests after a kill -9"].append(time.monotonic() - began)

    async def restart(self) -> str:
        await self._machine.restart()
        return "server stopped in order and started"

    def _worker(self, *, is_busy: bool = True) -> psutil.Process | None:
        """One that computes, if there is any."""
        workers = self._machine.workers()
        busy = []
        for worker in workers:
            try:
                if worker.cpu_percent(0.05) > 5:
                    busy.append(worker)
            except psutil.NoSuchProcess:
                continue
        return self._random.choice(busy or workers) if workers else None

    async def kill_worker(self) -> str:
        worker = await asyncio.to_thread(self._worker)
        if worker is None:
            return "worker killed: there was none"
        try:
            worker.kill()
        except psutil.NoSuchProcess:
            return "worker killed: it was gone"
        return "worker killed (kill -9)"

    async def kill_forker(self) -> str:
        """The process that makes workers, with all of them."""
        for child in psutil.Process(self._machine.server.pid).children():
            if child.children():
                child.kill()
        return "process that makes workers killed"

    async def freeze_worker(self) -> str:
        worker = await asyncio.to_thread(self._worker)
        if worker is None:
            return "worker frozen: there was none"
        is_long = self._random.random() < 0.5
        await self._machine.freeze(worker, SILENCE_SECONDS * (2.5 if is_long else 0.4))
        return f"worker frozen {'for longer than it may be silent' if is_long else 'for a moment'}"

    async def freeze_server(self) -> str:
        with self._machine.blinded():
            await self._machine.freeze(psutil.Process(self._machine.server.pid), self._random.uniform(2.0, 8.0))
        return "server frozen (SIGSTOP)"

    async def cut(self) -> str:
        """Some of the lines, for a moment or a while."""
        lines = self._random.sample(self._machine.lines, k=self._random.randint(1, len(self._machine.lines)))
        self._machine.cuts += len(lines)
        for line in lines:
            line.cut()
        await asyncio.sleep(self._random.choice((0.0, 0.0, 1.0, 3.0)))
        for line in lines:
            line.mend()
        return "sockets cut"

    async def stall(self) -> str:
        """Nothing passes for a while, and nobody is told."""
        line = self._random.choice(self._machine.lines)
        line.stall()
        await asyncio.sleep(self._random.uniform(2.0, 6.0))
        line.flow()
        return "line stalled"

    async def fill_disk(self) -> str:
        """Half of the times the server is killed as well: it has to start on a full disk."""
        disk = self._machine.disk
        assert disk is not None
        is_killed = self._random.random() < 0.5
        with self._machine.blinded():
            await asyncio.to_thread(disk.fill)
            await asyncio.sleep(self._random.uniform(2.0, 5.0))
            await asyncio.to_thread(disk.fill)
            if is_killed:
                await self._timed_kill()
            await asyncio.sleep(self._random.uniform(1.0, 5.0))
            await asyncio.to_thread(disk.make_room)
        return "disk full, and the server killed" if is_killed else "disk full"

    async def move_clock(self) -> str:
        clock = self._machine.clock
        assert clock is not None
        step = self._random.choice(_CLOCK_MOVES)
        clock.move(clock.seconds + step)
        await asyncio.sleep(_SETTLE_SECONDS)
        return f"clock set {'forward' if step > 0 else 'back'}"
