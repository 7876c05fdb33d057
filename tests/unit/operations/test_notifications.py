"""What a person was told, and that nothing counts as seen that was not shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.auth.permissions import Principal
from server.errors import Forbidden
from server.jobs.outcomes import Notice
from server.operations.notifications import NotificationOperations
from tests.unit.live.conftest import joined
from tests.unit.operations.conftest import House, only_looking, refused
from tests.waiting import flushed


@pytest.fixture
def notifications(house: House) -> NotificationOperations:
    return house.todo.notifications


async def told(house: House, principal: Principal, *titles: str) -> None:
    for title in titles:
        await house.parts.live.notices.notify_who_asked(principal.user_id, Notice(title=title))


async def test_they_come_newest_first_page_by_page(
    notifications: NotificationOperations, house: House, alice: Principal
) -> None:
    await told(house, alice, "one", "two", "three")
    first = await notifications.latest(alice, limit=2)
    rest = await notifications.latest(alice, limit=2, before=first.before)
    assert [one.title for one in (*first.items, *rest.items)] == ["three", "two", "one"]
    assert (first.unread, rest.before) == (3, None)
    assert (await notifications.latest(house.bob)).items == []


async def test_only_what_was_shown_counts_as_seen(
    notifications: NotificationOperations, house: House, alice: Principal
) -> None:
    await told(house, alice, "one", "two")
    shown = await notifications.latest(alice)
    await told(house, alice, "came meanwhile")
    assert await notifications.mark_read(alice, until=shown.newest) == 1
    assert [one.is_unread for one in (await notifications.latest(alice)).items] == [True, False, False]
    assert await notifications.mark_read(alice) == 0
    assert await notifications.mark_read(alice, until=shown.newest) == 0  # a tab that comes late


async def test_nobody_has_seen_what_is_still_to_come(
    notifications: NotificationOperations, house: House, alice: Principal
) -> None:
    await told(house, alice, "one")
    assert await notifications.mark_read(alice, until=1_000_000) == 0
    await told(house, alice, "two")
    assert (await notifications.latest(alice)).unread == 1


async def test_what_everybody_was_told_stands_above_all_until_it_was_seen(
    notifications: NotificationOperations, house: House, alice: Principal
) -> None:
    await house.parts.live.notices.notify_everybody(Notice(title="Back soon"))
    await told(house, alice, *(f"n{number}" for number in range(5)))
    shown = await notifications.latest(alice, limit=2)
    assert [one.title for one in shown.items] == ["Back soon", "n4", "n3"]
    rest = await notifications.latest(alice, limit=5, before=shown.before)
    assert [one.title for one in rest.items] == ["n2", "n1", "n0"]  # and not once more below
    await notifications.mark_read(alice, until=shown.newest)
    assert [one.title for one in (await notifications.latest(alice)).items] == [
        *("n4", "n3", "n2", "n1", "n0"),
        "Back soon",
    ]


async def test_ones_other_tabs_are_told_and_nobody_elses(
    notifications: NotificationOperations, house: House, alice: Principal
) -> None:
    await told(house, alice, "one")
    hers, his = await joined(house.parts.realtime, alice), await joined(house.parts.realtime, house.bob)
    await notifications.mark_read(alice)
    await flushed(house.parts.realtime.manager)
    assert [message["unread"] for message in hers.messages] == [0]
    assert his.messages == []


async def test_viewers_look_and_a_token_that_reads_marks_nothing(
    notifications: NotificationOperations, house: House, alice: Principal
) -> None:
    await told(house, alice, "one")
    viewer, read_token = only_looking(alice)
    with refused(Forbidden):
        await notifications.mark_read(read_token)
    assert (await notifications.latest(read_token)).unread == 1
    assert await notifications.mark_read(viewer) == 0
    with refused(Forbidden):
        await notifications.latest(replace(alice, scopes=frozenset()))


async def test_jobs_that_ended_unseen_are_those_that_did_not_begin_again(
    notifications: NotificationOperations, house: House, alice: Principal
) -> None:
    jobs = house.todo.jobs
    first = await jobs.demonstrate(alice, seconds=600, total=1, fail_at=None, idempotency_key=None)
    second = await jobs.demonstrate(alice, seconds=600, total=1, fail_at=None, idempotency_key=None)
    await jobs.cancel(alice, first.id)
    await jobs.cancel(alice, second.id)
    assert await notifications.ended_unseen(alice) == [second.id, first.id]
    await jobs.retry(alice, first.id)
    assert await notifications.ended_unseen(alice) == [second.id]
    assert await notifications.ended_unseen(house.bob) == []
    await notifications.mark_read(alice)
    assert await notifications.ended_unseen(alice) == []


async def test_what_was_told_is_read_in_the_language_of_whoever_reads_it_now(
    notifications: NotificationOperations, house: House, alice: Principal
) -> None:
    notice = Notice(title="“{title}” failed", parameters={"title": "Sales"})
    await house.parts.live.notices.notify_who_asked(alice.user_id, notice)
    english = await notifications.latest(alice)
    chinese = await notifications.latest(replace(alice, language="zh-CN"))
    assert english.items[0].title == "“Sales” failed"
    assert "Sales" in chinese.items[0].title
    assert "failed" not in chinese.items[0].title
