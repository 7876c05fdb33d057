"""The table of live jobs: the newest revision stands in it, whoever tells of it and in whatever order."""

from __future__ import annotations

from server.clock import utc_now
from server.jobs.job import Job, State
from server.jobs.table import JobTable


def job(revision: int, **fields: object) -> Job:
    known = {"id": "j1", "kind": "data_import", "owner_id": "alice", "title": "Sales", "unit": "rows"}
    return Job(**{**known, "created_at": utc_now(), "revision": revision, **fields})  # type: ignore[arg-type]


def test_a_revision_that_comes_late_is_dropped_and_told_to_nobody() -> None:
    table, told = JobTable(), list[int]()
    table.listen(lambda job, before: told.append(job.revision))
    for revision in (1, 3, 2, 3):
        table.put(job(revision))
    found = table.get("j1")
    assert found is not None
    assert (found.revision, told) == (3, [1, 3])


def test_what_another_tells_is_known_and_not_told_any_further() -> None:
    table, told = JobTable(), list[int]()
    table.listen(lambda job, before: told.append(job.revision))
    assert table.take(job(2))
    assert not table.take(job(1))
    assert table.take(job(2))  # as it is known: what this node says itself is heard here as well
    assert [each.revision for each in table.live_of("alice")] == [2]
    assert table.live_of("bob") == []
    assert told == []


def test_jobs_that_ended_stay_for_a_minute() -> None:
    now = 100.0
    table = JobTable(clock=lambda: now)
    table.put(job(1, state=State.SUCCEEDED))
    now += 59
    assert len(table.live_of("alice")) == 1
    now += 2
    assert table.live_of("alice") == []
    assert table.all_live() == []
