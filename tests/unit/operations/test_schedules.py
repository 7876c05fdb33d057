"""Schedules by a clock that the test moves: each time gives one run, whatever happens to whoever makes it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from server.app.schedules import build_schedules
from server.auth.access import ThingAccess
from server.auth.audit import Audit
from server.auth.grants import Grant
from server.auth.permissions import Principal, Role
from server.errors import Conflict, Forbidden, InvalidInput, NotFound, QuotaExceeded, StorageFull
from server.jobs.keys import KeyReused
from server.operations.batches import BatchStart
from server.operations.schedule_runs.batch import BatchRuns
from server.operations.schedule_wishes import ScheduleWish
from server.operations.schedules import ScheduleOperations
from server.reports.batch_orders import BatchOrder
from server.reports.batches import ReportFilter
from server.schedules.plans import RunsWhat
from server.schedules.restored import hold_restored
from server.schedules.run_store import add_runs, run_at, set_run
from server.schedules.schedule import Missed, Overlap, RunCause, RunState, ScheduleRun, ScheduleStanding, StopReason
from server.schedules.workdays import DayOff, OnlyOn
from server.storage.tables import batches, stream_messages
from tests.unit.operations.conftest import SALES, House, only_looking, refused

# Later than any clock of a machine that runs this: the server's own scheduler finds nothing to do.
OCTOBER = datetime(2036, 10, 20, 12, tzinfo=UTC)
SHANGHAI = "Asia/Shanghai"
MONTHLY = """\
title: "Sales of {{ month }}"
formats: [html]
parameters:
  month: {type: month, default: last_month}
  until: {type: date, required: false}
queries:
  sales: select region, sum(amount) as revenue from orders group by region order by region
blocks:
  - table: {query: sales}
"""


@dataclass(slots=True)
class Node:
    """A scheduler with a clock of its own, on the house's database."""

    house: House
    now: datetime = OCTOBER

    def __post_init__(self) -> None:
        self.schedules = self._built(self.house.todo.schedules.kinds)

    schedules: ScheduleOperations = None  # type: ignore[assignment]

    def _built(self, kinds: Any) -> ScheduleOperations:
        parts = self.house.parts
        database = parts.storage.database
        return build_schedules(
            storage=parts.storage,
            live=parts.live,
            rights=ThingAccess(database, audit=Audit(database)),
            kinds=kinds,
            deliveries=self.house.todo.deliveries.checks,
            clock=lambda: self.now,
        )

    def ordering_by(self, start: Any) -> ScheduleOperations:
        """As this node, with another way to order."""
        batches = BatchRuns(start=start, check=self.house.todo.batch_orders.check)
        return self._built({**self.house.todo.schedules.kinds, RunsWhat.BATCH: batches})

    async def look(self, now: str | datetime | None = None) -> None:
        if now is not None:
            self.now = datetime.fromisoformat(now) if isinstance(now, str) else now
        await self.schedules.scheduler.look()

    async def runs(self, schedule_id: str) -> list[ScheduleRun]:
        """The oldest first."""
        schedule = await self.schedules.get(self.house.admin, schedule_id)
        return list(reversed((await self.schedules.runs(self.house.admin, [schedule], limit=50))[schedule_id]))

    async def states(self, schedule_id: str) -> list[str]:
        return [run.state.value for run in await self.runs(schedule_id)]

    async def ended(self, run: ScheduleRun) -> None:
        assert run.batch_id is not None
        await self.house.ended(self.house.admin, await self.house.todo.batches.job(self.house.admin, run.batch_id))


@pytest.fixture
async def node(house: House) -> Node:
    """Alice has orders and two templates."""
    await house.given(house.alice)
    await house.todo.templates.save(house.alice, "monthly", MONTHLY)
    await house.todo.templates.save(house.alice, "sales", SALES)
    return Node(house)


async def planned(node: Node, **wanted: Any) -> str:
    wish = {"template": "monthly", "cron": "0 8 1 * *", "time_zone": SHANGHAI, **wanted}
    return (await node.schedules.create(node.house.alice, ScheduleWish(**wish))).id


async def told(house: House, principal: Principal) -> list[str]:
    query = select(stream_messages.c.body).where(
        stream_messages.c.user_id == principal.user_id, stream_messages.c.type == "notification"
    )
    async with house.parts.storage.database.read() as connection:
        return [row.body.decode() for row in await connection.execute(query.order_by(stream_messages.c.offset))]


async def batch_count(house: House) -> int:
    async with house.parts.storage.database.read() as connection:
        return len((await connection.scalars(select(batches.c.id))).all())


async def test_a_month_shows_all_runs_of_it_however_many_and_however_long_ago(node: Node, house: House) -> None:
    schedule = await node.schedules.get(house.alice, await planned(node))
    days = [datetime(2036, 9, day, 16, tzinfo=UTC) for day in range(1, 31)]  # as Shanghai has them
    hourly = [datetime(2036, 9, 9, 10, tzinfo=UTC) + timedelta(hours=hours) for hours in range(120)]
    later = [datetime(2036, 10, 9, hour, tzinfo=UTC) for hour in range(24)]
    async with house.parts.storage.database.write() as connection:
        await add_runs(connection, schedule, RunCause.TIME, [*hourly, *later], now=node.now, state=RunState.MISSED)
        await set_run(connection, (await run_at(connection, schedule.id, hourly[0])).id, state=RunState.SKIPPED)
    found = (await node.schedules.runs_by_day(house.alice, [schedule], days))[schedule.id]
    assert [(each.run.state.value, each.count) for each in sorted(found, key=lambda each: each.run.planned_at)] == [
        ("skipped", 1),
        ("missed", 5),
        *[("missed", 24)] * 4,
        ("missed", 18),
    ]
    assert await node.schedules.runs_by_day(house.bob, [schedule], days) == {}


async def test_each_time_gives_one_batch_that_speaks_of_its_own_time(node: Node, house: House) -> None:
    schedule_id = await planned(node)
    schedule = await node.schedules.get(house.alice, schedule_id)
    assert schedule.planned_at == datetime(2036, 11, 1, 0, tzinfo=UTC)  # 08:00 in Shanghai
    assert [each.local.isoformat()[:16] for each in node.schedules.next_times(schedule)][:2] == [
        "2036-11-01T08:00",
        "2036-12-01T08:00",
    ]
    await node.look("2036-10-31T23:59:59+00:00")
    assert await node.runs(schedule_id) == []
    # Three minutes late, by two nodes at once: one run, which speaks of its own time.
    other = Node(house, now=datetime(2036, 11, 1, 0, 3, tzinfo=UTC))
    node.now = other.now
    await asyncio.gather(node.look(), other.look(), node.look(), other.look())
    (run,) = await node.runs(schedule_id)
    assert (run.cause, run.state, run.is_late) == ("time", "started", False)
    await node.ended(run)
    assert run.batch_id is not None
    (report,) = (await house.todo.batches.reports(house.alice, run.batch_id, ReportFilter())).items
    assert report.parameters["month"] == "2036-10"  # in UTC it was still October, in Shanghai November
    head = await house.todo.batches.get(house.alice, run.batch_id)
    assert (head.as_of, head.time_zone) == (datetime(2036, 11, 1, 0, tzinfo=UTC), SHANGHAI)
    assert await batch_count(house) == 1
    assert (await node.schedules.of_batch(house.alice, run.batch_id)).name == "Sales of month"  # type: ignore[union-attr]
    assert await node.schedules.of_batch(house.bob, run.batch_id) is None
    # A clock that is set back does nothing again.
    await node.look("2036-10-31T12:00:00+00:00")
    await node.look("2036-11-01T00:05:00+00:00")
    assert len(await node.runs(schedule_id)) == 1


@pytest.mark.parametrize(
    ("begin", "at_half_past_two"),
    [("2036-03-29T22:00:05+00:00", "2036-03-30T01:00:00Z"), ("2036-10-25T21:00:05+00:00", "2036-10-26T00:30:00Z")],
    ids=["forward", "back"],
)
async def test_each_fires_once_on_two_nodes_when_the_clocks_change(
    node: Node, house: House, begin: str, at_half_past_two: str
) -> None:
    """Half past two does not exist on one of these days, and comes twice on the other; hours go by one by one."""
    ordered: dict[str, list[datetime]] = {"daily": [], "hourly": [], "at three": []}

    keys: set[str] = set()

    async def full(_principal: Principal, order: BatchOrder, *, idempotency_key: str, **_more: Any) -> BatchStart:
        """No reports: this is not about them. What is asked for again under its key is the same order: so it is where
        the database was too busy to note how the first went."""
        if idempotency_key not in keys:
            keys.add(idempotency_key)
            ordered[names[order.schedule_id or ""]].append(datetime.fromisoformat(order.as_of))
        raise QuotaExceeded

    node.now = datetime.fromisoformat(begin)
    other = Node(house, now=node.now - timedelta(seconds=3))
    crons = {"daily": "30 2 * * *", "hourly": "0 * * * *", "at three": "0 3 * * *"}
    wishes = {name: {"cron": cron, "time_zone": "Europe/Berlin", "name": name} for name, cron in crons.items()}
    names = {await planned(node, **wish): name for name, wish in wishes.items()}
    nodes = [each.ordering_by(full) for each in (node, other)]
    for _ in range(12):
        node.now += timedelta(minutes=30)
        other.now += timedelta(minutes=30)
        await asyncio.gather(*(each.scheduler.look() for each in (*nodes, *nodes)))
    first = datetime.fromisoformat(begin).replace(second=0)
    assert ordered["hourly"] == [first + timedelta(hours=hour) for hour in range(1, 7)]
    assert ordered["daily"] == [datetime.fromisoformat(at_half_past_two)]
    assert len(ordered["at three"]) == 1


async def test_words_for_days_may_be_given_and_mean_what_they_mean_at_the_planned_time(
    node: Node, house: House
) -> None:
    schedule_id = await planned(node, parameters=[{"month": "this_month", "until": "yesterday"}])
    await node.look("2036-11-01T00:00:01+00:00")
    (run,) = await node.runs(schedule_id)
    await node.ended(run)
    (report,) = (await house.todo.batches.reports(house.alice, run.batch_id or "", ReportFilter())).items
    assert report.parameters == {"month": "2036-11", "until": "2036-10-31"}


async def test_a_node_that_dies_between_order_and_note_leaves_one_batch(node: Node, house: House) -> None:
    schedule_id = await planned(node)
    ordered: list[BatchStart] = []

    async def killed(*args: Any, **kwargs: Any) -> BatchStart:
        ordered.append(await house.todo.batch_orders.start(*args, **kwargs))
        raise asyncio.CancelledError

    dying = node.ordering_by(killed)
    node.now = datetime(2036, 11, 1, 0, 0, 1, tzinfo=UTC)
    with pytest.raises(asyncio.CancelledError):
        await dying.scheduler.look()
    assert await node.states(schedule_id) == ["due"]
    assert await batch_count(house) == 1
    await node.look(node.now + timedelta(seconds=200))
    (run,) = await node.runs(schedule_id)
    assert (run.state, run.batch_id) == ("started", ordered[0].batch_id)
    assert await batch_count(house) == 1


@pytest.mark.parametrize(
    ("policy", "states"),
    [
        (Missed.ONCE, ["missed", "missed", "started"]),
        (Missed.ALL, ["started", "due", "due"]),  # one after the other
        (Missed.NONE, ["missed", "missed", "missed"]),
    ],
)
async def test_what_no_server_was_there_for(node: Node, house: House, policy: Missed, states: list[str]) -> None:
    schedule_id = await planned(node, cron="0 8 * * *", missed=policy, overlap=Overlap.SKIP)
    await node.look("2036-10-23T12:00:00+08:00")
    runs = await node.runs(schedule_id)
    assert [run.planned_at.day for run in runs] == [21, 22, 23]
    assert all(run.is_late for run in runs)
    found = [run.state.value for run in runs]
    assert found == states or (policy is Missed.ALL and set(found) <= {"started", "due"})  # reports are quick
    (notice,) = await told(house, house.alice)
    assert "did not run in time" in notice
    assert '"missed":3' in notice.replace(" ", "")
    for run in runs:
        if run.batch_id:
            await node.ended(run)
    for _ in range(2):
        await node.look()
        for run in await node.runs(schedule_id):
            if run.batch_id:
                await node.ended(run)
    expected = {Missed.ONCE: 1, Missed.ALL: 3, Missed.NONE: 0}[policy]
    assert await batch_count(house) == expected


async def test_what_has_run_is_not_announced_again_by_a_clock_that_was_set_back(node: Node, house: House) -> None:
    schedule_id = await planned(node)
    node.now -= timedelta(days=100)
    schedule = await node.schedules.get(house.alice, schedule_id)
    days = [each.local.date() for each in node.schedules.next_times(schedule, 2)]
    assert days == [date(2036, 11, 1), date(2036, 12, 1)]


async def test_what_waits_comes_in_the_order_of_its_times(node: Node, house: House) -> None:
    """Also where the oldest cannot begin at once, and those before are over before the next is looked at."""
    schedule_id = await planned(node, cron="0 8 * * *", missed=Missed.ALL)
    problems: list[Exception] = [StorageFull()]
    begun: list[str] = []

    async def starts(principal: Principal, order: BatchOrder, **kwargs: Any) -> BatchStart:
        if problems:
            raise problems.pop()
        begun.append(order.as_of)
        return await house.todo.batch_orders.start(principal, order, **kwargs)

    busy = node.ordering_by(starts)
    node.now = datetime(2036, 10, 23, 4, tzinfo=UTC)
    await busy.scheduler.look()
    assert await node.states(schedule_id) == ["due", "due", "due"]
    for _ in range(3):
        node.now += timedelta(minutes=1)
        await busy.scheduler.look()
        for run in await node.runs(schedule_id):
            if run.batch_id:
                await node.ended(run)
    assert begun == [f"2036-10-{day}T00:00:00.000000Z" for day in (21, 22, 23)]


async def test_paused_time_is_not_missed_and_another_time_begins_anew(node: Node, house: House) -> None:
    schedule_id = await planned(node, cron="0 8 * * *", missed=Missed.ALL)
    paused = await node.schedules.change(house.alice, schedule_id, {"enabled": False})
    assert (paused.standing, paused.reason, paused.planned_at) == (ScheduleStanding.PAUSED, StopReason.BY_HAND, None)
    await node.look("2036-10-25T12:00:00+08:00")
    resumed = await node.schedules.change(house.alice, schedule_id, {"enabled": True})
    assert resumed.planned_at == datetime(2036, 10, 26, 0, tzinfo=UTC)
    node.now = datetime(2036, 10, 28, 4, tzinfo=UTC)  # nobody looked since
    edited = await node.schedules.change(house.alice, schedule_id, {"cron": "30 9 * * 1-5", "name": "Weekdays"})
    assert (edited.name, edited.planned_at) == ("Weekdays", datetime(2036, 10, 29, 1, 30, tzinfo=UTC))
    renamed = await node.schedules.change(house.alice, schedule_id, {"name": "Mornings"})
    assert renamed.planned_at == edited.planned_at
    await node.look()
    assert await node.runs(schedule_id) == []
    assert await told(house, house.alice) == []
    assert [detail for _, _, detail in await house.audited("schedule.change")] == [
        {"fields": ["cron", "name"]},
        {"fields": ["name"]},
    ]


async def test_working_days_and_the_end_of_their_calendar_is_told_once(
    node: Node, house: House, alice: Principal
) -> None:
    node.now = datetime(2026, 9, 28, tzinfo=UTC)
    schedule_id = await planned(
        node, cron="0 8 1 10 *", only_on=OnlyOn.WORKDAYS, calendar="CN", day_off=DayOff.NEXT, name="Each year"
    )
    schedule = await node.schedules.get(alice, schedule_id)
    first, *_ = times = node.schedules.next_times(schedule)
    assert (schedule.planned_at, first.local.day, first.moved_from) == (first.at, 8, date(2026, 10, 1))
    end = node.schedules.calendar_end(schedule, times)
    assert end is not None
    assert (end.year >= 2026, end.month, end.day) == (True, 12, 31)
    assert node.schedules.calendar_end(schedule, times[:1]) is None
    # After 1 October, and before the day that it is moved to, nothing is due yet.
    for now in (datetime(2026, 10, 1, 1, tzinfo=UTC), datetime(2026, 10, 7, 1, tzinfo=UTC)):
        await node.look(now)
    assert await node.runs(schedule_id) == []
    warned = [each for each in await told(house, alice) if "The calendar of" in each]
    assert len(warned) == 1
    assert end.isoformat() in warned[0]
    await node.look(datetime(2026, 10, 8, 1, tzinfo=UTC))
    assert await node.states(schedule_id) == ["started"]
    changed = await node.schedules.change(alice, schedule_id, {"only_on": OnlyOn.EACH})
    assert (changed.calendar, node.schedules.next_times(changed)[0].local.day) == ("", 1)


async def test_one_whose_last_time_is_over_stops_and_says_so(node: Node, house: House, alice: Principal) -> None:
    """Saturdays that are worked are known as far as they are decreed."""
    node.now = datetime(2026, 10, 9, tzinfo=UTC)
    saturdays: dict[str, Any] = {"cron": "0 9 * * 6", "only_on": OnlyOn.WORKDAYS, "calendar": "CN", "name": "Worked"}
    schedule_id = await planned(node, **saturdays)
    known = await node.schedules.get(alice, schedule_id)
    last = node.schedules.next_times(known, 200)[-1].at
    await node.look(last + timedelta(seconds=1))
    await node.look()
    stopped = await node.schedules.get(alice, schedule_id)
    assert (stopped.standing, stopped.reason) == (ScheduleStanding.STOPPED, StopReason.TIME)
    assert (await node.states(schedule_id))[-1] == "started"  # the last one is made
    assert len([each for each in await told(house, alice) if "No such time comes any more." in each]) == 1
    with refused(Conflict):
        await node.schedules.change(alice, schedule_id, {"enabled": True})
    with refused(InvalidInput, fields=("cron",)):
        await planned(node, **saturdays)


async def test_one_after_the_other_or_left_out(node: Node, house: House) -> None:
    """While the run before still goes on: it is held where it waits for its turn."""
    waiting = await planned(node, cron="0 8 * * *")
    leaving_out = await planned(node, cron="0 8 * * *", overlap=Overlap.SKIP)
    jobs: list[str] = []

    async def slow(*args: Any, **kwargs: Any) -> BatchStart:
        start = await house.todo.batch_orders.start(*args, **kwargs)
        jobs.append(start.job.id)
        return start

    busy = node.ordering_by(slow)

    async def goes_on(schedule: Any) -> bool:
        return len(jobs) >= 2

    busy._firing._goes_on = goes_on  # type: ignore[method-assign]
    for day in (21, 22):
        node.now = datetime(2036, 10, day, 0, 0, 1, tzinfo=UTC)
        await busy.scheduler.look()
    assert await node.states(waiting) == ["started", "due"]
    assert await node.states(leaving_out) == ["started", "skipped"]
    for run in await node.runs(waiting):
        if run.batch_id:
            await node.ended(run)
    await node.look()
    assert await node.states(waiting) == ["started", "started"]
    by_hand = await busy.run(house.alice, leaving_out)  # who asks by hand waits for nobody
    assert by_hand.state == "started"


async def test_after_an_import_once_it_is_quiet(node: Node, house: House) -> None:
    schedule_id = await planned(node, cron="", after_import="orders", quiet_seconds=60)
    real = Node(house, now=datetime.now(UTC))
    # Rows are dated by the machine: this schedule is armed by a clock ten years ahead, so it is set back to now.
    await real.schedules.change(house.alice, schedule_id, {"enabled": False})
    await real.schedules.change(house.alice, schedule_id, {"enabled": True})
    await real.look(datetime.now(UTC) + timedelta(minutes=5))
    assert await real.runs(schedule_id) == []  # what was there before is none of its business
    for _ in range(3):
        await house.given(house.alice, mode="append")
    await real.look(datetime.now(UTC) + timedelta(seconds=20))
    assert await real.runs(schedule_id) == []
    await real.look(datetime.now(UTC) + timedelta(seconds=90))
    (run,) = await real.runs(schedule_id)
    assert (run.cause, run.state) == ("import", "started")
    await real.look()
    assert len(await real.runs(schedule_id)) == 1


async def test_after_another_schedule_and_never_in_a_circle(node: Node, house: House) -> None:
    first = await planned(node)
    second = await planned(node, template="sales", cron="", after_schedule=first)
    await node.look("2036-11-01T00:00:01+00:00")
    (run,) = await node.runs(first)
    await node.ended(run)
    await node.look()
    await node.look()
    (after,) = await node.runs(second)
    assert (after.cause, after.planned_at) == ("schedule", run.planned_at)
    for schedule_id, leader in ((first, second), (first, first)):
        with refused(InvalidInput, fields=("after_schedule",)):
            await node.schedules.change(house.alice, schedule_id, {"after_schedule": leader})
    await node.schedules.delete(house.alice, first)
    await node.look()
    stopped = await node.schedules.get(house.alice, second)
    assert (stopped.standing, stopped.reason) == (ScheduleStanding.STOPPED, StopReason.SCHEDULE)
    with refused(Conflict):
        await node.schedules.change(house.alice, second, {"enabled": True})


async def test_what_cannot_go_on_stops_and_is_told(node: Node, house: House, alice: Principal) -> None:
    of_template, of_dataset, of_order = (
        await planned(node, template="sales"),
        await planned(node, cron="", after_import="orders"),
        await planned(node, parameters=[{"month": "2036-01"}]),
    )
    await house.todo.templates.delete(alice, "sales")
    await house.todo.templates.save(alice, "monthly", SALES)  # without the parameter
    await node.look("2036-11-01T00:00:01+00:00")
    await house.todo.datasets.delete(alice, "orders")
    await node.look()
    found = {each.id: each for each in (await node.schedules.list(alice)).items}
    assert {found[each].reason for each in (of_template, of_dataset, of_order)} == {
        StopReason.TEMPLATE,
        StopReason.DATASET,
        StopReason.ORDER,
    }
    assert {each.standing for each in found.values()} == {ScheduleStanding.STOPPED}
    assert await node.states(of_order) == ["failed"]  # never without what was asked for
    assert len([each for each in await told(house, alice) if "was stopped" in each]) == 3
    assert [detail["reason"] for _, _, detail in await house.audited("schedule.stop")] == [
        "template",
        "order",
        "dataset",
    ]


async def test_data_that_its_owner_may_no_longer_see_stop_it_for_that(node: Node, house: House) -> None:
    await house.given(house.bob, dataset="secret")
    grants: list[Grant] = [Grant(user="alice")]
    await house.todo.sharing.put(house.bob, "dataset", "secret", grants)
    shared = SALES.replace("from orders", 'from "bob"."secret"')
    await house.todo.templates.save(house.alice, "shared", shared)
    schedule_id = await planned(node, template="shared")
    run = await node.schedules.run(house.alice, schedule_id)
    await node.ended(run)
    await house.todo.sharing.put(house.bob, "dataset", "secret", [])
    await node.look("2036-11-01T00:00:01+00:00")
    stopped = await node.schedules.get(house.alice, schedule_id)
    assert (stopped.standing, stopped.reason) == (ScheduleStanding.STOPPED, StopReason.RIGHTS)


async def test_an_owner_who_is_gone_and_one_who_may_no_more(node: Node, house: House, admin: Principal) -> None:
    schedule_id = await planned(node)
    await house.todo.admin.change_user(admin, house.alice.user_id, role=Role.VIEWER)
    await node.look()
    assert (await node.schedules.get(admin, schedule_id)).reason is StopReason.RIGHTS
    await house.todo.admin.change_user(admin, house.alice.user_id, role=Role.EDITOR)
    await node.schedules.change(admin, schedule_id, {"enabled": True})
    await house.todo.admin.change_user(admin, house.alice.user_id, is_disabled=True)
    by_hand = await node.schedules.run(admin, schedule_id)
    assert by_hand.state == "failed"
    stopped = await node.schedules.get(admin, schedule_id)
    assert (stopped.standing, stopped.reason) == (ScheduleStanding.STOPPED, StopReason.OWNER)
    assert any("was stopped" in each for each in await told(house, admin))
    with refused(Conflict):
        await node.schedules.change(admin, schedule_id, {"enabled": True})
    await node.look("2036-11-01T00:00:01+00:00")
    assert await batch_count(house) == 0


async def test_one_that_fails_for_now_is_tried_again_and_never_stops_the_rest(node: Node, house: House) -> None:
    first, second, third = await planned(node), await planned(node), await planned(node)
    problems: list[Exception] = [StorageFull(), QuotaExceeded(), ZeroDivisionError("a bug")]

    async def failing(principal: Principal, order: BatchOrder, **kwargs: Any) -> BatchStart:
        if problems:
            raise problems.pop(0)
        return await house.todo.batch_orders.start(principal, order, **kwargs)

    failing_for_now = node.ordering_by(failing)
    node.now = datetime(2036, 11, 1, 0, 0, 1, tzinfo=UTC)
    await failing_for_now.scheduler.look()
    found = sorted([*await node.states(first), *await node.states(second), *await node.states(third)])
    assert found == ["due", "due", "failed"]
    assert any("could not be run" in each for each in await told(house, house.alice))
    node.now += timedelta(minutes=2, seconds=30)
    await failing_for_now.scheduler.look()
    found = sorted([*await node.states(first), *await node.states(second), *await node.states(third)])
    assert found == ["failed", "started", "started"]


async def test_a_button_that_is_pressed_twice_runs_once_but_not_what_was_changed_in_between(
    node: Node, house: House
) -> None:
    schedule_id = await planned(node)
    first = await node.schedules.run(house.alice, schedule_id)
    node.now += timedelta(milliseconds=300)
    assert (await node.schedules.run(house.alice, schedule_id)).id == first.id
    await node.schedules.change(house.alice, schedule_id, {"formats": ["html"]})
    changed = await node.schedules.run(house.alice, schedule_id)
    assert changed.id != first.id
    assert changed.ordered.formats != first.ordered.formats
    node.now += timedelta(seconds=2)
    assert (await node.schedules.run(house.alice, schedule_id)).id not in (first.id, changed.id)


async def test_a_chinese_name_is_found_by_how_it_sounds(node: Node, house: House, alice: Principal) -> None:
    await planned(node, name="华东销售月报")
    await planned(node, name="Rest")
    for typed in ("xiaoshou", "XiaoSh", "xs", "销售"):
        assert [each.name for each in (await node.schedules.list(alice, q=typed)).items] == ["华东销售月报"], typed
    assert (await node.schedules.list(alice, q="month")).total == 2  # by the name of their template
    assert (await node.schedules.list(alice, q="kucun")).total == 0
    assert (await node.schedules.list(house.bob, q="xiaoshou")).total == 0


async def test_who_may_do_what(node: Node, house: House, alice: Principal, bob: Principal) -> None:
    schedule_id = await planned(node, name="Mine")
    viewer, reader = only_looking(alice)
    wish = ScheduleWish(template="monthly", cron="0 8 1 * *")
    for calls in (
        lambda who: node.schedules.create(who, wish),
        lambda who: node.schedules.change(who, schedule_id, {"enabled": False}),
        lambda who: node.schedules.delete(who, schedule_id),
        lambda who: node.schedules.run(who, schedule_id),
    ):
        for who in (viewer, reader):
            with refused(Forbidden):
                await calls(who)
        with pytest.raises(NotFound):
            await calls(bob)
    with pytest.raises(NotFound):
        await node.schedules.get(bob, schedule_id)
    assert (await node.schedules.list(bob)).total == 0
    assert [each.name for each in (await node.schedules.list(reader, q="min")).items] == ["Mine"]
    assert (await node.schedules.get(house.admin, schedule_id)).owner == "alice"
    # By an administrator, and with its owner's rights all the same; the same key again is the same run.
    run = await node.schedules.run(house.admin, schedule_id, idempotency_key="once")
    node.now += timedelta(seconds=5)
    assert (await node.schedules.run(house.admin, schedule_id, idempotency_key="once")).id == run.id
    assert (await house.todo.batches.get(alice, run.batch_id or "")).owner_id == alice.user_id
    # Of another schedule it would be another request under the same key.
    other = await planned(node, name="Other")
    with refused(KeyReused):
        await node.schedules.run(house.admin, other, idempotency_key="once")
    assert await node.runs(other) == []
    await node.schedules.run(alice, other, idempotency_key="once")  # keys are of who asks


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"cron": "0 8 31 2 *"}, "cron"),
        ({"cron": ""}, "cron"),
        ({"after_import": "orders"}, "cron"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"quiet_seconds": -1}, "quiet_seconds"),
        ({"name": "a\nb"}, "name"),
        ({"name": "a\u202eb"}, "name"),
        ({"cron": "", "after_schedule": "0" * 26}, "after_schedule"),
        ({"parameters": [{"month": "never"}]}, "parameters[0].month"),
        ({"parameters": [{"month": "2026-01"}, {}, {"month": "last_month"}]}, "parameters[2]"),
        ({"only_on": OnlyOn.WORKDAYS}, "calendar"),
        ({"only_on": OnlyOn.WORKDAYS, "calendar": "XX"}, "calendar"),
        ({"only_on": OnlyOn.WORKDAYS, "calendar": "CN", "cron": "0 8 1 1 *"}, "cron"),
        ({"only_on": OnlyOn.WORKDAYS, "calendar": "CN", "cron": "* 8 * * *", "day_off": DayOff.NEXT}, "day_off"),
        ({"only_on": OnlyOn.WORKDAYS, "calendar": "CN", "cron": "", "after_import": "orders"}, "only_on"),
    ],
)
async def test_what_is_wrong_is_said_when_it_is_planned(node: Node, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        await planned(node, **wrong)
    assert [problem.field for problem in error.value.errors] == [field]


async def test_what_comes_back_from_a_backup_is_held(node: Node, house: House) -> None:
    schedule_id = await planned(node)
    async with house.parts.storage.database.write() as connection:
        assert await hold_restored(connection) == 1
    await node.look("2036-11-01T00:00:01+00:00")
    held = await node.schedules.get(house.alice, schedule_id)
    assert (held.standing, held.reason) == (ScheduleStanding.PAUSED, StopReason.RESTORED)
    assert await node.runs(schedule_id) == []
    again = await node.schedules.change(house.alice, schedule_id, {"enabled": True})
    assert again.planned_at == datetime(2036, 12, 1, 0, tzinfo=UTC)
