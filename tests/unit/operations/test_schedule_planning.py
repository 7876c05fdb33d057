"""A schedule as it is stored keeps what it delivers, sealed."""

from __future__ import annotations

from server.delivery.wishes import DeliveryVia, DeliveryWish
from server.operations.schedule_wishes import ScheduleWish
from tests.unit.operations.conftest import SALES, House

HOOK = DeliveryWish(via=DeliveryVia.SLACK, url="https://hooks.slack.com/services/T/B/secret")


async def test_what_it_delivers_is_sealed_and_stays(house: House) -> None:
    await house.given(house.alice)
    await house.todo.templates.save(house.alice, "sales", SALES)
    wish = ScheduleWish(template="sales", cron="0 8 1 * *", deliveries=[HOOK])
    made = await house.todo.schedules.create(house.alice, wish)
    (kept,) = made.ordered.deliveries
    assert (kept.url, kept.host, bool(kept.sealed)) == ("", "hooks.slack.com", True)
    changed = await house.todo.schedules.change(house.alice, made.id, {"name": "Monthly"})
    assert changed.ordered.deliveries == [kept]
    changes = {"deliveries": [DeliveryWish(via=DeliveryVia.SLACK, body="Here they are")]}
    (again,) = (await house.todo.schedules.change(house.alice, made.id, changes)).ordered.deliveries
    assert (again.sealed, again.body) == (kept.sealed, "Here they are")
    assert (await house.todo.schedules.change(house.alice, made.id, {"deliveries": []})).ordered.deliveries == []
