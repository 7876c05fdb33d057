"""Who wants no more mail of a schedule: of this one alone, and its owner sees who."""

from __future__ import annotations

from server.deliveries.carrying import UnsubscribeCode
from server.errors import Forbidden, NotFound, RateLimited
from server.operations.schedule_wishes import ScheduleWish
from tests.unit.operations.conftest import SALES, House, only_looking, refused

HERE = "192.0.2.1"


async def test_one_schedule_and_one_address(house: House) -> None:
    await house.given(house.alice)
    await house.todo.templates.save(house.alice, "sales", SALES)
    todo = house.todo.unsubscribing
    wish = ScheduleWish(template="sales", cron="0 8 1 * *", name="Monthly")
    first, second = [await house.todo.schedules.create(house.alice, wish) for _ in range(2)]
    code = house.parts.auth.seals.seal(UnsubscribeCode(first.id, "boss+x@example.com"))
    assert not (await todo.look(code, address=HERE)).is_over
    await todo.stop(code, address=HERE)
    await todo.stop(code, address=HERE)
    assert (await todo.look(code, address=HERE)).is_over
    (found,) = await todo.of_schedule(house.alice, first.id)
    assert found.address == "boss+x@example.com"
    assert await todo.of_schedule(house.alice, second.id) == []
    with refused(NotFound):
        await todo.of_schedule(house.bob, first.id)
    with refused(NotFound):
        await todo.allow(house.bob, first.id, found.id)
    with refused(Forbidden):
        await todo.allow(only_looking(house.alice)[0], first.id, found.id)
    with refused(NotFound):
        await todo.allow(house.alice, second.id, found.id)
    await todo.allow(house.alice, first.id, found.id)
    assert not (await todo.look(code, address=HERE)).is_over
    await house.todo.schedules.delete(house.alice, first.id)
    with refused(NotFound):
        await todo.look(code, address=HERE)


async def test_whoever_guesses_is_slowed_down(house: House) -> None:
    todo, errors = house.todo.unsubscribing, set()
    for number in range(12):
        try:
            await todo.stop(f"guess{number}", address=HERE)
        except (NotFound, RateLimited) as error:
            errors.add(type(error))
    assert errors == {NotFound, RateLimited}
