"""Kept streams on a real database: whole or refused, trimmed by count and age, across restarts."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, select, update

from server.clock import utc_now
from server.realtime.history import History, KeptMessage
from server.realtime.history_rules import JOB, NOTIFICATION
from server.realtime.protocol import Position
from server.storage.database import Database
from server.storage.tables import stream_messages, streams


async def keep(database: Database, history: History, text: str, user_id: str = "alice") -> KeptMessage:
    async with database.write() as connection:
        kept = await history.append(connection, user_id, type=JOB, body=text.encode())
    history.arrives(kept.user_id, kept.position)
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
    history.arrives(kept.user_id, kept.position)
    assert len(await history.after("alice", start) or []) == 1


async def test_pages_go_on_until_nothing_remains(database: Database) -> None:
    history = History(database)
    await history.load("alice")
    since = history.position("alice")
    for number in range(7):
        await keep(database, history, str(number))
    seen: list[bytes] = []
    while since.offset < history.position("alice").offset:
        page = await history.after("alice", since, limit=3)
        assert page
        seen += [message.body for message in page]
        since = Position(epoch=since.epoch, offset=page[-1].offset)
    assert seen == [b"0", b"1", b"2", b"3", b"4", b"5", b"6"]


async def test_page_after_a_trimmed_position_is_refused_however_short(database: Database) -> None:
    history = History(database, keep_messages=3)
    kept = [await keep(database, history, str(number)) for number in range(9)]
    assert await history.after("alice", Position(epoch=kept[0].epoch, offset=2), limit=1) is None
    assert len(await history.after("alice", Position(epoch=kept[0].epoch, offset=6), limit=1) or []) == 1


async def test_pruning_removes_much_in_small_steps_and_keeps_what_is_young(database: Database) -> None:
    history = History(database, keep_messages=10_000)
    async with database.write() as connection:
        eight_days_ago = utc_now() - timedelta(days=8)
        rows = [
            {"user_id": "alice", "offset": number, "at": eight_days_ago, "type": JOB, "body": b"old"}
            for number in range(1, 1_801)
        ]
        await connection.execute(insert(stream_messages), rows)
        await connection.execute(insert(streams).values(user_id="alice", epoch="e", offset=1_800))
    young = await keep(database, history, "young")
    pruning = asyncio.create_task(history.prune())
    await keep(database, history, "meanwhile")  # whoever writes has their turn between two steps
    await pruning
    found = await history.newest("alice", 100)
    assert [message.body for message in found] == [b"young", b"meanwhile"]
    assert young.offset == 1_801
    assert await history.after("alice", Position(epoch="e", offset=1_799)) is None


async def test_lower_limit_is_kept_to_after_pruning(database: Database) -> None:
    before = History(database)
    for number in range(20):
        await keep(database, before, str(number))
        await keep(database, before, str(number), "bob")
    after = History(database, keep_messages=5)
    await after.prune()
    for user_id in ("alice", "bob"):
        assert [message.body for message in await after.newest(user_id, 100)] == [b"15", b"16", b"17", b"18", b"19"]


async def test_message_for_all_reaches_also_who_was_never_here(database: Database) -> None:
    history = History(database)
    await keep(database, history, "hers")
    async with database.write() as connection:
        kept = await history.append_for_some(connection, after="", limit=10, type="notification", body=b"all")
    assert {user_id: position.offset for user_id, position in kept.positions.items()} == {"alice": 2, "bob": 1}
    for user_id, position in kept.positions.items():
        history.arrives(user_id, position)
    assert [message.body for message in await history.newest("bob", 10)] == [b"all"]
    assert [message.body for message in await history.newest("alice", 10)] == [b"hers", b"all"]


async def test_position_beyond_the_stream_is_refused_and_moves_nothing(database: Database) -> None:
    history = History(database)
    kept = await keep(database, history, "1")
    assert await history.after("alice", Position(epoch=kept.epoch, offset=5)) is None
    assert history.position("alice") == Position(epoch=kept.epoch, offset=1)
    assert await history.after("alice", Position(epoch=kept.epoch, offset=1)) == []


async def test_stream_that_was_lost_begins_anew_and_old_positions_are_refused(database: Database) -> None:
    history = History(database)
    await history.load("alice")
    old = await keep(database, history, "old")
    async with database.write() as connection:
        await connection.execute(delete(stream_messages))
        await connection.execute(delete(streams))
    new = await keep(database, history, "new")
    assert (new.offset, new.epoch > old.epoch) == (1, True)
    assert await history.missed("alice") is None  # who is connected comes back
    history.forget("alice")
    await history.load("alice")
    assert history.position("alice") == Position(epoch=new.epoch, offset=1)
    assert await history.after("alice", Position(epoch=old.epoch, offset=0)) is None


async def test_cut_for_all_refuses_every_older_position(database: Database) -> None:
    history = History(database)
    kept = await keep(database, history, "1")
    await history.cut_all()
    assert await history.after("alice", Position(epoch=kept.epoch, offset=0)) is None
    assert [message.body for message in await history.newest("alice", 5)] == [b"1"]


async def _keep_and_fail(database: Database, history: History) -> None:
    async with database.write() as connection:
        await history.append(connection, "alice", type="notification", body=b"never")
        raise ZeroDivisionError


async def tell_all(database: Database, history: History, text: str) -> None:
    async with database.write() as connection:
        kept = await history.append_for_some(connection, after="", limit=10, type=NOTIFICATION, body=text.encode())
    for user_id, position in kept.positions.items():
        history.arrives(user_id, position)


async def notify(database: Database, history: History, text: str) -> KeptMessage:
    async with database.write() as connection:
        kept = await history.append(connection, "alice", type=NOTIFICATION, body=text.encode())
    history.arrives(kept.user_id, kept.position)
    return kept


async def notifications(database: Database) -> list[bytes]:
    mine = (stream_messages.c.user_id == "alice", stream_messages.c.type == NOTIFICATION)
    async with database.read() as connection:
        query = select(stream_messages.c.body).where(*mine).order_by(stream_messages.c.offset)
        return list((await connection.execute(query)).scalars())


async def age(database: Database, days: float) -> None:
    async with database.write() as connection:
        await connection.execute(update(stream_messages).values(at=utc_now() - timedelta(days=days)))


async def test_job_messages_never_push_out_notifications_and_positions_stay_one_stream(database: Database) -> None:
    history = History(database, keep_messages=5)
    await tell_all(database, history, "from the admin")
    told = await notify(database, history, "ready")
    for number in range(20):
        await keep(database, history, str(number))
    await history.prune()
    assert await notifications(database) == [b"from the admin", b"ready"]
    await history.load("alice")
    assert history.position("alice").offset == 22
    found = await history.after("alice", Position(epoch=told.epoch, offset=17))
    assert [message.body for message in found or []] == [b"15", b"16", b"17", b"18", b"19"]


async def test_recovery_across_a_hole_is_refused_on_its_first_page(database: Database) -> None:
    history = History(database, keep_messages=5)
    told = await notify(database, history, "ready")
    for number in range(20):
        await keep(database, history, str(number))
    # The first message after this position is still there, but those after it are not.
    assert await history.after("alice", Position(epoch=told.epoch, offset=0), limit=1) is None
    assert await history.after("alice", Position(epoch=told.epoch, offset=0)) is None


async def test_notifications_have_a_number_and_an_age_of_their_own(database: Database) -> None:
    history = History(database, keep_messages=2, keep_days=7, keep_notifications=3, keep_notification_days=90)
    for number in range(6):
        await notify(database, history, str(number))
    assert await notifications(database) == [b"3", b"4", b"5"]
    await keep(database, history, "a job")
    await age(database, 89)
    await history.prune()
    assert await notifications(database) == [b"3", b"4", b"5"]
    assert await history.newest("alice", 1) == []  # the job's message
    await age(database, 91)
    await history.prune()
    assert await notifications(database) == []


async def test_what_is_told_to_all_waits_until_it_was_seen(database: Database) -> None:
    history = History(database, keep_messages=1, keep_notifications=2, keep_notification_days=30)
    await tell_all(database, history, "news")
    for number in range(5):
        await notify(database, history, str(number))
    await age(database, 364)
    await history.prune()
    assert await notifications(database) == [b"news"]
    async with database.write() as connection:
        await connection.execute(update(streams).values(read_offset=1))
    await history.prune()
    assert await notifications(database) == []


async def test_what_waits_to_be_seen_is_bounded_in_number_and_age(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History(database, keep_messages=1)
    for number in range(103):
        await tell_all(database, history, str(number))
    await keep(database, history, "a job")
    await history.prune()
    assert await notifications(database) == [str(number).encode() for number in range(3, 103)]
    await age(database, 366)
    await history.prune()
    assert await notifications(database) == []
