"""A client that comes to another node: its older connection gives way, unless the newer one was gone at once."""

from __future__ import annotations

from server.engines.memory_broker import MemoryBroker
from server.realtime.broker import Hearing, user_topic
from server.realtime.close_codes import CloseCode
from server.realtime.connection import Connection
from server.realtime.presences import Replacing
from tests.unit.realtime.links import MemoryLink
from tests.unit.realtime.people import manager_of, person
from tests.waiting import until

LOOK_SECONDS = 0.02


class Node:
    def __init__(self) -> None:
        self.manager = manager_of()
        self.broker = MemoryBroker()
        self.replacing = Replacing(self.manager, self.broker, look_seconds=LOOK_SECONDS)

    async def is_heard_by(self, other: Node) -> None:
        await self.broker.open(Hearing(receive=other.replacing.deliver))  # type: ignore[arg-type]
        await self.broker.join(user_topic("alice"))

    def comes(self, *, moment: int, client_id: str = "tab", answers: bool = True) -> Connection:
        connection = self.manager.new_connection(
            client_id=client_id, principal=person("alice"), language="en", link=MemoryLink()
        )
        connection.moment = moment
        self.manager.connect(connection)
        self.replacing.has_come(connection)
        if answers:
            connection.heard()
        return connection


async def two_nodes() -> tuple[Node, Node]:
    east, west = Node(), Node()
    await east.is_heard_by(west)
    await west.is_heard_by(east)
    return east, west


async def test_the_older_one_gives_way_wherever_it_is() -> None:
    east, west = await two_nodes()
    older = east.comes(moment=1)
    newer = west.comes(moment=2)
    await until(lambda: older.closed_with)
    assert (older.closed_with, newer.closed_with) == (CloseCode.REPLACED, None)


async def test_whoever_was_let_in_late_and_had_left_before_replaces_nobody() -> None:
    """As by a node that stood still: its clock says that they came last."""
    east, west = await two_nodes()
    there = east.comes(moment=1)
    gone, silent = west.comes(moment=2), west.comes(moment=3, answers=False)
    west.manager.disconnect(gone)
    later = west.comes(moment=4, client_id="another")
    await until(lambda: later.is_told_of)
    assert there.closed_with is None
    silent.heard()
    await until(lambda: there.closed_with)


async def test_an_older_one_that_tells_of_itself_late_learns_that_it_is_the_older() -> None:
    east, west = await two_nodes()
    newer = west.comes(moment=2)
    await until(lambda: newer.is_told_of)
    older = east.comes(moment=1)
    await until(lambda: older.closed_with)
    assert (older.closed_with, newer.closed_with) == (CloseCode.REPLACED, None)


async def test_one_that_came_while_there_was_no_common_clock_is_taken_for_no_older_one() -> None:
    east, west = await two_nodes()
    there, told = east.comes(moment=0), west.comes(moment=2)
    await until(lambda: told.is_told_of)
    assert (there.closed_with, there.is_told_of) == (None, False)
