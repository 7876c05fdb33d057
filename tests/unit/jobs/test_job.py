"""A job as a value: its moves, its figures, its error in words."""

from __future__ import annotations

from typing import Any

import pytest

from server.clock import utc_now
from server.jobs.job import FINAL_STATES, LEGAL_MOVES, Job, JobError, State
from server.jobs.waiting import Waiting, WaitingFor


def job(**fields: Any) -> Job:
    known = {"id": "j", "kind": "work", "owner_id": "alice", "title": "t", "unit": "rows", "created_at": utc_now()}
    return Job(**{**known, **fields})


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("after", State)
def test_only_legal_moves_are_made_and_each_is_one_revision(before: State, after: State) -> None:
    if after is before or after in LEGAL_MOVES[before]:
        assert job(state=before, revision=4).evolve(state=after).revision == 5
    else:
        with pytest.raises(ValueError, match="not a legal move"):
            job(state=before).evolve(state=after)


def test_from_every_end_but_success_a_job_can_be_queued_again() -> None:
    assert {state for state in FINAL_STATES if LEGAL_MOVES[state]} == {State.FAILED, State.CANCELLED}


@pytest.mark.parametrize(
    ("fields", "percent"),
    [
        ({"progress": 1, "total": 3}, 33.3),
        ({"progress": 5, "total": None}, None),
        ({"progress": 5, "total": None, "state": State.SUCCEEDED}, 100.0),
        ({"progress": 0, "total": 0}, None),
        ({"progress": 0, "total": 0, "state": State.SUCCEEDED}, 100.0),
        ({"progress": 0, "total": 7}, None),
        ({"progress": 0, "total": 7, "state": State.RUNNING}, 0.0),
        ({"progress": 0.25, "total": 1.0, "state": State.RUNNING}, 25.0),
        ({"progress": 7, "total": 5, "state": State.RUNNING}, 99.9),
        ({"progress": 3_299_868, "total": 3_300_000, "state": State.RUNNING}, 99.9),
    ],
)
def test_percent_is_known_as_far_as_the_total_is_and_hundred_is_done(
    fields: dict[str, Any], percent: float | None
) -> None:
    assert job(**fields).percent == percent


def test_the_time_left_is_told_of_running_jobs_that_move() -> None:
    moving = {"state": State.RUNNING, "progress": 20, "total": 100, "rate": 8.0}
    assert job(**moving).eta_seconds == 10.0
    for change in ({"rate": None}, {"rate": 0.0}, {"total": None}, {"state": State.FAILED}):
        assert job(**{**moving, **change}).eta_seconds is None


def test_what_waits_for_a_worker_has_no_pace() -> None:
    moving = job(state=State.RUNNING, progress=20, total=100, rate=8.0, unit_seconds=1.0)
    waits = moving.evolve(waiting=Waiting(reason=WaitingFor.WORKER, count=1))
    assert (moving.pace, waits.pace, waits.eta_seconds) == (8.0, None, None)


def test_an_error_is_told_in_the_readers_language_with_its_values() -> None:
    error = JobError(code="x", message="Line {line} is wrong.", parameters={"line": 7})
    assert error.text == "Line 7 is wrong."
    assert (
        error.translated(lambda text: text.replace("Line", "第").replace(" is wrong.", " 行有错。")) == "第 7 行有错。"
    )
