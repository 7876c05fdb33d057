"""The job of a batch: which attempts make failed reports again."""

from __future__ import annotations

from typing import Any

import pytest

from server.clock import utc_now
from server.jobs.job import Job
from server.reports.batch import was_asked_again


@pytest.mark.parametrize(
    ("attempt", "is_asked"),
    [
        ({"attempt": 1}, False),
        ({"attempt": 2}, True),
        ({"attempt": 2, "interruptions": 1}, False),  # the server went away
        ({"attempt": 2, "failures": 1}, False),  # the disk was full, and it goes on by itself
        ({"attempt": 2, "stage": "files_away"}, False),  # so was the store of files
    ],
)
def test_failed_reports_are_made_again_only_when_a_person_asks(attempt: dict[str, Any], is_asked: bool) -> None:
    job = Job(id="j", kind="batch_report", owner_id="a", title="", unit="reports", created_at=utc_now(), **attempt)
    assert was_asked_again(job) is is_asked
