"""Cron as people say it, and back."""

from __future__ import annotations

import pytest

from server.schedules.words import CronWords, Pattern, words_of


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("0 8 * * *", ("daily", "08:00", 0, 1)),
        ("30 17 * * 1-5", ("weekdays", "17:30", 0, 1)),
        ("0 8 * * 1", ("weekly", "08:00", 0, 1)),
        ("0 8 * * 0", ("weekly", "08:00", 6, 1)),
        ("0 8 15 * *", ("monthly", "08:00", 0, 15)),
        ("5 0 L * *", ("last", "00:05", 0, 1)),
        ("*/5 * * * *", ("own", "08:00", 0, 1)),
        ("0 8 1 1 *", ("own", "08:00", 0, 1)),
        ("0 8 13 * 5", ("own", "08:00", 0, 1)),
    ],
)
def test_there_and_back(cron: str, words: tuple[str, str, int, int]) -> None:
    found = words_of(cron)
    assert (found.pattern, found.time, found.weekday, found.day) == words
    assert found.as_cron() == cron


def test_seven_is_a_sunday_and_what_is_no_time_is_none() -> None:
    assert words_of("0 8 * * 7") == CronWords(pattern=Pattern.WEEKLY, weekday=6, cron="0 8 * * 7")
    assert CronWords(pattern=Pattern.DAILY, time="25:00").as_cron() == ""
    assert words_of("nonsense").pattern is Pattern.OWN
