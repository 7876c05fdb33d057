"""Notices are kept for whoever is away and sent to whoever is here; everybody is told step by step."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import insert, text, update

from server.clock import utc_now
from server.jobs.outcomes import Notice
from server.live import notices
from server.realtime.history import History
from server.storage.tables import users
from tests.unit.live.conftest import Layer, person
from tests.waiting import flushed, until

NOTICE = Notice(title="Ready", level="success")


async def titles(layer: Layer, user_id: str) -> list[str]:
    kept = await History(layer.database).newest(user_id, 100)  # as another process sees it
    return [message.body.decode() for message in kept]


async def test_a_notice_is_kept_and_sent_to_its_user_alone(layer: Layer) -> None:
    hers, his = await layer.join(person("alice")), await layer.join(person("bob"))
    await layer.live.notices.notify_who_asked("alice", NOTICE)
    await flushed(layer.realtime.manager)
    assert [message["title"] for message in hers.messages] == ["Ready"]
    assert his.messages == []
    assert len(await titles(layer, "alice")) == 1


async def test_who_chose_not_to_be_told_is_told_only_what_they_asked_for(layer: Layer) -> None:
    async with layer.database.write() as connection:
        await connection.execute(update(users).where(users.c.id == "alice").values(notifications={"finished": False}))
        assert await layer.live.notices.keep_wanted(connection, "alice", NOTICE) == []
    assert await titles(layer, "alice") == []
    await layer.live.notices.notify_who_asked("alice", NOTICE)
    assert len(await titles(layer, "alice")) == 1


async def test_plain_functions_notify_and_closing_waits_for_what_is_being_stored(layer: Layer) -> None:
    layer.live.notices.warn("alice", NOTICE)
    await layer.live.notices.close()
    assert len(await titles(layer, "alice")) == 1


async def test_everybody_is_told_in_steps_between_which_others_may_write(
    layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "_USERS_AT_ONCE", 2)
    async with layer.database.write() as connection:
        row = {"password_hash": "", "role": "editor", "created_at": utc_now()}
        names = [f"user{number}" for number in range(5)]
        people = [{"id": name, "name": name, "name_key": name, **row} for name in names]
        await connection.execute(insert(users), [*people])
        await connection.execute(update(users).where(users.c.id == "user4").values(disabled_at=utc_now()))
    hers = await layer.join(person("alice"))
    telling = asyncio.create_task(layer.live.notices.notify_everybody(Notice(title="Back soon")))
    while not hers.messages:
        await asyncio.sleep(0)
    assert not telling.done()
    assert await telling == 8
    for name in ("alice", "bob", "user0", "user3"):
        assert len(await titles(layer, name)) == 1
    assert await titles(layer, "user4") == []


async def test_each_tab_of_a_user_learns_what_is_left_unread(layer: Layer) -> None:
    tabs = [await layer.join(person("alice")) for _ in range(2)]
    his = await layer.join(person("bob"))
    layer.live.notices.looked_at("alice", 3)
    await flushed(layer.realtime.manager)
    for tab in tabs:
        assert [(message["type"], message["unread"]) for message in tab.messages] == [("notifications_read", 3)]
    assert his.messages == []


@pytest.mark.sqlite(reason="a full disk is made by a pragma of SQLite")
async def test_what_a_full_disk_did_not_take_is_kept_once_there_is_room(
    layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "_FULL_DISK_SECONDS", 0.01)
    await limit_pages(layer, 1)
    layer.live.notices.warn("alice", Notice(title="x" * 1_000_000))
    layer.live.notices.warn("alice", NOTICE)
    await until(lambda: titles(layer, "alice"))  # what fits is kept at once
    assert len(await titles(layer, "alice")) == 1
    await limit_pages(layer, 1_000_000)
    await until(lambda: _has_kept(layer, 2))
    await layer.live.notices.close()


@pytest.mark.sqlite(reason="a full disk is made by a pragma of SQLite")
async def test_closing_does_not_wait_for_room_on_the_disk(layer: Layer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "_FULL_DISK_SECONDS", 0.05)
    await limit_pages(layer, 1)
    layer.live.notices.warn("alice", Notice(title="x" * 1_000_000))
    await layer.live.notices.close()
    assert await titles(layer, "alice") == []
    assert [task for task in asyncio.all_tasks() if task.get_name() == "notify"] == []


async def test_a_notice_for_somebody_who_is_gone_is_given_up_and_said_in_the_log(
    layer: Layer, caplog: pytest.LogCaptureFixture
) -> None:
    layer.live.notices.warn("nobody", NOTICE)
    await layer.live.notices.close()
    assert [record.message for record in caplog.records] == ["notification could not be kept"]


async def limit_pages(layer: Layer, most: int) -> None:
    """How large the database may become; no smaller than it is."""
    async with layer.database.write() as connection:
        await connection.execute(text(f"PRAGMA max_page_count = {most}"))


async def _has_kept(layer: Layer, count: int) -> bool:
    return len(await titles(layer, "alice")) == count
