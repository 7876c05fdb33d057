"""What is old goes, what is needed stays, and it is said beforehand."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta

from server.app.retention import build_retention
from server.auth.permissions import Principal
from server.clock import utc_now
from server.errors import Forbidden, NotFound, StorageFull
from server.operations.retention import Overview, Retention, RetentionOperations, Rule
from server.storage.keeping import Amount
from tests.unit.operations.conftest import ORDERS, SALES, House, refused


def in_days(house: House, days: float, **settings: float) -> Retention:
    """As it would look at everything then."""
    parts = house.parts
    return build_retention(
        dataclasses.replace(parts.settings, **settings),  # type: ignore[arg-type]
        storage=parts.storage,
        uploads=parts.uploads,
        reports=parts.reports,
        clock=lambda: utc_now() + timedelta(days=days),
    )


def counted(overview: Overview) -> dict[str, tuple[int, int]]:
    return {kind.kind: (kind.held.count, kind.due.count) for kind in overview.kinds}


class Kept:
    """A kind of thing of which one goes at each step, until something is in the way."""

    def __init__(self, kind: str, *, left: int = 0, in_the_way: Exception | None = None) -> None:
        self.kind = kind
        self.left = left
        self._in_the_way = in_the_way

    async def held(self, owner_id: str | None = None) -> Amount:
        return Amount(count=self.left)

    async def due(self, before: datetime, owner_id: str | None = None) -> Amount:
        return Amount(count=self.left)

    async def remove_some(self, before: datetime) -> Amount | None:
        if self._in_the_way is not None:
            raise self._in_the_way
        if not self.left:
            return None
        self.left -= 1
        return Amount(count=1, bytes=10)


def sweeping(house: House, *kinds: Kept, days: float | None = 1) -> Retention:
    rules = [Rule(keeping=kind, days=days, setting=f"{kind.kind}_days") for kind in kinds]
    return Retention(rules, database=house.parts.storage.database)


async def test_what_is_old_goes_and_one_line_says_how_much(house: House, alice: Principal) -> None:
    upload = await house.upload(alice)
    await in_days(house, 29).sweep()
    await house.todo.uploads.find(alice, upload.id)
    await in_days(house, 31).sweep()
    with refused(NotFound):
        await house.todo.uploads.find(alice, upload.id)
    assert ("", "uploads", {"count": 1, "bytes": len(ORDERS), "days": 30.0}) in await house.audited("retention.sweep")


async def test_nothing_to_do_is_not_worth_a_line(house: House) -> None:
    await in_days(house, 31).sweep()
    assert await house.audited("retention.sweep") == []


async def test_what_something_is_made_from_stays_however_old(house: House, alice: Principal) -> None:
    await house.imported(alice)
    await house.todo.templates.save(alice, "sales", SALES)
    batch = await house.reported(alice)
    await in_days(house, 10_000).sweep()
    assert (await house.todo.datasets.get(alice, "orders")).row_count == 3
    assert (await house.todo.jobs.get(alice, batch.job.id)).id == batch.job.id


async def test_it_says_what_goes_of_whom(house: House, alice: Principal) -> None:
    await house.upload(alice)
    later = RetentionOperations(in_days(house, 31))
    assert counted(await later.mine(alice))["uploads"] == (1, 1)
    assert counted(await later.mine(house.bob))["uploads"] == (0, 0)
    assert counted(await later.everybodys(house.admin))["uploads"] == (1, 1)
    assert counted(await house.todo.retention.mine(alice))["uploads"] == (1, 0)
    with refused(Forbidden):
        await later.everybodys(alice)


async def test_what_is_kept_for_ever_is_never_due(house: House) -> None:
    kept = Kept("things", left=3)
    retention = sweeping(house, kept, days=None)
    await retention.sweep()
    assert kept.left == 3
    assert counted(await retention.overview()) == {"things": (3, 0)}


async def test_what_fails_of_one_kind_keeps_no_other_from_going(house: House) -> None:
    broken, other = Kept("broken", in_the_way=ZeroDivisionError()), Kept("other", left=3)
    await sweeping(house, broken, other).sweep()
    assert other.left == 0
    assert [subject for _, subject, _ in await house.audited("retention.sweep")] == ["other"]


async def test_a_full_disk_ends_the_sweep_and_the_next_one_is_announced(house: House) -> None:
    full, other = Kept("full", in_the_way=StorageFull()), Kept("other", left=3)
    retention = sweeping(house, full, other)
    first = (await retention.overview()).next_at
    with refused(StorageFull):
        await retention.sweep()
    assert other.left == 3
    assert (await retention.overview()).next_at > first + timedelta(minutes=59)


async def test_zero_days_keep_all_of_what_is_swept_and_nothing_of_what_goes_by_itself(house: House) -> None:
    retention = in_days(house, 1, job_retention_days=0.0, history_days=0.0, monitoring_days=0.0)
    found = {kept.kind: kept.days for kept in (await retention.everything()).kinds}
    assert (found["jobs"], found["messages"], found["figures"], found["notifications"]) == (None, 0, 0, 90)
