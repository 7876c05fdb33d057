"""What systemd, or whatever else started us, is told of how we are: a line or two in a datagram (sd_notify(3))."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager

_LOG = logging.getLogger("jindu")
_EXTENDED_SECONDS = 60.0
_EXTENSIONS_APART_SECONDS = 15.0
LONGEST_START_SECONDS = 4 * 3600.0  # changing large tables takes its time; whatever takes longer is stuck


class ServiceManager:
    """Without one that listens, nothing is sent. Its variables are taken out of `environ`: children are not meant."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        given = environ.pop("NOTIFY_SOCKET", "")
        self._address = "\0" + given[1:] if given.startswith("@") else given
        self.watchdog_seconds = _watchdog_seconds(environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", ""))

    @property
    def listens(self) -> bool:
        return bool(self._address)

    def ready(self, status: str) -> None:
        self._tell("READY=1", f"STATUS={status}")

    def status(self, status: str) -> None:
        self._tell(f"STATUS={status}")

    def stopping(self, status: str, *, within_seconds: float) -> None:
        """`within_seconds` is what an orderly stop may take at most."""
        self._tell("STOPPING=1", f"STATUS={status}", _extension(within_seconds))

    @asynccontextmanager
    async def waiting_for_start(
        self, *, every: float = _EXTENSIONS_APART_SECONDS, longest: float = LONGEST_START_SECONDS
    ) -> AsyncIterator[None]:
        """As long as the block runs, and the event loop turns, a start is not given up: tables may be changed."""
        task = asyncio.create_task(self._extend(every, longest), name="extend start") if self.listens else None
        try:
            yield
        finally:
            if task is not None:
                task.cancel()

    async def keep_watchdog(self, is_well: Callable[[], Awaitable[str]]) -> None:
        """Until cancelled: say that we live, with what `is_well` answers as the status.

        While it fails or does not come back, or the event loop stands still, nothing is said, and we are started anew.
        """
        if not self.listens or self.watchdog_seconds is None:
            return
        while True:
            try:
                self._tell("WATCHDOG=1", f"STATUS={await is_well()}")
            except Exception:
                _LOG.exception("the watchdog is not told that all is well", extra={"action": "notify"})
            await asyncio.sleep(self.watchdog_seconds / 3)

    async def _extend(self, every: float, longest: float) -> None:
        began = time.monotonic()
        while time.monotonic() - began < longest:
            self._tell(_extension(every + _EXTENDED_SECONDS), "STATUS=opening the data, with all changes of tables")
            await asyncio.sleep(every)

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as opened:
                opened.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            _LOG.warning("the service manager could not be told: %s", error.strerror, extra={"action": "notify"})


def _extension(seconds: float) -> str:
    return f"EXTEND_TIMEOUT_USEC={int(seconds * 1_000_000)}"


def _watchdog_seconds(microseconds: str, pid: str) -> float | None:
    """None when nobody watches us; the variables may be meant for somebody who started us."""
    if not microseconds.isdecimal() or (pid and pid != str(os.getpid())):
        return None
    return int(microseconds) / 1_000_000 or None
