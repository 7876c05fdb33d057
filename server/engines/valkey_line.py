"""One line to Valkey or Redis, made by its client library; and what is the same for all of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ReadOnlyError, RedisError, ResponseError

from server.errors import ConfigurationError

AWAY = (RedisError, OSError, TimeoutError, EOFError)
"""What a line raises that is no more, or that reached a server which cannot do what it should."""
CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 5.0
_DEFAULT_PREFIX = "jindu:"


class ValkeyAddress:
    """A `redis://`, `rediss://` or `unix://` address; `?prefix=` sets apart who shares one server."""

    def __init__(self, url: str) -> None:
        """Raises `ConfigurationError`."""
        parts = urlsplit(url.replace("valkey://", "redis://", 1).replace("valkeys://", "rediss://", 1))
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self.prefix = query.pop("prefix", _DEFAULT_PREFIX)
        try:
            self._pool = ConnectionPool.from_url(
                urlunsplit(parts._replace(query=urlencode(query))),
                protocol=2,
                retry=Retry(NoBackoff(), 0),
                socket_connect_timeout=CONNECT_SECONDS,
                socket_keepalive=True,
                client_name="jindu",
            )
            self._pool.make_connection()  # type: ignore[no-untyped-call]  # says which parameters there are not
        except (ValueError, TypeError):
            raise ConfigurationError(
                "The setting broker_url cannot be read; it looks like redis://:password@host:6379/0, or with "
                "?prefix=name: at its end where others use the same server."
            ) from None  # it may hold a password

    async def connected(self) -> ValkeyLine:
        """Resolved and connected anew. Raises one of `AWAY`."""
        connection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await connection.connect()
        except BaseException:
            await _cut(connection)
            raise
        return ValkeyLine(connection)


class ValkeyLine:
    """Commands go out, answers come in, in the same order; nothing is tried twice."""

    def __init__(self, connection: AbstractConnection) -> None:
        self._connection = connection

    async def ask(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """All of them in one write; the answers, of which some may be errors. Raises one of `AWAY`."""
        async with asyncio.timeout(ANSWER_SECONDS):
            await self.write(commands)
            return [await self.answer() for _ in commands]

    async def write(self, commands: Sequence[Sequence[Any]]) -> None:
        if not self._connection.is_connected:
            raise ConnectionResetError  # the library would connect anew by itself, and say nothing of it
        try:
            await self._connection.send_packed_command(self._connection.pack_commands(commands), check_health=False)
        except AttributeError:  # of the library, for a line that is cut at this very moment
            raise ConnectionResetError from None

    async def read(self) -> Any:
        """The next answer or message, however long that takes."""
        return await self._connection.read_response(timeout=None, disconnect_on_error=False)

    async def close(self) -> None:
        await _cut(self._connection)

    async def answer(self) -> Any:
        """The next one, which may be an error of its command.

        Raises `ReadOnlyError` when what was the primary is none any more: whoever connects anew finds the one that is.
        """
        try:
            return await self.read()
        except ReadOnlyError:
            raise
        except ResponseError as error:
            return error


async def _cut(connection: AbstractConnection) -> None:
    with contextlib.suppress(*AWAY):
        await connection.disconnect(nowait=True)
