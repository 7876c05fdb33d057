"""One line of jobs: places, whose work stands before, and about how long that takes."""

from __future__ import annotations

import math

from server.clock import utc_now
from server.jobs.durations import Durations
from server.jobs.job import Job
from server.jobs.line import Line
from tests.unit.jobs.conftest import Clock


def job(name: str, owner: str, kind: str = "import") -> Job:
    return Job(id=name, kind=kind, owner_id=owner, title="t", unit="rows", created_at=utc_now())


def line(clock: Clock) -> Line:
    return Line(places=3, per_owner=2, durations=Durations(), clock=clock)


def begin(line: Line, *jobs: Job) -> None:
    for each in jobs:
        line.push(each)
        assert line.pop() == each.id
        line.begin(each)


def after_one_of_ten_seconds(clock: Clock) -> Line:
    """Two more run."""
    waits = line(clock)
    begin(waits, job("1", "alice"))
    clock.now += 10
    waits.end("1")
    begin(waits, job("2", "alice"), job("3", "alice"))
    return waits


def test_the_estimate_comes_from_what_such_work_took_lately() -> None:
    clock = Clock()
    waits = after_one_of_ten_seconds(clock)
    clock.now += 4
    waits.push(job("4", "alice"))
    waits.push(job("5", "alice"))
    waiting = waits.jobs_waiting()
    assert (waiting["4"].seconds, waiting["4"].count, waiting["4"].is_own) == (6.0, 2, True)
    assert (waiting["5"].seconds, waiting["5"].count) == (6.0 + 10.0 / 2, 3)


def test_nobody_knows_when_a_stalled_job_ends() -> None:
    waits = after_one_of_ten_seconds(Clock())
    waits.push(job("4", "alice"))
    waits.push(job("5", "alice"))
    assert waits.jobs_waiting({"2": math.inf, "3": math.inf}.get)["4"].seconds is None
    one_moves = waits.jobs_waiting({"2": math.inf}.get)
    assert (one_moves["4"].seconds, one_moves["4"].count) == (10.0, 2)
    assert one_moves["5"].seconds == 10.0 + 10.0


def test_what_a_running_job_says_itself_counts_more_than_what_such_jobs_took() -> None:
    waits = after_one_of_ten_seconds(Clock())
    waits.push(job("4", "alice"))
    assert waits.jobs_waiting({"2": 42.0, "3": 90.0}.get)["4"].seconds == 42.0


def test_without_anything_to_go_by_there_is_no_estimate() -> None:
    waits = line(Clock())
    begin(waits, job("1", "alice"), job("2", "alice"))
    waits.push(job("3", "alice"))
    assert waits.jobs_waiting()["3"].seconds is None


def test_work_that_takes_longer_than_usual_is_never_over_in_no_time() -> None:
    durations = Durations()
    durations.add("import", 10.0)
    assert [durations.left("import", elapsed) for elapsed in (0.0, 6.0, 9.0, 600.0)] == [10.0, 4.0, 4.5, 5.0]
    assert durations.left("report", 1.0) is None


def test_what_was_taken_out_waits_no_more() -> None:
    waits = line(Clock())
    begin(waits, job("1", "alice"), job("2", "alice"))
    waits.push(job("3", "alice"))
    waits.push(job("4", "alice"))
    waits.remove(job("3", "alice"))
    assert list(waits.jobs_waiting()) == ["4"]
    waits.clear()
    assert (len(waits), waits.jobs_waiting(), waits.pop()) == (0, {}, None)
