"""The table of log lines: read page by page, and never without its beginning and end."""

from __future__ import annotations

import pytest

from server.jobs import job_log
from server.jobs.job import Job, JobError
from server.jobs.job_log import JobLogStore, LogLine, error_line, line_now
from tests.unit.jobs.conftest import House, OpenHouse


@pytest.fixture(autouse=True)
def _short_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_log, "FIRST", 10)
    monkeypatch.setattr(job_log, "NEWEST", 20)
    monkeypatch.setattr(job_log, "_CUT_EVERY", 5)


async def write(house: House, log: JobLogStore, job: Job, *numbers: int) -> None:
    async with house.database.write(shared=True) as connection:
        await log.add(connection, [line_now(job, str(number), "info") for number in numbers])


async def whole(log: JobLogStore, job_id: str) -> list[LogLine]:
    lines, last = await log.following(job_id, after=0, limit=7)
    found = lines
    while lines:
        lines, last = await log.following(job_id, after=last, limit=7)
        found = found + lines
    return found


async def test_at_its_limit_a_log_loses_its_middle_marked_and_counted(open_house: OpenHouse) -> None:
    house = await open_house()
    job, other = await house.begin(), await house.begin("bob")
    await write(house, house.store.lines, other, 1, 2)
    for number in range(100):
        await write(house, house.store.lines, job, number)
    lines = await whole(house.store.lines, job.id)
    assert [line.message for line in lines[:10]] == [str(number) for number in range(10)]
    assert [line.message for line in lines[-20:]] == [str(number) for number in range(80, 100)]
    assert [line.left_out for line in lines if line.left_out] == [100 - len(lines) + 1]
    assert lines[10].level == "gap"
    assert lines[10].text == {"message": "… {count} messages left out …", "parameters": {"count": 101 - len(lines)}}
    assert [line.message for line in await whole(house.store.lines, other.id)] == ["1", "2"]


async def test_a_log_that_an_earlier_process_left_too_long_is_cut_as_well(open_house: OpenHouse) -> None:
    house = await open_house()
    job = await house.begin()
    for number in range(12):
        await write(house, JobLogStore(house.database), job, *range(number * 4, number * 4 + 4))  # each counts anew
    assert len(await whole(house.store.lines, job.id)) == 48
    await write(house, house.store.lines, job, *range(48, 53))
    lines = await whole(house.store.lines, job.id)
    assert len(lines) == 10 + 1 + 20
    assert sum(line.left_out or 1 for line in lines) == 53


async def test_pages_go_back_to_the_first_line(open_house: OpenHouse) -> None:
    house = await open_house()
    job = await house.begin()
    await write(house, house.store.lines, job, *range(4))
    page = await house.store.lines.page(job.id, limit=3)
    assert ([line.message for line in page.lines], page.total) == (["1", "2", "3"], 4)
    page = await house.store.lines.page(job.id, limit=3, before=page.older)
    assert ([line.message for line in page.lines], page.older) == (["0"], None)


async def test_a_line_keeps_what_it_was_made_of_beside_its_words(open_house: OpenHouse) -> None:
    house = await open_house()
    job = await house.begin()
    error = JobError(code="x", message="{level} of {message}", parameters={"level": 3, "message": "{job}"})
    async with house.database.write(shared=True) as connection:
        lines = [error_line(job, error, "error"), line_now(job, "said {by} a script", "info")]
        await house.store.lines.add(connection, lines)
    first, second = await whole(house.store.lines, job.id)
    assert (first.message, first.text) == ("3 of {job}", {"message": error.message, "parameters": error.parameters})
    assert (second.message, second.said) == ("said {by} a script", None)
