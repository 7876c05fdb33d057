"""What a socket of GraphQL makes of its messages, over a wire and a house that can be looked into."""

from __future__ import annotations

import asyncio
import contextvars
import json
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock, call

import pytest
from aiohttp import WSMessage, WSMsgType
from graphql import OperationType

from server.auth.endings import Validity
from server.jobs.turns import Turns
from server.realtime.close_codes import CloseCode
from server.realtime.limits import LiveLimits
from server.transports.admission import Floods
from server.transports.frame_queue import LiveEnded
from server.transports.graphql.live import LiveDoor
from server.transports.graphql.sockets import GraphQlSocket
from server.transports.visitor import Visitor
from tests.unit.realtime.people import person
from tests.waiting import until

Message = dict[str, Any]
CALM = LiveLimits(messages_per_second=1_000.0, message_burst=1_000)
QUERY, FOLLOW, STUBBORN = "{ slow }", "subscription { follow }", "subscription { stubborn }"


class Wire:
    """Both ends of it: what the client said and is told."""

    def __init__(self) -> None:
        self._said: asyncio.Queue[WSMessage] = asyncio.Queue()
        self.told: list[Message] = []
        self.ended: tuple[int, str] | None = None

    # as the socket and the link

    async def receive(self) -> WSMessage:
        return await self._said.get()

    async def send_str(self, text: str) -> None:
        self.told.append(json.loads(text))

    def end(self, code: int, reason: str) -> None:
        self.ended = self.ended or (code, reason)
        self._said.put_nowait(WSMessage(WSMsgType.CLOSE, code, ""))

    def ping(self) -> None: ...

    async def answer(self, ending: WSMessage | None) -> None: ...

    # as the client

    def say(self, kind: str, **message: Any) -> None:
        self._said.put_nowait(WSMessage(WSMsgType.TEXT, json.dumps({"type": kind, **message}), ""))

    def start(self, query: str, operation_id: str = "1") -> None:
        self.say("subscribe", id=operation_id, payload={"query": query})

    def leave(self) -> None:
        self._said.put_nowait(WSMessage(WSMsgType.CLOSE, 1000, ""))

    def of(self, operation_id: str) -> list[Message]:
        return [each for each in self.told if each.get("id") == operation_id]


class House:
    """Executes three operations: one that is answered late, one that follows, and one that is slow to be given up."""

    def __init__(self, limits: LiveLimits = CALM) -> None:
        self.limits = limits
        self.floods = Floods()
        self.execution = self.live = self
        self.may_answer, self.may_give_up = asyncio.Event(), asyncio.Event()
        self.sent_away = asyncio.Event()
        self.followed: dict[Any, Any] = {}  # connection → carrier
        self.left: list[Any] = []
        self.asked = self.looks = 0
        self.stored = self.heard = Validity.GOOD
        self.turns = Turns(places=16, per_user=4)

    async def recognised(self, principal: Any, *_: Any) -> Any:
        return principal

    async def standing(self, _principal: Any) -> Validity:
        self.looks += 1
        return self.stored

    def heard_of(self, _principal: Any) -> Validity:
        return self.heard

    @contextmanager
    def place(self, *_: Any) -> Iterator[None]:
        yield

    def turn(self, principal: Any) -> AbstractAsyncContextManager[None]:
        return self.turns.take(principal.user_id)

    def call(self, *_: Any, carrier: Any) -> Any:
        return carrier

    def translate(self, _call: Any) -> Callable[[str], str]:
        return str

    def translator(self, *_: Any) -> Callable[[str], str]:
        return str

    def leave(self, connection: Any) -> None:
        self.left.append(connection)
        self.followed.pop(connection)

    async def prepared(self, asked: Any) -> Any:
        is_subscription = asked.query.startswith("subscription")
        kind = OperationType.SUBSCRIPTION if is_subscription else OperationType.QUERY
        return SimpleNamespace(query=asked.query, errors=(), kind=kind)

    async def result(self, *_: Any) -> Message:
        self.asked += 1
        await self.may_answer.wait()
        return {"data": {"slow": 1}}

    async def results(self, prepared: Any, carrier: Any, _translate: Any) -> AsyncIterator[Message]:
        connection = Mock()
        carrier.connections.add(connection)
        self.followed[connection] = carrier
        try:
            yield {"data": {"joined": 1}}
            await self.sent_away.wait()
            raise LiveEnded(CloseCode.DRAINING, "draining; retry in 3 s")
        except asyncio.CancelledError:
            if prepared.query != STUBBORN:
                raise
            await self.may_give_up.wait()
            yield {"data": {"late": 1}}
        finally:
            carrier.connections.discard(connection)


@asynccontextmanager
async def opened(house: House) -> AsyncIterator[tuple[Wire, GraphQlSocket]]:
    """One that is acknowledged; left by its client in the end."""
    wire = Wire()
    socket = GraphQlSocket(
        cast(Any, house),
        visitor=Visitor(address="10.0.0.1"),
        principal=person("alice"),
        socket=cast(Any, wire),
        link=cast(Any, wire),
        context=contextvars.copy_context(),
    )
    running = asyncio.create_task(socket.run())
    wire.say("connection_init")
    await until(lambda: wire.told)
    yield wire, socket
    house.may_give_up.set()
    wire.leave()
    await running


async def test_an_id_is_free_as_soon_as_its_operation_is_completed() -> None:
    house = House()
    async with opened(house) as (wire, _):
        wire.start(STUBBORN)
        await until(lambda: wire.of("1"))
        wire.say("complete", id="1")
        wire.start(FOLLOW)
        await until(lambda: len(wire.of("1")) == 2, so="the second one joined")
        assert len(house.left) == 1, "the first one's connection counts no more"
        house.may_give_up.set()
        await until(lambda: len(asyncio.all_tasks()) == 3, so="the first one is over")
        assert [each["payload"] for each in wire.of("1")] == [{"data": {"joined": 1}}] * 2
        assert wire.ended is None


async def test_places_are_free_as_soon_as_operations_are_completed() -> None:
    house = House()
    async with opened(house) as (wire, _):
        for number in range(20):
            wire.start(STUBBORN, str(number))
        await until(lambda: len(house.followed) == 20)
        for number in range(20):
            wire.say("complete", id=str(number))
        for number in range(20):
            wire.start(FOLLOW, f"again {number}")
        await until(lambda: len(wire.told) == 41, so="all are answered")
        assert [each["payload"] for each in wire.told[21:]] == [{"data": {"joined": 1}}] * 20
        wire.start(FOLLOW, "one more")
        await until(lambda: wire.of("one more"))
        assert wire.of("one more")[0]["payload"][0]["extensions"]["code"] == "too_many_operations"


async def test_what_is_completed_is_over_however_fast_messages_come() -> None:
    house = House(LiveLimits(messages_per_second=0.001, message_burst=21))
    async with opened(house) as (wire, _):
        for number in range(20):
            wire.start(FOLLOW, str(number))
        await until(lambda: len(house.followed) == 20)
        wire.start(FOLLOW, "dropped")
        for number in range(20):
            wire.say("complete", id=str(number))
        await until(lambda: not house.followed, seconds=5)
        assert wire.of("dropped")[0]["payload"][0]["extensions"]["code"] == "rate_limited"
        assert wire.ended is None


async def test_who_floods_with_completions_is_ended_all_the_same() -> None:
    house = House(LiveLimits(messages_per_second=0.001, message_burst=2))
    async with opened(house) as (wire, socket):
        now = 0.0
        socket._rate._clock = lambda: now
        for number in range(60):
            now = 1_000.0 + number * 0.1
            wire.say("complete", id=str(number))
            await asyncio.sleep(0)
        await until(lambda: wire.ended)
        assert wire.ended == (4504, "too many messages")


async def test_what_is_being_answered_when_the_server_stops_is_answered_before_the_farewell() -> None:
    house = House()
    async with opened(house) as (wire, socket):
        wire.start(QUERY, "asked")
        wire.start(FOLLOW, "followed")
        await until(lambda: house.followed)
        socket.drain()
        house.sent_away.set()
        await until(lambda: not socket.connections)
        wire.start(QUERY, "too late")
        await until(lambda: wire.of("too late"))
        assert wire.of("too late")[0]["payload"][0]["extensions"]["closeCode"] == 4000
        assert wire.ended is None
        house.may_answer.set()
        await until(lambda: wire.ended)
        assert [each["type"] for each in wire.of("asked")] == ["next", "complete"]
        assert wire.ended == (4000, "draining; retry in 3 s")


async def test_operations_over_sockets_take_turns_with_all_that_their_user_asks() -> None:
    house = House()
    async with house.turns.take("alice"), opened(house) as (wire, _):
        for number in range(6):
            wire.start(QUERY, str(number))
        await until(lambda: house.asked == 3)
        async with opened(house) as (another, _):
            another.start(QUERY)
            await until(lambda: house.turns.statistics().waiting == 4)
            assert house.asked == 3
            house.may_answer.set()
            await until(lambda: len(wire.told) == 13 and len(another.told) == 3)


async def test_who_follows_holds_no_turn() -> None:
    house = House()
    async with opened(house) as (wire, _):
        for number in range(6):
            wire.start(FOLLOW, str(number))
        await until(lambda: len(house.followed) == 6)
        assert house.turns.statistics().in_use == 0


@pytest.mark.parametrize(("standing", "code"), [(Validity.ENDED, 4500), (Validity.CHANGED, 4003)])
async def test_a_socket_without_a_subscription_ends_with_what_it_rests_on(standing: Validity, code: int) -> None:
    house = House()
    async with opened(house) as (wire, socket):
        socket.look_after()
        assert (wire.ended, house.looks) == (None, 0), "nobody asks the database every second"
        house.heard = standing
        socket.look_after()
        assert wire.ended is not None
        assert wire.ended[0] == code


async def test_sockets_without_a_subscription_end_also_when_no_word_came_of_it_and_are_asked_for_together() -> None:
    asked: list[set[Any]] = []
    people = [Mock(user_id=name) for name in ("alice", "alice", "bob", "carol")]

    async def standings_of(principals: Collection[Any]) -> dict[Any, Validity]:
        asked.append(set(principals))
        return {people[1]: Validity.ENDED, people[3]: Validity.CHANGED}

    door = LiveDoor(Mock(standings_of=standings_of, manager=Mock(limits=CALM)))
    sockets = [Mock(connections=[]) for _ in people]
    sockets[2].connections = ["one that is looked after with all others"]
    with ExitStack() as places:
        for person, socket in zip(people, sockets, strict=True):
            places.enter_context(door.place(person, socket))
        await door.recheck()
    assert asked == [{people[0], people[1], people[3]}]
    assert [each.end_unless_good.mock_calls for each in sockets] == [
        [call(Validity.GOOD)],
        [call(Validity.ENDED)],
        [],
        [call(Validity.CHANGED)],
    ]


async def test_no_answer_is_waited_for_longer_than_requests_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.transports.graphql.sockets._ANSWER_SECONDS", 0.05)
    async with opened(House()) as (wire, socket):
        wire.start(QUERY)
        socket.drain()
        await until(lambda: wire.ended)
        assert wire.ended == (4000, "draining; connect again")
