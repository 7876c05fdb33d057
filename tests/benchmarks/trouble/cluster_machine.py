"""Three web nodes and two workers behind haproxy, with a PostgreSQL, a Valkey and an S3 store of their own."""

from __future__ import annotations

import asyncio
import re
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
from cryptography.fernet import Fernet

from tests import seaweed
from tests.benchmarks.trouble.patience import PATIENCE
from tests.benchmarks.trouble.words_line import WordsLine
from tests.browser.line import Line
from tests.cluster.balancers import behind, of_cluster
from tests.cluster.workshop import WorkerProcess
from tests.functional.proxies import Places, for_haproxy, running
from tests.lines import open_line
from tests.moved_clock import MovedClock, moved_clock
from tests.postgresql import OwnServer, own_server
from tests.process import ServerProcess
from tests.store_line import StoreLine
from tests.valkey import ValkeyProcess, some

LEASE_SECONDS = 8.0
SILENCE_SECONDS = 6.0  # of a process that computes, after which it is replaced
CLOCKS_APART = 5  # seconds
_START_SECONDS = 100.0
_WEB, _WORKERS = ("web1", "web2", "web3"), ("worker1", "worker2")
_SETTINGS = {
    "JINDU_WORKERS": "1",
    "JINDU_LEASE_SECONDS": str(LEASE_SECONDS),
    "JINDU_WORKER_SILENCE_SECONDS": str(SILENCE_SECONDS),
    "JINDU_JOB_RETRY_SECONDS": "2",
    "JINDU_DRAIN_SECONDS": "3",
    "JINDU_DRAIN_NOTICE_SECONDS": "3",  # as the file of haproxy asks for
    "JINDU_TRUSTED_PROXIES": "1",
    "JINDU_MAX_CONNECTIONS_PER_ADDRESS": "500",
}


@dataclass(slots=True)
class Member:
    """One process of the cluster, and the clock it lives by."""

    process: ServerProcess
    clock: MovedClock | None

    @property
    def name(self) -> str:
        return self.process.data.name

    async def start(self) -> None:
        """As whoever supervises processes does: what did not come up in time is started again."""
        deadline = time.monotonic() + _START_SECONDS * PATIENCE
        while True:
            try:
                await asyncio.to_thread(self.process.start)
            except RuntimeError:
                if time.monotonic() > deadline:
                    raise
            else:
                return

    async def kill(self) -> None:
        await asyncio.to_thread(self.process.kill)

    async def restart(self) -> None:
        """Raises when it did not stop in order."""
        status = await asyncio.to_thread(self.process.stop)
        assert status == 0, f"{self.name} ended with {status}: {self.process.log[-5:]}"
        await self.start()

    def computing(self) -> list[psutil.Process]:
        """Children of the child that forks them."""
        with suppress(psutil.NoSuchProcess):
            return [worker for child in psutil.Process(self.process.pid).children() for worker in child.children()]
        return []

    async def freeze(self, seconds: float, *, whole: bool) -> None:
        """With `whole`, also what computes for it, as with a machine that stands still."""
        frozen = [psutil.Process(self.process.pid)]
        if whole:
            frozen += frozen[0].children(recursive=True)
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for each in frozen:
                with suppress(psutil.NoSuchProcess):
                    each.send_signal(number)
            if number is signal.SIGSTOP:
                await asyncio.sleep(seconds)


@dataclass(slots=True)
class ClusterMachine:
    postgresql: OwnServer
    valkey: ValkeyProcess
    words: WordsLine
    store: StoreLine
    environment: dict[str, str]
    web: list[Member]
    workers: list[Member]
    url: str = ""  # of the balancer
    lines: list[Line] = field(default_factory=list)

    @property
    def members(self) -> list[Member]:
        return [*self.web, *self.workers]

    async def new_line(self) -> Line:
        """From somebody to the balancer."""
        line = Line(self.url)
        await line.open()
        self.lines.append(line)
        return line


@asynccontextmanager
async def cluster_machine(folder: Path, *, seed: str) -> AsyncIterator[ClusterMachine]:
    """All of it at work; what is left at the end is killed."""
    async with AsyncExitStack() as stack:
        postgresql = stack.enter_context(own_server("faults"))
        (valkey,) = stack.enter_context(some(1))
        words = await stack.enter_async_context(open_line(WordsLine(valkey.port, seed=seed)))
        place = urlsplit(seaweed.new_place())
        (endpoint,) = parse_qs(place.query)["endpoint"]
        store = await stack.enter_async_context(open_line(StoreLine(urlsplit(endpoint).port or 0)))
        environment = _SETTINGS | {
            "JINDU_DATABASE_URL": postgresql.new_database("jindu"),
            "JINDU_BROKER_URL": f"redis://127.0.0.1:{words.port}/0",
            "JINDU_STORAGE_URL": f"s3://{place.netloc}{place.path}?endpoint=http://127.0.0.1:{store.port}",
            "JINDU_STORAGE_KEY_ID": seaweed.KEY_ID,
            "JINDU_STORAGE_SECRET": seaweed.SECRET,
            "JINDU_SECRET_KEY": Fernet.generate_key().decode(),
        }
        web = [_member(folder, name, environment | {"JINDU_ROLE": "web"}, ServerProcess) for name in _WEB]
        workers = [_member(folder, name, environment, WorkerProcess) for name in _WORKERS]
        machine = ClusterMachine(postgresql, valkey, words, store, environment, web, workers)
        stack.enter_context(_killed_at_the_end(machine))
        # At once, on an empty database.
        await asyncio.gather(*(member.start() for member in machine.members))
        places, _ = await stack.enter_async_context(
            running(of_cluster("haproxy", _plain), behind([each.process for each in web]), folder / "haproxy")
        )
        machine.url = f"http://127.0.0.1:{places.https}"
        try:
            yield machine
        finally:
            for line in machine.lines:
                line.flow()
                await line.close()


def _member(folder: Path, name: str, environment: dict[str, str], kind: Callable[..., ServerProcess]) -> Member:
    data = folder / name
    data.mkdir()
    own = folder / f"clock-of-{name}"  # LD_PRELOAD knows no spaces
    own.mkdir()
    clock = moved_clock(own)
    more = {"JINDU_NODE": name, **(clock.environ if clock else {})}
    return Member(kind(data, environ=environment | more), clock)


@contextmanager
def _killed_at_the_end(machine: ClusterMachine) -> Iterator[None]:
    try:
        yield
    finally:
        for member in machine.members:
            with suppress(Exception):
                member.process.signal(signal.SIGCONT)
            member.process.kill()


def _plain(text: str, places: Places) -> str:
    """Without TLS, which those who break lines would need certificates for; as many files as a test may open."""
    text = for_haproxy(text, places)
    text = re.sub(r"    bind 127\.0\.0\.1:\d+\n", "", text)
    text = re.sub(r" ssl crt \S+ alpn \S+", "", text)
    text = re.sub(r"    http-request redirect .*\n", "", text)
    return text.replace("X-Forwarded-Proto https", "X-Forwarded-Proto http")
