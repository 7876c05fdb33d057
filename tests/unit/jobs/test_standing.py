"""Who waits is told so: first places first, a few at a time, and only what is news."""

from __future__ import annotations

from server.jobs.job import Job, State
from server.jobs.standing import Standing
from server.jobs.waiting import Waiting, WaitingFor
from tests.unit.jobs.conftest import House, OpenHouse


def turn(place: int, *, seconds: float | None = None) -> Waiting:
    return Waiting(reason=WaitingFor.TURN, place=place, count=place, seconds=seconds)


class Waits:
    """What the queue would say, and how many changes of jobs were told of."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.waiting: dict[str, Waiting] = {}
        self.standing = Standing(life=house.life, waits=(dict, lambda: self.waiting))
        self.told = 0
        house.table.listen(lambda job, before: self._count())

    def _count(self) -> None:
        self.told += 1

    def tell(self) -> int:
        self.told = 0
        self.standing.tell()
        return self.told

    def of(self, job: Job) -> Waiting | None:
        known = self.house.table.get(job.id)
        return known and known.waiting


async def test_places_are_told_once_until_they_change_and_taken_back_when_it_moves(open_house: OpenHouse) -> None:
    waits = Waits(await open_house())
    await waits.house.close_line()
    first, running = await waits.house.begin(state=State.QUEUED), await waits.house.begin(state=State.RUNNING)
    no_worker = Waiting(reason=WaitingFor.WORKER, count=2)
    waits.waiting = {first.id: turn(1), running.id: no_worker, "nobody's": turn(2)}
    assert waits.tell() == 2
    assert (waits.of(first), waits.of(running)) == (turn(1), no_worker)
    assert waits.tell() == 0
    waits.waiting = {first.id: turn(1, seconds=6.0)}
    assert waits.tell() == 2
    assert (waits.of(first), waits.of(running)) == (turn(1, seconds=6.0), None)


async def test_a_line_of_hundreds_is_told_in_portions_and_does_not_move_hundreds_of_times(
    open_house: OpenHouse,
) -> None:
    waits = Waits(await open_house())
    await waits.house.close_line()
    jobs = [await waits.house.begin(state=State.QUEUED) for _ in range(120)]
    waits.waiting = {job.id: turn(place) for place, job in enumerate(jobs, start=1)}
    assert [waits.tell() for _ in range(4)] == [50, 50, 20, 0]
    waits.waiting = {job.id: turn(place) for place, job in enumerate(jobs[1:], start=1)}
    assert waits.tell() <= 21  # the first twenty see each step, and the one that left is no longer waiting
    waits.waiting = {job.id: turn(place) for place, job in enumerate(jobs[60:], start=1)}
    for _ in range(3):
        waits.tell()
    assert waits.of(jobs[-1]) == turn(60)
