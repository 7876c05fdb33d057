"""How a connection joins: heard of before it is looked up, looked up before it is let in."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.auth.endings import Endings
from server.engines.memory_broker import MemoryBroker
from server.languages import Languages
from server.realtime import codec
from server.realtime.broker import Hearing
from server.realtime.catching_up import CatchUp
from server.realtime.close_codes import CloseCode
from server.realtime.connection import Connection
from server.realtime.history import History, KeptMessage
from server.realtime.joining import Joiner, Prepare
from server.realtime.manager import Refused
from server.realtime.presences import LocalPresences, Replacing
from server.realtime.protocol import Position
from server.realtime.replay import Replay
from server.realtime.topics import Topics
from server.storage.database import Database, DatabaseAway
from tests.unit.realtime.links import MemoryLink
from tests.unit.realtime.people import manager_of, person
from tests.waiting import flushed

LANGUAGES = Languages.load(Path("locales"))


async def nothing(user_id: str) -> None: ...


async def without_database(user_id: str) -> None:
    raise DatabaseAway


def render(kept: KeptMessage, language: str) -> bytes:
    return codec.encode({"type": "notification", "offset": kept.offset})


class House:
    def __init__(self, database: Database, *, prepare: Prepare = nothing) -> None:
        self.database = database
        self.manager = manager_of()
        self.history = History(database)
        self.endings = Endings()
        self.broker = MemoryBroker()
        self.joiner = Joiner(
            manager=self.manager,
            history=self.history,
            catch_up=CatchUp(history=self.history, manager=self.manager, look_seconds=60),
            topics=Topics(broker=self.broker, manager=self.manager, forget=self.history.forget),
            presences=LocalPresences(self.manager),
            replacing=Replacing(self.manager, self.broker),
            prepare=prepare,
            languages=LANGUAGES,
            endings=self.endings,
            replay=Replay(render),
            node="test",
        )

    def visitor(self, name: str = "alice", *, language: str = "en") -> tuple[Connection, MemoryLink]:
        link = MemoryLink()
        principal = person(name, language=language, session_id=f"session of {name}")
        connection = self.manager.new_connection(client_id="tab", principal=principal, language=language, link=link)
        return connection, link

    async def keep(self, name: str = "alice") -> KeptMessage:
        async with self.database.write() as connection:
            kept = await self.history.append(connection, name, type="notification", body=b"x")
        self.history.arrives(name, kept.position)
        return kept


async def test_the_welcome_says_who_one_is_and_where_the_stream_stands(database: Database) -> None:
    house = House(database)
    await house.keep()
    connection, link = house.visitor(language="zh-CN")
    await house.joiner.join(connection, None)
    (welcome,) = link.messages
    assert (welcome["type"], welcome["offset"], welcome["recovered"]) == ("connection", 1, False)
    assert (welcome["user"]["name"], welcome["client_id"]) == ("alice", "tab")
    assert welcome["message"] == "WebSocket连接成功，客户端ID: tab"


async def test_what_was_missed_follows_the_welcome(database: Database) -> None:
    house = House(database)
    kept = [await house.keep() for _ in range(3)]
    await house.keep("bob")
    connection, link = house.visitor()
    await house.joiner.join(connection, Position(epoch=kept[0].epoch, offset=1))
    await flushed(house.manager)
    assert link.messages[0]["missed"] == 2
    assert [message["offset"] for message in link.messages[1:]] == [2, 3]


async def test_a_position_that_is_none_of_this_stream_recovers_nothing(database: Database) -> None:
    house = House(database)
    kept = await house.keep()
    for since in (Position(epoch="other", offset=0), Position(epoch=kept.epoch, offset=99)):
        connection, link = house.visitor()
        await house.joiner.join(connection, since)
        await flushed(house.manager)
        (welcome,) = link.messages
        assert (welcome["recovered"], welcome["missed"], welcome["offset"]) == (False, 0, 1)


async def test_nobody_is_let_in_on_what_ended_on_the_way(database: Database) -> None:
    house = House(database)
    hers, link = house.visitor()
    house.endings.session_ended("session of alice")
    with pytest.raises(Refused) as refused:
        await house.joiner.join(hers, None)
    assert refused.value.code is CloseCode.SIGNED_OUT
    assert link.messages == []
    his, _ = house.visitor("bob")
    house.endings.rights_changed("bob")
    with pytest.raises(Refused) as refused:
        await house.joiner.join(his, None)
    assert refused.value.code is CloseCode.RIGHTS_CHANGED
    assert not house.manager.active_connections


async def test_this_node_listens_to_the_user_by_then(database: Database) -> None:
    house = House(database)
    heard: list[object] = []
    await house.broker.open(Hearing(receive=heard.append))
    connection, _ = house.visitor()
    await house.joiner.join(connection, None)
    house.broker.send((await house.keep()).as_told())
    house.broker.send((await house.keep("bob")).as_told())
    assert len(heard) == 1


async def test_whoever_comes_while_the_database_is_away_is_told_to_come_back(database: Database) -> None:
    house = House(database, prepare=without_database)
    connection, link = house.visitor()
    with pytest.raises(Refused) as refused:
        await house.joiner.join(connection, None)
    assert refused.value.code.may_reconnect
    assert isinstance(refused.value.why, DatabaseAway)
    assert not link.messages
    assert not house.manager.active_connections
