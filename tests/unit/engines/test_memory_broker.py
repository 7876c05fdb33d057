"""The broker of a server that is alone; what every broker does stands in tests/contract/test_broker.py."""

from __future__ import annotations

import pytest

from server.engines.memory_broker import MemoryBroker
from server.live.notices import UnreadChanged
from server.realtime.broker import Hearing, Publication, user_topic

TOLD = UnreadChanged(user_id="alice", unread=1)


async def test_before_it_is_opened_and_after_it_was_closed_nothing_is_heard() -> None:
    heard: list[Publication] = []
    broker = MemoryBroker()
    broker.send(TOLD)
    await broker.open(Hearing(receive=heard.append))
    await broker.join(user_topic("alice"))
    await broker.close()
    broker.send(TOLD)
    await broker.open(Hearing(receive=heard.append))
    broker.send(TOLD)  # what was joined before is forgotten
    assert heard == []


async def test_who_listens_may_send_join_and_leave_meanwhile() -> None:
    heard: list[Publication] = []
    broker = MemoryBroker()

    def hear(publication: Publication) -> None:
        heard.append(publication)
        broker.leave(user_topic("alice"))
        broker.send(TOLD)

    await broker.open(Hearing(receive=hear))
    await broker.join(user_topic("alice"))
    broker.send(TOLD)
    assert heard == [TOLD]


async def test_what_goes_wrong_with_a_listener_is_told_to_whoever_sends() -> None:
    def hear(publication: Publication) -> None:
        raise ZeroDivisionError

    broker = MemoryBroker()
    await broker.open(Hearing(receive=hear))
    await broker.join(user_topic("alice"))
    with pytest.raises(ZeroDivisionError):
        broker.send(TOLD)
