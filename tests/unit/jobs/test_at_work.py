"""What workers do at this moment: the longest first, and nothing of what is over or failed."""

from __future__ import annotations

import pytest

from server.jobs.at_work import AtWork


def test_what_is_under_way_is_told_until_it_is_over() -> None:
    seconds = [0.0]
    at_work = AtWork(clock=lambda: seconds[0])

    def reading_breaks() -> None:
        with at_work.doing("read_rows", user_id="bob", job_id=""):
            seconds[0] = 92.25
            told = [(each.function, each.user_id, each.job_id, each.seconds) for each in at_work.now()]
            assert told == [("convert_file", "alice", "job", 92.2), ("read_rows", "bob", "", 2.2)]
            raise ValueError("broken")

    with at_work.doing("convert_file", user_id="alice", job_id="job"):
        seconds[0] = 90.0
        with pytest.raises(ValueError, match="broken"):
            reading_breaks()
        assert [each.function for each in at_work.now()] == ["convert_file"]
    assert at_work.now() == []
