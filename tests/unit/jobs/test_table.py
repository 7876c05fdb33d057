"""The table of live jobs: the newest snapshot of each, told once, and forgotten a while after the end."""

from __future__ import annotations

from typing import Any

import pytest

from server.clock import utc_now
from server.jobs.job import Job, State
from server.jobs.table import JobTable
from tests.unit.jobs.conftest import Clock


def job(job_id: str = "a", **fields: Any) -> Job:
    known = {"kind": "work", "owner_id": "alice", "title": "t", "unit": "rows", "created_at": utc_now(), "revision": 1}
    return Job(**{"id": job_id, **known, **fields})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def table(clock: Clock) -> JobTable:
    return JobTable(clock=clock)


def test_listeners_hear_of_each_newer_snapshot_and_what_was_before(table: JobTable) -> None:
    heard: list[tuple[int, int | None]] = []
    table.listen(lambda now, before: heard.append((now.revision, before.revision if before else None)))
    for revision in (1, 2, 2, 1, 5):
        table.put(job(revision=revision))
    assert heard == [(1, None), (2, 1), (5, 2)]


def test_what_others_tell_is_known_but_not_told_any_further(table: JobTable) -> None:
    heard: list[Job] = []
    table.put(job(revision=2))
    table.listen(lambda now, before: heard.append(now))
    assert [table.take(job(revision=revision)) for revision in (3, 3, 2)] == [True, True, False]
    assert heard == []
    assert table.get("a") == job(revision=3, created_at=table.get("a").created_at)  # type: ignore[union-attr]


def test_everybody_has_their_own_jobs_oldest_first(table: JobTable) -> None:
    for job_id, owner in (("c", "alice"), ("a", "alice"), ("b", "bob")):
        table.put(job(job_id, owner_id=owner))
    assert [each.id for each in table.live_of("alice")] == ["a", "c"]
    assert [each.id for each in table.live_of("bob")] == ["b"]
    assert table.live_of("nobody") == []


def test_a_job_that_is_over_is_shown_for_a_minute(table: JobTable, clock: Clock) -> None:
    table.put(job(state=State.SUCCEEDED))
    table.put(job("b", state=State.RUNNING))
    clock.now += 59
    assert [each.id for each in table.live_of("alice")] == ["a", "b"]
    clock.now += 2
    assert [each.id for each in table.live_of("alice")] == ["b"]
    assert table.get("a") is None


def test_a_job_that_is_started_again_stays(table: JobTable, clock: Clock) -> None:
    table.put(job(state=State.FAILED))
    table.put(job(state=State.QUEUED, revision=2))
    clock.now += 3600
    assert [each.id for each in table.live_of("alice")] == ["a"]


def test_ended_jobs_are_forgotten_early_when_there_are_thousands(table: JobTable) -> None:
    for number in range(2_100):
        table.put(job(f"{number:04}", state=State.SUCCEEDED))
    left = table.live_of("alice")
    assert (len(left), left[-1].id) == (2_000, "2099")
