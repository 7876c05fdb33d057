"""The server with all that can go wrong around it: its processes, its disk, its clock, and the lines to it."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from tests.browser.line import Line
from tests.functional.small_disk import SmallDisk
from tests.moved_clock import MovedClock
from tests.process import ServerProcess

SAMPLE_SECONDS = 12.0  # between two records of itself, on a busy machine


class Machine:
    def __init__(self, server: ServerProcess, *, disk: SmallDisk | None, clock: MovedClock | None) -> None:
        self.server = server
        self.disk = disk
        self.clock = clock
        self.lines: list[Line] = []
        self.away: list[tuple[float, float]] = []  # killed, until it was ready again
        self.planned: list[tuple[float, float]] = []  # the same, stopped in order
        self.blind: list[tuple[float, float]] = []  # frozen or without room: it could not write what it counted
        self.cuts = 0

    @property
    def environ(self) -> dict[str, str]:
        """What makes another program live by the same clock."""
        return self.clock.environ if self.clock else {}

    async def start(self) -> None:
        await asyncio.to_thread(self.server.start)

    async def new_line(self) -> Line:
        line = Line(self.server.url)
        await line.open()
        self.lines.append(line)
        return line

    async def close(self) -> None:
        for line in self.lines:
            line.flow()
            await line.close()
        await asyncio.to_thread(self.server.kill)

    async def kill(self) -> None:
        """And start it again at once."""
        began = time.monotonic()
        await asyncio.to_thread(self.server.kill)
        await self.start()
        self.away.append((began, time.monotonic()))

    async def restart(self) -> None:
        """As an upgrade does; raises when it did not stop in order."""
        began = time.monotonic()
        status = await asyncio.to_thread(self.server.stop)
        assert status == 0, f"the server ended with {status}: {self.server.log[-5:]}"
        await self.start()
        self.planned.append((began, time.monotonic()))

    def workers(self) -> list[psutil.Process]:
        """What does the work: children of the server's child that forks them."""
        with suppress(psutil.NoSuchProcess):
            return [worker for child in psutil.Process(self.server.pid).children() for worker in child.children()]
        return []

    async def freeze(self, process: psutil.Process, seconds: float) -> None:
        """It may be gone before it thaws."""
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGCONT)

    @contextmanager
    def blinded(self) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.blind.append((began, time.monotonic()))

    def unrecorded(self) -> list[tuple[float, float]]:
        """What it counted in these times, kills took with them; each ends with a kill."""
        found = []
        for killed, _ in self.away:
            begin = killed - SAMPLE_SECONDS
            for first, last in sorted(self.blind, reverse=True):
                if first < killed and last > begin:
                    begin = min(begin, first - SAMPLE_SECONDS)
            found.append((begin, killed))
        return found


def make_old(machine: Machine, *, days: float) -> None:
    """All files of the server's data: what nobody touched for a day is then what a crash left there."""
    when = time.time() - days * 86_400
    for parent, directories, files in os.walk(machine.server.data):
        for name in (*directories, *files):
            if name != "ballast":
                with suppress(FileNotFoundError):
                    os.utime(os.path.join(parent, name), (when, when), follow_symlinks=False)
