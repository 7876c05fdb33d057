"""What is done to a cluster, one after another, in an order that a seed decides."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import aiohttp
import psutil

from tests.benchmarks.trouble.cluster_machine import CLOCKS_APART, LEASE_SECONDS, ClusterMachine, Member
from tests.benchmarks.trouble.ledger import Ledger
from tests.benchmarks.trouble.patience import PATIENCE
from tests.benchmarks.trouble.probing import Prober
from tests.benchmarks.trouble.rounds import Fault, IsWell, Rounds
from tests.store_line import StoreState
from tests.waiting import until

_MOMENT_SECONDS = 5.0
_STORE_SECONDS = 30.0
_LOST_SHARE = 0.1  # of the words
_MORE_BYTES = 4 * 1024 * 1024  # that a process whose memory is at its end gets still


class ClusterFaults(Rounds):
    def __init__(
        self,
        machine: ClusterMachine,
        ledger: Ledger,
        *,
        seed: str,
        is_well: IsWell,
        finishing: asyncio.Event,
        prober: Prober,
    ) -> None:
        super().__init__(ledger, seed=seed, is_well=is_well)
        self._machine = machine
        self._finishing = finishing
        self._prober = prober

    def _round(self) -> list[Fault]:
        of_nodes = [self.kill_node, self.kill_node, self.drain_node, self.freeze_node, self.cut, self.stall]
        of_workers = [self.kill_worker, self.kill_worker, self.freeze_worker, self.exhaust_worker, self.kill_computing]
        of_engines = [self.kill_valkey, self.empty_valkey, self.freeze_valkey, self.lose_words, self.kill_postgresql]
        of_engines += [self.restart_postgresql, self.store_away, self.store_busy]
        of_clocks = [self.move_clock] if self._machine.web[0].clock else []
        return [*of_nodes, *of_workers, *of_engines, *of_clocks, self.rolling_restart]

    def _is_late(self, fault: Fault) -> bool:
        return fault == self.rolling_restart

    # nodes that serve people

    async def kill_node(self) -> str:
        node = self._random.choice(self._machine.web)
        await node.kill()
        await asyncio.sleep(self._random.choice((0.0, 0.0, 3.0)))
        await self._started(node, "node")
        return "node killed (kill -9)"

    async def drain_node(self) -> str:
        await self._random.choice(self._machine.web).restart()
        return "node drained and started"

    async def freeze_node(self) -> str:
        await self._random.choice(self._machine.web).freeze(self._random.uniform(2.0, 8.0), whole=True)
        return "node frozen (SIGSTOP)"

    async def rolling_restart(self) -> str:
        """As docs/cluster.md says: one after the other, each as soon as the one before is ready."""
        with self._prober.counting("a rolling restart"):
            for member in self._machine.members:
                await member.restart()
                await until(lambda member=member: is_ready(member), seconds=60 * PATIENCE)
        return "rolling restart of all"

    async def _started(self, member: Member, kind: str) -> None:
        began = time.monotonic()
        await member.start()
        self._ledger.faults[f"start of a {kind} after a kill -9"].append(time.monotonic() - began)

    # workers

    async def kill_worker(self) -> str:
        """Half of the times as soon as a job stores what it made, and half of the times back before its lease ends."""
        if self._random.random() < 0.5:
            self._finishing.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._finishing.wait(), _MOMENT_SECONDS)
                await asyncio.sleep(self._random.uniform(0, 0.1))
        worker = self._random.choice(self._machine.workers)
        await worker.kill()
        await asyncio.sleep(self._random.choice((0.0, LEASE_SECONDS + 2.0)))
        await self._started(worker, "worker")
        return "worker killed (kill -9)"

    async def freeze_worker(self) -> str:
        worker, is_long = self._random.choice(self._machine.workers), self._random.random() < 0.7
        await worker.freeze(LEASE_SECONDS * (2.0 if is_long else 0.4), whole=self._random.random() < 0.5)
        return f"worker frozen {'beyond its lease' if is_long else 'for a moment'}"

    async def exhaust_worker(self) -> str:
        """Of a process that computes, or of the worker itself, which then gets no byte more for some seconds."""
        worker = self._random.choice(self._machine.workers)
        if self._random.random() < 0.5:
            computing = await asyncio.to_thread(self._computing, worker)
            if computing is None:
                return "process that computes out of memory: there was none"
            async with _exhausted(computing):
                await asyncio.sleep(3.0)
            return "process that computes out of memory"
        async with _exhausted(psutil.Process(worker.process.pid)):
            await asyncio.sleep(self._random.uniform(2.0, LEASE_SECONDS * 2))
        await self._back(worker)
        return "worker out of memory"

    async def _back(self, worker: Member) -> None:
        """As whoever supervises processes does: what ended is started."""
        if worker.process.has_ended:
            self._ledger.notes["workers that ended without memory, and were started"] += 1
            await worker.start()

    async def kill_computing(self) -> str:
        """As the kernel does when the machine's memory is at its end."""
        computing = await asyncio.to_thread(self._computing, self._random.choice(self._machine.workers))
        if computing is None:
            return "process that computes killed: there was none"
        with suppress(psutil.NoSuchProcess):
            computing.kill()
        return "process that computes killed (as by the kernel without memory)"

    def _computing(self, worker: Member) -> psutil.Process | None:
        """One that does so, if there is any."""
        found, busy = worker.computing(), []
        for each in found:
            with suppress(psutil.NoSuchProcess):
                if each.cpu_percent(0.05) > 5:
                    busy.append(each)
        return self._random.choice(busy or found) if found else None

    # lines of people

    async def cut(self) -> str:
        lines = self._random.sample(self._machine.lines, k=self._random.randint(1, len(self._machine.lines)))
        for line in lines:
            line.cut()
        await asyncio.sleep(self._random.choice((0.0, 0.0, 1.0, 3.0)))
        for line in lines:
            line.mend()
        return "sockets cut"

    async def stall(self) -> str:
        line = self._random.choice(self._machine.lines)
        line.stall()
        await asyncio.sleep(self._random.uniform(2.0, 6.0))
        line.flow()
        return "line stalled"

    # engines

    async def kill_valkey(self) -> str:
        """What it had is gone."""
        await asyncio.to_thread(self._machine.valkey.kill)
        await asyncio.sleep(self._random.choice((0.0, 2.0, 8.0)))
        await asyncio.to_thread(self._machine.valkey.start)
        return "Valkey killed, back and empty"

    async def empty_valkey(self) -> str:
        async with self._machine.valkey.admin() as client:
            await client.flushall()
        return "Valkey emptied"

    async def freeze_valkey(self) -> str:
        self._machine.words.freeze()
        await asyncio.sleep(self._random.uniform(2.0, 12.0))
        self._machine.words.thaw()
        return "line to Valkey frozen"

    async def lose_words(self) -> str:
        self._machine.words.loses = _LOST_SHARE
        await asyncio.sleep(20.0)
        self._machine.words.loses = 0.0
        return "a tenth of the words lost for 20 s"

    async def kill_postgresql(self) -> str:
        await asyncio.to_thread(self._machine.postgresql.kill)
        await asyncio.sleep(self._random.choice((0.0, 3.0, 8.0)))
        await asyncio.to_thread(self._machine.postgresql.start)
        return "PostgreSQL killed (kill -9) and started"

    async def restart_postgresql(self) -> str:
        await asyncio.to_thread(self._machine.postgresql.stop, self._random.choice(("fast", "immediate")))
        await asyncio.to_thread(self._machine.postgresql.start)
        return "PostgreSQL restarted"

    async def store_away(self) -> str:
        self._machine.store.be(StoreState.AWAY)
        await asyncio.sleep(_STORE_SECONDS)
        self._machine.store.be(StoreState.THERE)
        return f"S3 store away for {_STORE_SECONDS:g} s"

    async def store_busy(self) -> str:
        self._machine.store.be(StoreState.BUSY)
        await asyncio.sleep(self._random.uniform(3.0, _STORE_SECONDS))
        self._machine.store.be(StoreState.THERE)
        return "S3 store answered 503"

    async def move_clock(self) -> str:
        """So that they are no further apart than they may be."""
        member = self._random.choice(self._machine.members)
        assert member.clock is not None
        member.clock.move(CLOCKS_APART if member.clock.seconds == 0 else 0)
        return f"clock of a node set {'forward' if member.clock.seconds else 'back'} by {CLOCKS_APART} s"


async def is_ready(member: Member) -> bool:
    """And lacks nothing."""
    try:
        timeout = aiohttp.ClientTimeout(total=5)
        async with (
            aiohttp.ClientSession(member.process.url, timeout=timeout) as client,
            client.get("/readyz") as response,
        ):
            return response.status == 200 and (await response.json())["status"] == "ready"
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


async def all_are_ready(members: Sequence[Member]) -> bool:
    return all(await asyncio.gather(*map(is_ready, members)))


@asynccontextmanager
async def _exhausted(process: psutil.Process) -> AsyncIterator[None]:
    """It may be gone before it has memory again."""
    limits = resource.RLIMIT_AS
    try:
        before = resource.prlimit(process.pid, limits)
        resource.prlimit(process.pid, limits, (process.memory_info().vms + _MORE_BYTES, before[1]))
    except (ProcessLookupError, psutil.NoSuchProcess):
        yield
        return
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            resource.prlimit(process.pid, limits, before)
