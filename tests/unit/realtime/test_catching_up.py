"""Kept messages at two nodes: lost, doubled and out of order on the way, told once and in order all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, update

from server.clock import utc_now
from server.realtime.catching_up import CatchUp
from server.realtime.close_codes import CloseCode
from server.realtime.history import History, KeptMessage
from server.realtime.positions import KeptArrival, Positions
from server.realtime.protocol import Position
from server.storage.database import Database
from server.storage.tables import stream_messages, streams, users
from tests.databases import EmptyDatabase, opened_in
from tests.unit.realtime.people import join, manager_of


class Node:
    def __init__(self, database: Database) -> None:
        self.history = History(database)
        self.manager = manager_of()
        self.catch_up = CatchUp(history=self.history, manager=self.manager, look_seconds=60)
        self.catch_up.told_by(lambda kept: self.told.append(kept.offset))
        self.told: list[int] = []
        self.first = 0

    def hear(self, kept: KeptMessage) -> None:
        match self.history.arrives(kept.user_id, kept.position):
            case KeptArrival.NEXT:
                self.told.append(kept.offset)
            case KeptArrival.GAP:
                self.catch_up.is_behind(kept.user_id)

    async def comes(self) -> None:
        if "alice" not in self.history.positions:
            await self.history.load("alice")
            self.first, self.told = self.history.position("alice").offset, []

    def goes(self) -> None:
        self.history.forget("alice")


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["keep", "keep", "keep", "lose", "swap", "double", "come", "go", "look", "turn"]),
        st.integers(0, 1),
    ),
    max_size=40,
)


def test_whoever_listens_is_told_every_offset_once_and_in_order(empty_database: EmptyDatabase) -> None:
    @settings(max_examples=25, deadline=None)
    @given(STEPS)
    def check(steps: list[tuple[str, int]]) -> None:
        with TemporaryDirectory() as directory:
            asyncio.run(play(Path(directory), empty_database, steps))

    check()


async def play(directory: Path, empty: EmptyDatabase, steps: list[tuple[str, int]]) -> None:
    database = opened_in(directory, empty)
    try:
        async with database.write() as connection:
            known = {"password_hash": "", "role": "editor", "created_at": utc_now()}
            await connection.execute(insert(users), [{"id": "alice", "name": "alice", "name_key": "alice", **known}])
        nodes, writer = [Node(database), Node(database)], History(database)
        catching = [asyncio.create_task(node.catch_up.run()) for node in nodes]
        await nodes[0].comes()
        on_the_way: list[tuple[Node, KeptMessage]] = []
        for action, number in steps:
            await _step(action, nodes[number], nodes, on_the_way, lambda: _keep(database, writer))
        for node, kept in on_the_way:
            node.hear(kept)
        end = await writer.stored("alice")
        assert end is not None
        for node in nodes:
            await node.catch_up.of("alice")
            if "alice" in node.history.positions:
                assert node.told == list(range(node.first + 1, end.offset + 1))
        for task in catching:
            task.cancel()
        await asyncio.wait(catching)
    finally:
        await database.close()


async def _step(
    action: str,
    node: Node,
    nodes: list[Node],
    on_the_way: list[tuple[Node, KeptMessage]],
    keep: Callable[[], Awaitable[KeptMessage]],
) -> None:
    if action == "keep":
        kept = await keep()
        on_the_way += [(each, kept) for each in nodes]
    elif action == "lose" and on_the_way:
        on_the_way.pop()
    elif action == "swap":
        on_the_way.reverse()
    elif action == "double" and on_the_way:
        on_the_way.append(on_the_way[0])
    elif action == "come":
        await node.comes()
    elif action == "go":
        node.goes()
    elif action == "look":
        node.catch_up.may_have_lost()
    elif action == "turn" and on_the_way:
        to, kept = on_the_way.pop(0)
        to.hear(kept)
        await asyncio.sleep(0)


async def _keep(database: Database, history: History) -> KeptMessage:
    async with database.write() as connection:
        return await history.append(connection, "alice", type="notification", body=b"x")


async def test_who_cannot_be_given_all_of_it_is_sent_to_come_back(database: Database) -> None:
    node = Node(database)
    for name in ("alice", "bob"):
        await node.history.load(name)
    hers, his = join(node.manager, "alice"), join(node.manager, "bob")
    for _ in range(3):
        await _keep(database, node.history)
    async with database.write() as connection:
        await connection.execute(delete(stream_messages).where(stream_messages.c.offset == 2))
        await connection.execute(update(streams).where(streams.c.user_id == "bob").values(epoch="0"))
    assert sorted(await node.history.behind(["alice", "bob"])) == ["alice", "bob"]
    assert await node.history.behind_since(utc_now().replace(year=2000)) == ["alice"]
    for name in ("alice", "bob"):
        await node.catch_up.of(name)
    assert (hers.closed_with, his.closed_with) == (CloseCode.BEHIND, CloseCode.BEHIND)
    assert CloseCode.BEHIND.may_reconnect
    assert node.told == []


def test_what_arrives_while_a_position_is_read_is_looked_up_after_it() -> None:
    positions = Positions()
    positions.begin_loading("alice")
    assert positions.arrives("alice", Position(epoch="e", offset=2)) is KeptArrival.NOBODY
    assert positions.loaded("alice", Position(epoch="e", offset=1))
    assert positions.arrives("alice", Position(epoch="d", offset=9)) is KeptArrival.KNOWN
    assert positions.arrives("alice", Position(epoch="f", offset=1)) is KeptArrival.GAP
    assert positions.arrives("alice", Position(epoch="e", offset=3)) is KeptArrival.GAP
    assert positions.arrives("alice", Position(epoch="e", offset=2)) is KeptArrival.NEXT
