"""Who subscribed to what, as lists that are made once and never stale."""

from __future__ import annotations

from server.realtime.subscribers import Subscribers
from tests.unit.realtime.people import join, manager_of


async def test_an_audience_is_kept_until_somebody_comes_or_goes() -> None:
    manager, subscribers = manager_of(), Subscribers()
    hers, his = join(manager, "alice").connection, join(manager, "bob").connection
    assert hers is not None
    assert his is not None
    subscribers.add("news", hers)
    alone = subscribers.audience("news")
    assert list(alone.connections) == [hers]
    assert subscribers.audience("news") is alone
    subscribers.add("other", his)
    assert subscribers.audience("news") is alone
    subscribers.add("news", his)
    assert set(subscribers.audience("news").connections) == {hers, his}
    subscribers.discard("news", hers)
    assert list(subscribers.audience("news").connections) == [his]


async def test_nothing_is_left_of_an_event_that_nobody_subscribes_to_any_more() -> None:
    manager, subscribers = manager_of(), Subscribers()
    connection = join(manager, "alice").connection
    assert connection is not None
    subscribers.add("news", connection)
    subscribers.discard("news", connection)
    subscribers.discard("news", connection)
    assert subscribers.count("news") == 0
    assert list(subscribers.audience("news").connections) == []
