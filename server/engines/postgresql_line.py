"""A connection to PostgreSQL that notices by itself when nobody is at the other end any more.

A line can stay open with nothing behind it: a proxy that hung, a failover behind an address, a machine that lost its
power. TCP's own limits end some of them (`LIMITS`). For the others, whoever waits long for an answer asks PostgreSQL by
another connection whether it is still at work for this one; if not, the line is dropped.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.adapt import Buffer
from psycopg.types.string import StrDumper

T = TypeVar("T")
Connect = Callable[..., Awaitable[psycopg.AsyncConnection[Any]]]
_SHORTEST_CONNECT_SECONDS = 2  # psycopg waits no less
_LOOK_AGAIN_SECONDS = 0.1  # how often psycopg itself looks up while it waits
_IS_AT_WORK = "select count(*) from pg_stat_activity where pid = %s and state = 'active'"
LIMITS: dict[str, Any] = {  # of what the kernel sees by itself: a machine that is gone, a cable that was pulled
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # milliseconds
}


def connecting(*, patience_seconds: float) -> Connect:
    """What makes connections of our kind; the rest is as for `psycopg.AsyncConnection.connect`."""

    async def connect(*args: Any, **arguments: Any) -> psycopg.AsyncConnection[Any]:
        connection = await _WatchedConnection.connect(*args, **arguments)
        connection.adapters.register_dumper(str, _StorableText)
        once_more = {"connect_timeout": max(_SHORTEST_CONNECT_SECONDS, int(patience_seconds)), "autocommit": True}

        async def connect_again() -> psycopg.AsyncConnection[Any]:
            return await psycopg.AsyncConnection.connect(*args, **(arguments | once_more))

        connection.watch = (patience_seconds, connect_again)
        return connection

    return connect


class _WatchedConnection(psycopg.AsyncConnection[Any]):
    watch: tuple[float, Callable[[], Awaitable[psycopg.AsyncConnection[Any]]]] | None = None

    async def wait(  # as psycopg calls it
        self,
        gen: PQGen[T],
        interval: float = _LOOK_AGAIN_SECONDS,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> T:
        """Everything that PostgreSQL is waited for, as psycopg has it."""
        if self.watch is None:
            return await super().wait(gen, interval, timeout)
        looking: list[asyncio.Task[None]] = []
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self.watch[0], lambda: looking.append(loop.create_task(self._drop_if_dead())))
        try:
            return await super().wait(gen, interval, timeout)
        finally:
            timer.cancel()
            for task in looking:
                task.cancel()

    async def _drop_if_dead(self) -> None:
        assert self.watch is not None
        patience_seconds, connect_again = self.watch
        while await self._is_worked_for(patience_seconds, connect_again):  # noqa: ASYNC110 – nobody would set it
            await asyncio.sleep(patience_seconds)
        # Not closed here: whoever waits sees the end of the line, and psycopg tells them.
        with suppress(OSError, psycopg.OperationalError), socket.socket(fileno=os.dup(self.pgconn.socket)) as line:
            line.shutdown(socket.SHUT_RDWR)

    async def _is_worked_for(
        self, patience_seconds: float, connect_again: Callable[[], Awaitable[psycopg.AsyncConnection[Any]]]
    ) -> bool:
        try:
            async with asyncio.timeout(max(_SHORTEST_CONNECT_SECONDS, patience_seconds)):
                async with await connect_again() as other:
                    found = await (await other.execute(_IS_AT_WORK, [self.pgconn.backend_pid])).fetchone()
        except (TimeoutError, OSError):
            return False
        except psycopg.OperationalError as error:
            return "FATAL" in str(error)  # it answers, if only that it has no connection left
        return found is not None and bool(found[0])


class _StorableText(StrDumper):
    """Text in PostgreSQL has neither NUL nor half a character; what data makes of our texts has a � there instead.

    What people send is refused before it comes here.
    """

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\0", "�").encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
