"""Whether a Valkey or Redis does what nodes need of it, tried out as a node would: for `config check` and `doctor`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from redis.exceptions import NoPermissionError, ReadOnlyError, RedisError

from server.care.findings import CareFinding, error, note, warning
from server.clock import new_id
from server.engines.valkey_line import AWAY, ValkeyAddress, ValkeyLine
from server.errors import ConfigurationError

_HEAR_SECONDS = 3.0
_FAR_BEHIND_SECONDS = 1.0
_STORED_MS = 5_000


class _Wrong(Exception):
    """With it, trying out more says nothing new."""

    def __init__(self, finding: CareFinding) -> None:
        super().__init__(finding.code)
        self.finding = finding


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """What a setting names."""

    setting: str
    address: ValkeyAddress

    @asynccontextmanager
    async def reached(self) -> AsyncIterator[ValkeyLine]:
        """A line of its own. Raises `_Wrong` when there is none, or none any more."""
        try:
            line = await self.address.connected()
            try:
                yield line
            finally:
                await line.close()
        except AWAY as wrong:
            raise _Wrong(
                error(
                    "broker_away",
                    f"What {self.setting} names does not answer as Valkey or Redis: {_said_of(wrong)}.",
                    f"See that it runs, and that host, port and password in JINDU_{self.setting.upper()} are right. "
                    "Nodes start and go on without it, each by itself.",
                )
            ) from wrong

    def require(self, command: str, answer: Any) -> None:
        """Raises `_Wrong` when it is a refusal."""
        if not isinstance(answer, RedisError):
            return
        text = f"{self.setting}: {command} is refused: {answer}."
        if isinstance(answer, NoPermissionError):
            prefix = self.address.prefix
            advice = (
                f"Allow the user its keys and its channels: ACL SETUSER name ~{prefix}* &{prefix}* +@all. Since Redis "
                "7 a user hears no channel that it was not given."
            )
            raise _Wrong(error("broker_not_allowed", text, advice))
        raise _Wrong(error("broker_refuses", text, "Nodes need that command; see the server's log and settings."))


def _said_of(wrong: BaseException) -> str:
    return str(wrong).rstrip(".") or type(wrong).__name__


async def check_valkey(url: str, *, listens_at: str = "") -> list[CareFinding]:
    """It stores for a moment what nodes store, says a word and waits for it where nodes would listen."""
    try:
        says = _Place(setting="broker_url", address=ValkeyAddress(url))
        hears = _Place(setting="broker_subscribe_url", address=ValkeyAddress(listens_at)) if listens_at else says
    except ConfigurationError as wrong:
        return [error("broker_url_wrong", wrong.text, "In a password, / and @ are written %2F and %40.")]
    try:
        async with says.reached() as saying, hears.reached() as listening:
            await _require_commands(says, saying)
            replica = await _check_replica(listening) if listens_at else []
            return replica + await _check_hearing(says, saying, hears, listening)
    except _Wrong as wrong:
        return [wrong.finding]


async def _require_commands(place: _Place, line: ValkeyLine) -> None:
    """All that nodes send, at keys that go by themselves."""
    key = f"{place.address.prefix}check:{new_id()}"
    commands: list[Sequence[Any]] = [
        ("SET", f"{key}:1", b"", "PX", _STORED_MS),
        ("GET", f"{key}:1"),
        ("EXISTS", f"{key}:1"),
        ("DEL", f"{key}:1"),
        ("HSET", f"{key}:2", "a", b""),
        ("PEXPIRE", f"{key}:2", _STORED_MS),
        ("EXPIRE", f"{key}:2", _STORED_MS // 1000),
        ("HVALS", f"{key}:2"),
        ("HGET", f"{key}:2", "a"),
        ("HLEN", f"{key}:2"),
        ("HDEL", f"{key}:2", "a"),
        ("SADD", f"{key}:3", "a"),
        ("SMEMBERS", f"{key}:3"),
        ("SREM", f"{key}:3", "a"),
        ("EVAL", "return redis.call('ZCARD', KEYS[1])", 1, f"{key}:4"),
        ("ZPOPMAX", f"{key}:4"),
        ("TIME",),
    ]
    try:
        answers = await line.ask(commands)
    except ReadOnlyError:
        raise _Wrong(
            error(
                "broker_is_replica",
                "What broker_url names is a replica: it takes nothing from nodes.",
                "Name the primary in JINDU_BROKER_URL, best by a name that follows it: nodes connect anew by "
                "themselves when it moves. A replica may stand in JINDU_BROKER_SUBSCRIBE_URL.",
            )
        ) from None
    for command, answer in zip(commands, answers, strict=True):
        place.require(str(command[0]), answer)


async def _check_hearing(says: _Place, saying: ValkeyLine, hears: _Place, listening: ValkeyLine) -> list[CareFinding]:
    """One line says a word, another has to hear it, as with nodes."""
    channel, word = f"{says.address.prefix}check:{new_id()}", new_id().encode()
    try:
        async with asyncio.timeout(_HEAR_SECONDS):
            await listening.write([("SUBSCRIBE", channel)])
            hears.require("SUBSCRIBE", await listening.answer())
            began = time.monotonic()
            (told,) = await saying.ask([("PUBLISH", channel, word)])
            says.require("PUBLISH", told)
            while (await listening.read())[2] != word:
                pass
    except TimeoutError:
        raise _Wrong(
            error(
                "broker_deaf",
                f"What is said at broker_url is not heard at {hears.setting} within {_HEAR_SECONDS:g} seconds.",
                "Both must be one server, or a primary and its replica (INFO replication), with nothing in between "
                "that keeps back what a line brings.",
            )
        ) from None
    seconds = time.monotonic() - began
    if seconds <= _FAR_BEHIND_SECONDS:
        return []
    text = f"A word took {seconds:.1f} seconds from broker_url to {hears.setting}."
    return [warning("broker_slow", text, "Nodes show that late what others do; look at the line between both.")]


async def _check_replica(line: ValkeyLine) -> list[CareFinding]:
    (answer,) = await line.ask([("INFO", "replication")])
    if isinstance(answer, RedisError):
        return []  # a user who may not ask; whether words come is tried all the same
    facts = dict(each.split(":", 1) for each in answer.decode().splitlines() if ":" in each)
    if facts.get("role") != "slave":
        return [note("broker_subscribe_is_primary", "What broker_subscribe_url names is a primary, and no replica.")]
    if facts.get("master_link_status") != "up":
        raise _Wrong(
            error(
                "broker_replica_cut",
                "The replica of broker_subscribe_url has lost its primary.",
                "Nodes that listen there hear nothing of others until it is back. If it begins anew again and again, "
                "raise repl-backlog-size and client-output-buffer-limit of the primary.",
            )
        )
    return []
