"""Maintenance as it is planned: now or later, once or each week, and called off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.errors import Forbidden, InvalidInput, NotFound
from server.operations.maintenance import MaintenanceOperations
from tests.unit.operations.conftest import House

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture
def maintenance(house: House) -> MaintenanceOperations:
    return MaintenanceOperations(database=house.parts.storage.database, clock=lambda: NOON)


async def test_from_now_on_for_so_long(maintenance: MaintenanceOperations, house: House) -> None:
    window = await maintenance.plan(house.admin, minutes=30, note=" new disk ", time_zone="Asia/Shanghai")
    (standing,) = await maintenance.windows(house.admin)
    assert standing.is_under_way
    assert standing.next == (NOON, NOON + timedelta(minutes=30))
    assert (window.note, window.created_by, window.begin.hour) == ("new disk", "admin", 20)
    later = MaintenanceOperations(database=house.parts.storage.database, clock=lambda: NOON + timedelta(minutes=10))
    await later.end(house.admin, window.id)
    (standing,) = await later.windows(house.admin)
    assert (standing.is_under_way, standing.next) == (False, None)
    with pytest.raises(NotFound):
        await later.end(house.admin, window.id)


async def test_what_comes_next_stands_first(maintenance: MaintenanceOperations, house: House) -> None:
    later = await maintenance.plan(house.admin, minutes=60, begin="2026-12-24T22:00", time_zone="Europe/Berlin")
    weekly = await maintenance.plan(
        house.admin, minutes=60, begin="2026-11-01T03:00", time_zone="Europe/Berlin", is_weekly=True
    )
    first, second = await maintenance.windows(house.admin)
    assert (first.window.id, second.window.id) == (weekly.id, later.id)
    assert first.next == (datetime(2026, 11, 29, 2, tzinfo=UTC), datetime(2026, 11, 29, 3, tzinfo=UTC))
    assert second.next is not None
    assert second.next[0] == datetime(2026, 12, 24, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"minutes": 0}, "minutes"),
        ({"minutes": 10**6}, "minutes"),
        ({"begin": "tomorrow"}, "begin"),
        ({"begin": "2026-12-05T22:00+01:00"}, "begin"),
        ({"begin": "0001-01-01T00:00"}, "begin"),
        ({"begin": "2026-11-27T10:00"}, "begin"),  # over
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"note": "a\nb"}, "note"),
    ],
)
async def test_what_cannot_be_is_said_beside_its_field(
    maintenance: MaintenanceOperations, house: House, wrong: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as error:
        await maintenance.plan(house.admin, **{"minutes": 60, "time_zone": "UTC", **wrong})
    assert [problem.field for problem in error.value.errors] == [field]
    assert await maintenance.windows(house.admin) == []


async def test_alice_may_neither_see_nor_plan_nor_end(maintenance: MaintenanceOperations, house: House) -> None:
    for call in (
        maintenance.windows(house.alice),
        maintenance.plan(house.alice, minutes=5),
        maintenance.end(house.alice, "x"),
    ):
        with pytest.raises(Forbidden):
            await call
