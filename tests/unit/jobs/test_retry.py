"""What is tried again, when, and how often; which errors pass by themselves and which stay."""

from __future__ import annotations

import errno
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from server.clock import utc_now
from server.errors import Conflict, FileProblem, JobFailed, QuotaExceeded, StorageFull, WorkerDied, WorkTooLarge
from server.jobs.job import Job, State
from server.jobs.retry import (
    LATER_SECONDS,
    Retries,
    after_crash,
    after_failure,
    is_temporary,
    seconds_to_next_try,
)
from server.storage.blob_store import FileDamaged, StorageAway
from server.storage.database import DatabaseAway

AWAY = OperationalError("UPDATE", {}, Exception("restarted"))


def job(**fields: Any) -> Job:
    known = {"id": "j", "kind": "work", "owner_id": "alice", "title": "t", "unit": "rows", "created_at": utc_now()}
    return Job(**{**known, "state": State.RUNNING, "attempt": 1, **fields})  # type: ignore[arg-type]


NO_MEMORY = [MemoryError(), OSError(errno.ENOMEM, "Cannot allocate memory"), RuntimeError("can't start new thread")]


@pytest.mark.parametrize("error", [StorageFull(), DatabaseAway(), StorageAway(), WorkerDied(), AWAY, *NO_MEMORY])
def test_what_passes_by_itself_is_temporary(error: Exception) -> None:
    assert is_temporary(error)


@pytest.mark.parametrize(
    "error", [FileProblem("no"), Conflict(), JobFailed("no"), WorkTooLarge("too much"), ZeroDivisionError()]
)
def test_what_would_only_happen_again_is_not_tried_again(error: Exception) -> None:
    assert not is_temporary(error)
    assert seconds_to_next_try(error, failures=1) is None


def test_a_died_worker_is_replaced_once_and_at_once() -> None:
    assert [seconds_to_next_try(WorkerDied(), failures=failures) for failures in (1, 2)] == [0.0, None]


def test_a_database_that_fails_is_asked_less_and_less_often_for_almost_a_minute() -> None:
    waits = [seconds_to_next_try(AWAY, failures=failures) for failures in range(1, 7)]
    assert waits == [0.2, 1.0, 5.0, 15.0, 30.0, None]


@pytest.mark.parametrize("error", [StorageFull(), DatabaseAway()])
def test_a_full_disk_and_a_database_that_is_away_are_asked_again_for_ever(error: Exception) -> None:
    assert {seconds_to_next_try(error, failures=failures) for failures in (1, 10, 10_000)} == {LATER_SECONDS}


@pytest.mark.parametrize("error", [StorageFull(), WorkerDied(), AWAY])
def test_an_attempt_that_failed_by_what_passes_begins_again_after_a_while_that_grows(error: Exception) -> None:
    waits = []
    for failures in range(6):
        before = utc_now()
        again = after_failure(job(failures=failures, progress=7), error, retries=Retries(most=5))
        if again is None:
            break
        assert (again["state"], again["failures"], again["progress"]) == (State.QUEUED, failures + 1, 0)
        waits.append(round((again["not_before"] - before).total_seconds()))
    assert waits == [10, 60, 360, 600, 600]


@pytest.mark.parametrize("error", [QuotaExceeded(), FileProblem("no"), WorkTooLarge("too much"), ZeroDivisionError()])
def test_what_needs_a_person_is_not_repeated(error: Exception) -> None:
    assert after_failure(job(), error, retries=Retries(most=5)) is None


PATIENT = Retries(most=0, away_seconds=3_600)


@pytest.mark.parametrize(
    ("error", "stage"), [(StorageAway(), "files_away"), (DatabaseAway(), "database_away")], ids=["files", "database"]
)
def test_what_is_away_uses_up_no_attempt_and_is_waited_for_since_it_was_first_missed(
    error: Exception, stage: str
) -> None:
    first = after_failure(job(failures=2), error, retries=PATIENT)
    assert first is not None
    assert (first["state"], first["stage"], first.get("failures")) == (State.QUEUED, stage, None)
    since = first["stalled_since"] - timedelta(minutes=30)
    waits = job(stage=stage, stalled_since=since, started_at=utc_now())
    again = after_failure(waits, error, retries=PATIENT)
    assert again is not None
    assert again["stalled_since"] == since
    other_outage = after_failure(job(stage=stage, stalled_since=since, started_at=since), error, retries=PATIENT)
    assert other_outage is not None
    assert other_outage["stalled_since"] > since


def test_it_is_not_waited_for_for_ever() -> None:
    since = utc_now() - timedelta(hours=1)
    waits = job(stage="files_away", stalled_since=since, started_at=utc_now())
    assert after_failure(waits, StorageAway(), retries=PATIENT) is None
    assert after_failure(job(), StorageAway(), retries=Retries(most=3)) is None


def test_a_file_that_came_damaged_is_no_outage() -> None:
    again = after_failure(job(), FileDamaged(), retries=Retries(most=1, away_seconds=3_600))
    assert again is not None
    assert (again["failures"], again["stalled_since"]) == (1, None)
    assert after_failure(job(), FileDamaged(), retries=PATIENT) is None


def test_a_cancel_that_was_asked_for_is_not_overruled_by_a_repetition() -> None:
    for error in (StorageFull(), StorageAway()):
        assert after_failure(job(cancel_requested=True), error, retries=Retries(most=5, away_seconds=60)) is None


def test_a_waiting_job_goes_on_waiting_after_a_crash() -> None:
    assert after_crash(job(state=State.QUEUED, attempt=0), counts_interruptions=True, max_attempts=1) is None


def test_a_running_job_starts_anew_after_a_crash_until_it_was_interrupted_too_often() -> None:
    again = after_crash(job(interruptions=1, progress=5, stage="reading"), counts_interruptions=True, max_attempts=3)
    assert again is not None
    assert (again["state"], again["interruptions"], again["progress"], again["stage"]) == (State.QUEUED, 2, 0, "")
    given_up = after_crash(job(interruptions=2), counts_interruptions=True, max_attempts=3)
    assert given_up is not None
    assert given_up["state"] is State.FAILED
    assert (given_up["error"].code, given_up["error"].parameters) == ("interrupted", {"count": 3})


def test_a_kind_that_only_waits_is_never_interrupted_too_often() -> None:
    again = after_crash(job(interruptions=0), counts_interruptions=False, max_attempts=1)
    assert again is not None
    assert (again["state"], again["interruptions"]) == (State.QUEUED, 0)


@pytest.mark.parametrize("state", [State.RUNNING, State.QUEUED])
def test_a_cancel_that_was_asked_for_holds_after_a_crash(state: State) -> None:
    changes = after_crash(job(state=state, cancel_requested=True), counts_interruptions=True, max_attempts=3)
    assert changes is not None
    assert (changes["state"], changes["cancel_requested"]) == (State.CANCELLED, False)
