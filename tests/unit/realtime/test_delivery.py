"""What becomes of a publication at the node that hears it."""

from __future__ import annotations

import pytest

from server.realtime.broker import Close, Ended, EventPublished, Publication
from server.realtime.close_codes import CloseCode
from server.realtime.delivery import Delivery
from tests.unit.realtime.people import join, manager_of
from tests.waiting import flushed


class Moved(Publication, frozen=True, kw_only=True):
    what: str


async def test_publications_of_others_are_delivered_as_they_say() -> None:
    seen: list[Publication] = []
    delivery = Delivery(manager_of(), {Moved: seen.append})
    delivery.receive(Moved(what="x"))
    assert seen == [Moved(what="x")]


async def test_a_publication_that_cannot_be_delivered_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    def fail(moved: Moved) -> None:
        raise ZeroDivisionError

    manager = manager_of()
    delivery = Delivery(manager, {Moved: fail})
    link = join(manager, "alice")
    assert link.connection is not None
    manager.subscribe(link.connection, ["news"])
    delivery.receive(Moved(what="x"))
    delivery.receive(EventPublished(event="news", data=1))
    await flushed(manager)
    assert [message["data"] for message in link.messages] == [1]
    assert "could not be delivered: Moved" in caplog.text


async def test_only_what_rests_on_what_ended_is_closed() -> None:
    manager = manager_of()
    delivery = Delivery(manager, {})
    hers, his = join(manager, "alice"), join(manager, "bob")
    delivery.receive(Ended(session_id="unknown"))
    assert (hers.closed_with, his.closed_with) == (None, None)
    delivery.receive(Ended(user_id="alice", code=CloseCode.RIGHTS_CHANGED))
    assert (hers.closed_with, his.closed_with) == (CloseCode.RIGHTS_CHANGED, None)


async def test_a_connection_that_is_not_here_is_closed_elsewhere() -> None:
    manager = manager_of()
    link = join(manager, "alice")
    Delivery(manager, {}).receive(Close(connection_id="other", code=CloseCode.FORBIDDEN, reason="x"))
    assert link.closed_with is None
