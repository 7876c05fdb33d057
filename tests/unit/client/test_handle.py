"""What a script says to its job, before anything is sent."""

from __future__ import annotations

import logging

import pytest

import jindu


def test_a_job_that_was_never_begun_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    job = jindu.job("Forgotten with", total=2)
    with caplog.at_level(logging.WARNING, "jindu"):
        job.advance()
        job.advance()
    assert [record.message for record in caplog.records] == [
        "“Forgotten with” is not shown, since it was not begun: write “with jindu.job(…) as job:”."
    ]
    assert job.n == 2
