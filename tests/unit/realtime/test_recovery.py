"""Keeping, leaving, coming back, trimming, being slow, in any order: a client has the stream whole and in order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from server.auth.endings import Endings
from server.auth.permissions import Principal, Role
from server.clock import utc_now
from server.engines.memory_broker import MemoryBroker
from server.languages import Languages
from server.realtime.catching_up import CatchUp
from server.realtime.close_codes import CloseCode
from server.realtime.connection import Connection
from server.realtime.history import History, KeptMessage
from server.realtime.joining import Joiner
from server.realtime.limits import LiveLimits
from server.realtime.manager import ConnectionManager
from server.realtime.positions import KeptArrival
from server.realtime.presences import LocalPresences, Replacing
from server.realtime.protocol import Position
from server.realtime.replay import Replay
from server.realtime.topics import Topics
from server.realtime.wording import Wording
from server.storage.database import Database
from server.storage.tables import users
from tests.databases import EmptyDatabase, opened_in
from tests.waiting import until

LANGUAGES = Languages.load(Path("locales"))
KEPT = 6
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("keep"), st.integers(1, 4)),
        st.tuples(st.sampled_from(["leave", "return", "busy", "idle", "turn", "prune", "restart", "cut"]), st.just(0)),
    ),
    max_size=40,
)


def render(kept: KeptMessage, language: str) -> bytes:
    return json.dumps({"type": "notification", "offset": kept.offset, "text": kept.body.decode()}).encode()


@dataclass
class Clients:
    links: Sequence[Client]

    def write(self, frames: Sequence[bytes], begin: int, end: int) -> Sequence[int]:
        behind = [place for place in range(begin, end) if self.links[place].is_busy]
        for place in set(range(begin, end)).difference(behind):
            self.links[place].write(frames)
        return behind


@dataclass
class Client:
    """As ours merge: the position moves with each kept message; without recovery it begins anew."""

    is_busy: bool = False
    position: Position | None = None
    texts: list[str] = field(default_factory=list)  # since it last began anew
    began_at: int = 0

    def write(self, frames: Sequence[bytes]) -> None:
        for frame in frames:
            self._take(json.loads(frame))

    def gather(self, links: Sequence[Client]) -> Clients:
        return Clients(links)

    def unsent_bytes(self) -> int:
        return 100_000 if self.is_busy else 0

    def ping(self) -> None: ...

    def close(self, code: CloseCode, reason: str = "") -> None: ...

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "connection":
            if not message["recovered"]:
                self.texts, self.began_at = [], message["offset"]
            if not message["recovered"] or not message["missed"]:
                self.position = Position(epoch=message["epoch"], offset=message["offset"])
        elif message["type"] == "notification":
            assert self.position is not None
            assert message["offset"] == self.position.offset + 1  # no gap, no duplicate
            self.position = Position(epoch=self.position.epoch, offset=message["offset"])
            self.texts.append(message["text"])


async def nothing(user_id: str) -> None: ...


class World:
    """A server that can be started anew on its database, and Alice's client."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.truth: list[str] = []  # every text ever kept
        self.client = Client()
        self.connection: Connection | None = None
        self.start()

    def start(self) -> None:
        self.manager = ConnectionManager(LiveLimits())
        self.history = History(self.database, keep_messages=KEPT)
        self.catching_up = CatchUp(history=self.history, manager=self.manager, look_seconds=60)
        self.catching_up.told_by(self._tell)
        self._reading = asyncio.create_task(self.catching_up.run())  # as the server does, for whoever is behind
        self.joiner = Joiner(
            manager=self.manager,
            history=self.history,
            catch_up=self.catching_up,
            topics=Topics(broker=MemoryBroker(), manager=self.manager, forget=self.history.forget),
            presences=LocalPresences(self.manager),
            replacing=Replacing(self.manager, MemoryBroker()),
            prepare=nothing,
            languages=LANGUAGES,
            endings=Endings(),
            replay=Replay(render),
            node="test",
        )

    async def step(self, action: str, number: int) -> None:
        if action == "keep":
            # One after the other, while whoever returns at the same time is in the middle of joining.
            await asyncio.gather(*[self._keep() for _ in range(number)])
        elif action == "leave":
            self._leave()
        elif action == "return":
            await asyncio.gather(self._return(), self._keep())
        elif action in ("busy", "idle"):
            self.client.is_busy = action == "busy"
        elif action == "turn":
            await asyncio.sleep(0)
        elif action == "prune":
            await self.history.prune()
        elif action == "restart":
            self._leave()
            await self.stop()
            self.start()
        elif action == "cut":
            self._leave()
            await self.history.cut_all()

    async def stop(self) -> None:
        self.manager.close_all(CloseCode.DRAINING)
        self._reading.cancel()
        await asyncio.wait([self._reading])

    async def catch_up(self) -> None:
        self.client.is_busy = False
        await until(self._is_up_to_date, seconds=10)

    async def _is_up_to_date(self) -> bool:
        if self.connection is None or self.connection.id not in self.manager.active_connections:
            self.connection = None  # whoever was sent away comes back
            await self._return()
        assert self.connection is not None
        told = self.client.position
        return not self.connection.outbox and told is not None and told.offset == len(self.truth)

    async def _keep(self) -> None:
        async with self.database.write() as connection:
            text = f"message {len(self.truth)}"
            kept = await self.history.append(connection, "alice", type="notification", body=text.encode())
            self.truth.append(text)
        match self.history.arrives("alice", kept.position):
            case KeptArrival.NEXT:
                self._tell(kept)
            case KeptArrival.GAP:
                await self.catching_up.of("alice")

    def _tell(self, kept: KeptMessage) -> None:
        wording = Wording(lambda language: {"type": "notification", "text": kept.body.decode()})
        self.manager.send_json_to_user("alice", wording, offset=kept.offset)

    def _leave(self) -> None:
        if self.connection is not None:
            self.manager.disconnect(self.connection)
            self.connection = None

    async def _return(self) -> None:
        if self.connection is not None:
            return
        alice = Principal(user_id="alice", user_name="alice", role=Role.EDITOR, language="en")
        connection = self.manager.new_connection(client_id="tab", principal=alice, language="en", link=self.client)
        await self.joiner.join(connection, self.client.position)
        self.connection = connection


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_client_has_the_stream_whole_and_in_order_whatever_happens(
    steps: list[tuple[str, int]], empty_database: EmptyDatabase, tmp_path: Path
) -> None:
    asyncio.run(_check(steps, opened_in(tmp_path, empty_database)))


async def _check(steps: list[tuple[str, int]], database: Database) -> None:
    async with database.write() as connection:
        row = {"name": "alice", "name_key": "alice", "password_hash": "", "role": "editor", "created_at": utc_now()}
        await connection.execute(insert(users).values(id="alice", **row))
    world = World(database)
    try:
        for action, number in steps:
            await world.step(action, number)
        await world.catch_up()
        # Whole from where it last had to begin anew, up to the very last.
        assert world.client.texts == world.truth[world.client.began_at :]
    finally:
        await world.stop()
        await database.close()
