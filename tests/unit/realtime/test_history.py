"""Kept streams on a real database: whole or refused, trimmed by count and age, across restarts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from server.clock import utc_now
from server.realtime.history import History, Kept
from server.realtime.protocol import Position
from server.storage.database import Database
from server.storage.tables import stream_messages


async def keep(database: Database, history: History, text: str, user_id: str = "alice") -> Kept:
    async with database.write() as connection:
        kept = await history.append(connection, user_id, type="notification", body=text.encode())
    history.told(kept)
    return kept


async def test_messages_after_a_position_come_back_whole_and_in_order(database: Database) -> None:
    history = History(database)
    await history.load("alice")
    start = history.position("alice")
    for number in range(5):
        await keep(database, history, str(number))
        await keep(database, history, "his", "bob")
    found = await history.after("alice", start)
    assert found is not None
    assert [message.body for message in found] == [b"0", b"1", b"2", b"3", b"4"]
    assert [message.offset for message in found] == [1, 2, 3, 4, 5]
    assert await history.after("alice", history.position("alice")) == []


async def test_position_past_the_end_or_of_another_stream_is_refused(database: Database) -> None:
    history = History(database)
    kept = await keep(database, history, "x")
    assert await history.after("alice", Position(epoch=kept.epoch, offset=2)) is None
    assert await history.after("alice", Position(epoch="other", offset=0)) is None
    await history.load("bob")
    assert await history.after("bob", Position(epoch=kept.epoch, offset=0)) is None


async def test_history_past_the_window_is_not_recovered(database: Database) -> None:
    history = History(database, keep_messages=3)
    kept = [await keep(database, history, str(number)) for number in range(5)]
    assert await history.after("alice", Position(epoch=kept[0].epoch, offset=1)) is None
    found = await history.after("alice", Position(epoch=kept[0].epoch, offset=2))
    assert found is not None
    assert [message.body for message in found] == [b"2", b"3", b"4"]
    assert [message.body for message in await history.newest("alice", 10)] == [b"2", b"3", b"4"]


async def test_messages_past_their_age_are_pruned_and_recovery_before_them_refused(database: Database) -> None:
    history = History(database, keep_days=7)
    old, _ = [await keep(database, history, text) for text in ("old", "new")]
    async with database.write() as connection:
        eight_days_ago = utc_now() - timedelta(days=8)
        await connection.execute(update(stream_messages).where(stream_messages.c.offset == 1).values(at=eight_days_ago))
    await history.prune()
    assert await history.after("alice", Position(epoch=old.epoch, offset=0)) is None
    assert len(await history.after("alice", Position(epoch=old.epoch, offset=1)) or []) == 1


async def test_stream_goes_on_after_a_restart(database: Database) -> None:
    first = History(database)
    before = await keep(database, first, "before")
    second = History(database)
    after = await keep(database, second, "after")
    assert (after.epoch, after.offset) == (before.epoch, before.offset + 1)
    found = await second.after("alice", Position(epoch=before.epoch, offset=0))
    assert [message.body for message in found or []] == [b"before", b"after"]


async def test_message_that_was_rolled_back_leaves_no_gap(database: Database) -> None:
    history = History(database)
    await history.load("alice")
    with pytest.raises(ZeroDivisionError):
        await _keep_and_fail(database, history)
    kept = await keep(database, history, "first")
    assert kept.offset == 1


async def test_message_between_commit_and_being_told_is_not_given_twice(database: Database) -> None:
    history = History(database)
    await history.load("alice")
    start = history.position("alice")
    async with database.write() as connection:
        kept = await history.append(connection, "alice", type="notification", body=b"x")
    assert await history.after("alice", start) == []  # it is going to be sent live in a moment
    history.told(kept)
    assert len(await history.after("alice", start) or []) == 1


async def _keep_and_fail(database: Database, history: History) -> None:
    async with database.write() as connection:
        await history.append(connection, "alice", type="notification", body=b"never")
        raise ZeroDivisionError
