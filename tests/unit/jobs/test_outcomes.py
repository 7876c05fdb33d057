"""How an attempt's end becomes a state."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from server.clock import utc_now
from server.errors import FileProblem
from server.jobs.job import Job, State
from server.jobs.outcomes import Notice, Outcome, end_of, left_by


def job(**fields: Any) -> Job:
    known = {"id": "j", "kind": "work", "owner_id": "alice", "title": "t", "unit": "rows", "created_at": utc_now()}
    return Job(**{**known, "state": State.RUNNING, **fields})


async def work(result: Any) -> asyncio.Future[Any]:
    """One that ended with that result or error."""
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    if isinstance(result, BaseException):
        future.set_exception(result)
        future.exception()
    else:
        future.set_result(result)
    return future


async def test_success_shows_the_whole_total_as_done() -> None:
    changes = end_of(job(progress=3, total=10), await work(Outcome(result={"rows": 3})), None)
    assert (changes["state"], changes["progress"], changes["total"]) == (State.SUCCEEDED, 10, 10)
    assert changes["result"] == {"rows": 3}
    assert end_of(job(progress=3), await work(None), None)["total"] == 3


async def test_what_was_done_is_done_even_if_somebody_wanted_it_cancelled() -> None:
    assert end_of(job(), await work(None), State.CANCELLED)["state"] is State.SUCCEEDED


async def test_a_stumble_over_being_stopped_is_no_failure() -> None:
    assert end_of(job(), await work(OSError("pipe")), State.CANCELLED)["state"] is State.CANCELLED
    again = end_of(job(progress=5, stage="reading"), await work(OSError("pipe")), State.QUEUED)
    assert (again["state"], again["progress"], again["stage"]) == (State.QUEUED, 0, "")


async def test_a_known_error_is_told_with_its_values_made_plain() -> None:
    error = FileProblem("Line {line} is wrong.", code="broken_line", line=7, where=object)
    changes = end_of(job(), await work(error), None)
    assert (changes["state"], changes["error"].code, changes["error"].text) == (
        State.FAILED,
        "broken_line",
        "Line 7 is wrong.",
    )


@pytest.mark.parametrize("error", [ZeroDivisionError("secret"), None])
async def test_an_unexpected_end_is_for_the_log_alone(
    error: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    future = await work(error or ZeroDivisionError())
    if error is None:
        future = asyncio.get_running_loop().create_future()
        future.cancel()  # by itself: nobody wanted that
    with caplog.at_level(logging.ERROR):
        changes = end_of(job(), future, None)
    assert (changes["state"], changes["error"].code) == (State.FAILED, "internal_error")
    assert "secret" not in changes["error"].text
    assert caplog.records


async def test_only_success_leaves_something_to_tell() -> None:
    notice = Notice(title="Ready")
    assert left_by(await work(Outcome(notice=notice))) == Outcome(notice=notice)
    assert left_by(await work(None)) == Outcome()
    assert left_by(await work(OSError())) is None
    assert left_by(asyncio.get_running_loop().create_future()) is None
