"""Lines that wait for the database: bounded, in order, and what is missing is marked where it is missing."""

from __future__ import annotations

from server.clock import utc_now
from server.jobs.job_log import LogLine
from server.jobs.waiting_lines import WaitingLines


def line(number: int, job_id: str = "a") -> LogLine:
    return LogLine(job_id=job_id, attempt=1, at=utc_now(), level="info", message=str(number))


def test_a_job_that_logs_in_a_tight_loop_loses_the_middle_marked() -> None:
    waiting = WaitingLines()
    for number in range(12_000):
        waiting.add(line(number))
    kept = waiting.take("a")
    assert len(kept) < 3_000
    assert (kept[0].message, kept[-1].message) == ("0", "11999")
    assert sum(each.left_out or 1 for each in kept) == 12_000
    numbers = [int(each.message) for each in kept if not each.left_out]
    assert numbers == sorted(numbers)


def test_whoever_says_the_most_loses_and_not_who_said_little_before() -> None:
    waiting = WaitingLines()
    waiting.add(line(0, "quiet"))
    for number in range(2_400):
        for job_id in ("a", "b", "c", "d", "e", "f"):
            waiting.add(line(number, job_id))
    assert [each.message for each in waiting.take("quiet")] == ["0"]
    left = waiting.take_all()
    assert len(left) <= 10_000
    assert {each.job_id for each in left if each.message == "2399"} == {"a", "b", "c", "d", "e", "f"}


def test_what_could_not_be_stored_stands_before_what_came_meanwhile() -> None:
    waiting = WaitingLines()
    for number in range(3):
        waiting.add(line(number))
    taken = waiting.take_all()
    waiting.add(line(3))
    waiting.put_back(taken)
    assert [each.message for each in waiting.take("a")] == ["0", "1", "2", "3"]
    assert waiting.take_all() == []
