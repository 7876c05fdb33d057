"""Who is connected over all nodes, in Valkey: each node keeps its own, and what a dead one left runs out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

import msgspec

from server.engines.valkey import ValkeyBroker
from server.engines.valkey_asking import ValkeyAsking
from server.realtime.connection import Connection
from server.realtime.manager import ConnectionManager
from server.realtime.presence import Presence, presence_of
from server.realtime.presences import Arriving, Crowd, LocalPresences

_BEAT_SECONDS = 1.5
_ALIVE_MS = 6_000  # after that a node that was killed is gone with its connections
_USER_SECONDS = 86_400
_RENEWED_EACH = 20  # beats: what connections have counted is that old at most, elsewhere
_WRITTEN_AT_ONCE = 500


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    process: str
    presence: Presence


class ValkeyPresences:
    """`Presences`. One hash for each process, and one for each user, whose entries count while their process lives."""

    def __init__(self, broker: ValkeyBroker, asking: ValkeyAsking, manager: ConnectionManager, *, node: str) -> None:
        self._broker = broker
        self._asking = asking
        self._manager = manager
        self._node = node
        self._alone = LocalPresences(manager, node=node)
        self._prefix = broker.address.prefix
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(_Kept).decode
        self._beats = 0
        self._is_to_be_written = asyncio.Event()
        manager.watch(self._changed)
        manager.watch_looking(self._changed)
        broker.when_back(self._is_to_be_written.set)

    @property
    def is_whole(self) -> bool:
        return self._asking.is_there

    async def run(self) -> None:
        while True:
            self._say_alive()
            if self._is_to_be_written.is_set():
                self._is_to_be_written.clear()
                await self._write(self._manager.everybody())
            else:
                self._beats += 1
                share = self._beats % _RENEWED_EACH
                await self._write(self._manager.everybody()[share::_RENEWED_EACH])
            try:
                async with asyncio.timeout(_BEAT_SECONDS):
                    await self._is_to_be_written.wait()
            except TimeoutError:
                pass

    async def arriving(self, user_id: str) -> Arriving:
        answers = await self._asking.ask([("TIME",), ("HVALS", self._of_user(user_id))])
        if answers is None:
            return Arriving()
        seconds, micros = map(int, answers[0])
        return Arriving(
            moment=seconds * 1_000_000 + micros, elsewhere=[each.presence for each in await self._alive(answers[1])]
        )

    async def of_user(self, user_id: str) -> list[Presence]:
        answers = await self._asking.ask([("HVALS", self._of_user(user_id))])
        elsewhere = await self._alive(answers[0]) if answers else []
        return _oldest_first(self._manager.presence(user_id), (each.presence for each in elsewhere))

    async def everybody(self) -> list[Presence]:
        others = await self._others()
        answers = await self._asking.ask([("HVALS", self._of_process(each)) for each in others]) if others else None
        found = (self._decode(packed).presence for kept in answers or () for packed in kept)
        return _oldest_first(await self._alone.everybody(), found)

    async def one(self, connection_id: str) -> Presence | None:
        own = self._manager.presence_by_id(connection_id)
        if own is not None:
            return own
        others = await self._others()
        commands = [("HGET", self._of_process(each), connection_id) for each in others]
        answers = await self._asking.ask(commands) if others else None
        return next((self._decode(packed).presence for packed in answers or () if packed), None)

    async def crowd(self) -> Crowd:
        own = await self._alone.crowd()
        others = await self._others()
        counts = await self._asking.ask([("HLEN", self._of_process(each)) for each in others]) if others else None
        users = await self._asking.ask([("GET", self._key("alive", each)) for each in others]) if others else None
        return Crowd(
            connections=own.connections + sum(counts or ()),
            users=own.users + sum(int(text or 0) for text in users or ()),
        )

    @property
    def process(self) -> str:
        return self._broker.me

    async def knows(self, process: str) -> bool | None:
        answers = await self._asking.ask([("EXISTS", self._key("alive", process))])
        return None if answers is None else bool(answers[0])

    def _changed(self, connection: Connection) -> None:
        if connection.id not in self._manager.active_connections:
            self._broker.command("HDEL", self._of_process(self._broker.me), connection.id)
            self._broker.command("HDEL", self._of_user(connection.user_id), connection.id)
            return
        self._put(connection)

    def _put(self, connection: Connection) -> None:
        packed = self._encode(_Kept(self._broker.me, presence_of(connection, node=self._node)))
        for key, seconds in (
            (self._of_process(self._broker.me), _ALIVE_MS // 1000),
            (self._of_user(connection.user_id), _USER_SECONDS),
        ):
            self._broker.command("HSET", key, connection.id, packed)
            self._broker.command("EXPIRE", key, seconds)

    async def _write(self, connections: Sequence[Connection]) -> None:
        for start in range(0, len(connections), _WRITTEN_AT_ONCE):
            for connection in connections[start : start + _WRITTEN_AT_ONCE]:
                if connection.id in self._manager.active_connections:
                    self._put(connection)
            await asyncio.sleep(0)

    def _say_alive(self) -> None:
        me = self._broker.me
        users = len(self._manager.user_connections)
        self._broker.command("SET", self._key("alive", me), users, "PX", _ALIVE_MS)
        self._broker.command("SADD", f"{self._prefix}processes", me)
        self._broker.command("PEXPIRE", self._of_process(me), _ALIVE_MS)

    async def _others(self) -> list[str]:
        """Processes that live; those that do not are struck off."""
        answers = await self._asking.ask([("SMEMBERS", f"{self._prefix}processes")])
        known = sorted(each.decode() for each in answers[0]) if answers else []
        return [each for each in await self._living(known) if each != self._broker.me]

    async def _living(self, processes: Sequence[str]) -> list[str]:
        if not processes:
            return []
        answers = await self._asking.ask([("EXISTS", self._key("alive", each)) for each in processes])
        if answers is None:
            return []
        for process, lives in zip(processes, answers, strict=True):
            if not lives:
                self._broker.command("SREM", f"{self._prefix}processes", process)
        return [process for process, lives in zip(processes, answers, strict=True) if lives]

    async def _alive(self, packed: Iterable[bytes]) -> list[_Kept]:
        """Those of other processes that live; what dead ones left is removed."""
        kept = [self._decode(each) for each in packed]
        others = sorted({each.process for each in kept} - {self._broker.me})
        living = set(await self._living(others))
        for each in kept:
            if each.process != self._broker.me and each.process not in living and self._asking.is_there:
                self._broker.command("HDEL", self._of_user(each.presence.user_id), each.presence.connection_id)
        return [each for each in kept if each.process in living]

    def _of_process(self, process: str) -> str:
        return self._key("connections", process)

    def _of_user(self, user_id: str) -> str:
        return self._key("user", user_id)

    def _key(self, kind: str, name: str) -> str:
        return f"{self._prefix}{kind}:{name}"


def _oldest_first(own: Iterable[Presence], others: Iterable[Presence]) -> list[Presence]:
    found: dict[str, Presence] = {presence.connection_id: presence for presence in (*others, *own)}
    return sorted(found.values(), key=lambda presence: presence.connected_at)
