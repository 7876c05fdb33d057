"""What every broker does, whatever carries the publications."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest

from server.clock import utc_now
from server.engines.memory_broker import MemoryBroker
from server.jobs.job import Job
from server.live.job_messages import JobMoved
from server.live.notices import UnreadChanged
from server.realtime.broker import (
    EVERYBODY,
    Broker,
    Close,
    Ended,
    EventPublished,
    Hearing,
    KeptTold,
    PresenceChanged,
    Publication,
    event_topic,
    user_topic,
)
from server.realtime.close_codes import CloseCode
from server.realtime.presence import Presence
from server.realtime.protocol import Position

NOW = utc_now()
PUBLICATIONS: tuple[Publication, ...] = (
    JobMoved(
        job=Job(
            id="j1",
            kind="data_import",
            owner_id="alice",
            title="销售",
            unit="rows",
            created_at=NOW - timedelta(seconds=1),
            detail={"rejected": 3, "stage": "reading"},
            revision=7,
        ),
        is_life_change=True,
    ),
    KeptTold(type="job", body=b"{}", at=NOW, positions={"alice": Position(epoch="e", offset=3)}),
    EventPublished(event="news", data={"a": [1, None, "二"]}, owner_id="alice"),
    Ended(session_id="s1"),
    Ended(user_id="alice", code=CloseCode.RIGHTS_CHANGED),
    Close(connection_id="c1", code=CloseCode.FORBIDDEN, reason="closed by an administrator"),
    UnreadChanged(user_id="alice", unread=2),
    PresenceChanged(
        user_ids=["alice"],
        joined=[
            Presence(
                connection_id="c1",
                client_id="tab",
                user_id="alice",
                user_name="Alice",
                role="editor",
                device="Firefox",
                address="127.0.0.1",
                connected_at=NOW,
                session_id="s1",
                token_id=None,
                subscriptions=0,
                sent=0,
                held=0,
                unsent_bytes=0,
                conflated=0,
                recovered=0,
                refused=0,
                dropped=0,
            )
        ],
        left=["c2"],
        more=False,
    ),
)

KINDS = tuple({type(each) for each in PUBLICATIONS})


class Heard(list[Publication]):
    def hear(self, publication: Publication) -> None:
        self.append(publication)


@pytest.fixture(params=["memory", "valkey"])
def broker(request: pytest.FixtureRequest) -> Broker:
    if request.param == "memory":
        return MemoryBroker()
    from server.engines.valkey import ValkeyBroker
    from tests import valkey  # where only one node is tried, nothing else need be installed

    return ValkeyBroker(valkey.new_address())


@pytest.fixture
async def heard(broker: Broker) -> AsyncIterator[Heard]:
    heard = Heard()
    await broker.open(Hearing(receive=heard.hear, kinds=KINDS))
    yield heard
    await broker.close()


@pytest.mark.parametrize("publication", PUBLICATIONS, ids=lambda each: type(each).__name__)
def test_a_publication_is_data_and_survives_a_journey(publication: Publication) -> None:
    decoder = msgspec.msgpack.Decoder(_union(KINDS))
    assert decoder.decode(msgspec.msgpack.encode(publication)) == publication


async def test_what_is_sent_to_a_topic_is_heard_here_before_send_returns(broker: Broker, heard: Heard) -> None:
    await broker.join(user_topic("alice"))
    for number in range(3):
        broker.send(UnreadChanged(user_id="alice", unread=number))
        assert len(heard) == number + 1


async def test_what_nobody_here_joined_is_not_heard(broker: Broker, heard: Heard) -> None:
    await broker.join(user_topic("alice"))
    await broker.join(event_topic("news"))
    broker.send(UnreadChanged(user_id="bob", unread=1))
    broker.send(EventPublished(event="other", data=1))
    broker.send(Ended(user_id="alice"))
    assert heard == []
    await broker.join(EVERYBODY)
    broker.send(Ended(user_id="alice"))
    assert len(heard) == 1


async def test_after_leaving_nothing_more_is_heard(broker: Broker, heard: Heard) -> None:
    await broker.join(user_topic("alice"))
    broker.leave(user_topic("alice"))
    broker.leave(user_topic("alice"))
    broker.send(UnreadChanged(user_id="alice", unread=1))
    assert heard == []


async def test_a_publication_with_several_topics_is_heard_once(broker: Broker, heard: Heard) -> None:
    moved = PUBLICATIONS[0]
    for topic in moved.topics:
        await broker.join(topic)
    broker.send(moved)
    assert heard == [moved]


async def test_a_message_kept_for_many_goes_to_every_node_and_one_of_a_user_only_to_those_who_serve_them(
    broker: Broker, heard: Heard
) -> None:
    positions = {name: Position(epoch="e", offset=1) for name in ("alice", "bob")}
    for_all = KeptTold(type="notification", body=b"{}", at=NOW, positions=positions)
    for_bob = KeptTold(type="notification", body=b"{}", at=NOW, positions={"bob": positions["bob"]})
    await broker.join(EVERYBODY)
    broker.send(for_bob)
    broker.send(for_all)
    assert heard == [for_all]


async def test_a_closed_broker_hands_nothing_over(broker: Broker, heard: Heard) -> None:
    await broker.join(user_topic("alice"))
    await broker.close()
    broker.send(UnreadChanged(user_id="alice", unread=1))
    assert heard == []


def _union(kinds: tuple[type[Publication], ...]) -> type[Publication]:
    union = kinds[0]
    for kind in kinds[1:]:
        union = union | kind  # type: ignore[assignment]
    return union
