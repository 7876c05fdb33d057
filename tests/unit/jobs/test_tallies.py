"""What became of jobs, as counters: attempts, ends by state, waiting, time taken, and what they moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from server.jobs.job import Job, State
from server.jobs.tallies import JobCounting

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


class House:
    def __init__(self) -> None:
        self.now = NOON
        self.counting = JobCounting(clock=lambda: self.now)
        self.job: Job | None = None

    def move(self, seconds: float = 0, **changes: Any) -> None:
        self.now += timedelta(seconds=seconds)
        if self.job is None:
            job = Job(id="j", kind="data_import", owner_id="a", title="t", unit="rows", created_at=NOON, **changes)
        else:
            job = msgspec.structs.replace(self.job, **changes)
        self.counting.changed(job, self.job)
        self.job = job

    def run(self, *, seconds: float, state: State) -> None:
        self.move(state=State.RUNNING, attempt=(self.job.attempt if self.job else 0) + 1, started_at=self.now)
        self.move(seconds, state=state, finished_at=self.now + timedelta(seconds=seconds))


def test_a_job_is_counted_once_however_often_it_moves() -> None:
    house = House()
    house.move()
    house.move(3, state=State.RUNNING, attempt=1, started_at=NOON + timedelta(seconds=3))
    for progress in (10, 10, 45, 100):
        house.move(1, progress=progress)
    house.move(state=State.SUCCEEDED, finished_at=house.now)
    found = house.counting.statistics()
    assert (found.started, found.ended, found.moved) == (
        {"data_import": 1},
        {"data_import": {"succeeded": 1}},
        {"rows": 100},
    )
    assert found.waited.sum == 3
    assert found.took["data_import"].sum == 4


def test_a_retry_waits_and_counts_anew_but_not_for_the_pause_that_was_meant() -> None:
    house = House()
    house.move()
    house.run(seconds=1, state=State.FAILED)
    house.move(100, state=State.QUEUED, not_before=house.now + timedelta(seconds=130))
    house.move(32)
    house.run(seconds=5, state=State.SUCCEEDED)
    found = house.counting.statistics()
    assert found.ended == {"data_import": {"failed": 1, "succeeded": 1}}
    assert found.started == {"data_import": 2}
    assert found.waited.count == 2
    assert found.waited.sum == 2


def test_what_an_attempt_did_again_is_not_taken_back() -> None:
    house = House()
    house.move()
    house.move(state=State.RUNNING, attempt=1, started_at=NOON)
    house.move(progress=50)
    house.move(state=State.QUEUED, progress=0)
    house.move(state=State.RUNNING, attempt=2, progress=0)
    house.move(progress=50)
    assert house.counting.statistics().moved == {"rows": 100}


def test_how_long_a_job_took_is_told_by_a_clock_that_nobody_sets() -> None:
    house = House()
    house.move(state=State.RUNNING, attempt=1, started_at=NOON)
    house.move(5, state=State.SUCCEEDED, finished_at=NOON + timedelta(hours=5), took_seconds=5.0)
    took = house.counting.statistics().took["data_import"]
    assert (took.count, took.sum) == (1, 5.0)
