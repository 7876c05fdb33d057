"""Numbers, times and progress in the reader's language and time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from server.errors import FileProblem
from server.jobs.job import Job, JobError, State
from server.languages import Languages
from server.schedules.schedule import ScheduleError
from views.formats import ReaderFormats

LANGUAGES = Languages.load(Path(__file__).parents[3] / "locales")
NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)


def formats(language: str = "en", time_zone: str = "UTC") -> ReaderFormats:
    return ReaderFormats(language=language, translations=LANGUAGES.of(language), time_zone=time_zone, now=NOW)


def job(**changes: object) -> Job:
    fields = {"id": "j", "kind": "data_import", "owner_id": "o", "title": "t", "unit": "rows", "created_at": NOW}
    return Job(**(fields | changes))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.24, "0.2s"), (5, "5s"), (65, "1m 5s"), (60, "1m"), (3725, "1h 2m"), (90_000, "1d 1h")],
)
def test_durations_have_their_two_largest_units(seconds: float, text: str) -> None:
    assert formats().duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1_234_567, "1.2 MB"),
        (200_000_000, "200 MB"),
        (999_999, "1.0 MB"),
    ],
)
def test_sizes_count_in_thousands(size: int, text: str) -> None:
    assert formats().filesize(size) == text


def test_percentages_are_rounded_down() -> None:
    assert formats().percent(99.9) == "99%"
    assert formats().percent(100) == "100%"


def test_moments_stand_in_the_readers_time_zone_and_language() -> None:
    assert formats().datetime(NOW).endswith(" UTC")
    assert formats("zh-CN", "Asia/Shanghai").datetime(NOW).endswith(" UTC+08:00")
    assert "Nov 24, 2026, 4:00:00" in formats(time_zone="Asia/Shanghai").datetime(NOW).replace("\u202f", " ")
    assert formats("zh-CN", "Asia/Shanghai").datetime(NOW).startswith("2026年11月24日 04:00")
    assert formats(time_zone="Asia/Shanghai").date(NOW) == "Nov 24, 2026"
    assert formats().date(date(2026, 1, 2)) == "Jan 2, 2026"


def test_an_unknown_time_zone_is_utc() -> None:
    assert formats(time_zone="Mars/Olympus").date(NOW) == "Nov 23, 2026"


def test_the_end_of_a_day_is_said_as_such() -> None:
    midnight = datetime(2026, 11, 30, 16, tzinfo=UTC)
    assert formats("en", "Asia/Shanghai").until(midnight) == "Nov 30, 2026, 24:00 UTC+08:00"
    assert formats("zh-CN", "Asia/Shanghai").until(midnight) == "2026年11月30日 24:00 UTC+08:00"
    assert formats("en", "UTC").until(midnight) == formats("en", "UTC").datetime(midnight)
    assert formats().until(None) == "no end"


def test_the_past_is_told_relatively_until_a_date_says_more() -> None:
    assert formats().relative(NOW - timedelta(minutes=5)) == "5 minutes ago"
    assert formats().relative(NOW) == "just now"
    assert formats().relative(NOW - timedelta(days=20)) == "Nov 3, 2026"
    assert formats("zh-CN").relative(NOW - timedelta(minutes=5)) == "5分钟前"


def test_figures_tell_done_total_rate_and_time_left() -> None:
    running = job(state=State.RUNNING, progress=12_400, total=50_000, rate=8_120.0)
    assert (formats().counted(running), formats().pace(running)) == ("12,400 of 50,000 rows", " · 8,120/s · 5s left")


def test_reports_that_failed_are_not_counted_as_made() -> None:
    done = job(state=State.SUCCEEDED, unit="reports", progress=7, total=7, result={"succeeded": 6, "failed": 1})
    assert formats().counted(done) == "6 of 7 reports · 1 failed"
    assert formats("zh-CN").counted(done) == "6 / 7 份报表 · 1 份失败"
    running = job(state=State.RUNNING, unit="reports", progress=3, total=7, detail={"failed": 1})
    assert formats().counted(running) == "2 of 7 reports · 1 failed"


def test_durations_in_chinese_have_chinese_units() -> None:
    assert formats("zh-CN").duration(3_725) == "1小时 2分钟"
    assert formats("zh-CN").duration(5) == "5秒"


def test_figures_of_an_unknown_total_are_the_count() -> None:
    assert formats().counted(job(state=State.RUNNING, progress=3_400)) == "3,400 rows"


def test_figures_in_bytes_are_file_sizes() -> None:
    done = job(state=State.SUCCEEDED, unit="bytes", progress=200_000_000, total=200_000_000)
    assert formats().counted(done) == "200 MB of 200 MB"


def test_an_errors_placeholders_are_filled() -> None:
    stored = JobError(code="x", message="Line {line} is wrong.", parameters={"line": 7})
    assert formats().error_text(stored) == "Line 7 is wrong."
    stopped = ScheduleError(code="x", message="Its {what} is gone.", parameters={"what": "template"})
    assert formats().error_text(stopped) == "Its template is gone."
    assert formats().error_text(FileProblem("Line {line} is wrong.", line=8)) == "Line 8 is wrong."
    assert formats().error_text({"code": "x", "message": "Broken {brace"}) == "Broken {brace"


def test_what_was_looked_for_is_marked_whatever_its_case_and_nothing_becomes_html() -> None:
    reader = formats()
    assert reader.marked("Straße <b> STRASSE", ["<B", "strasse"]) == (
        "Straße <mark>&lt;b</mark>&gt; <mark>STRASSE</mark>"
    )
    assert reader.marked("<i>", []) == "&lt;i&gt;"
    assert reader.marked("1,234.5", ["1234"], 1234.5) == "<mark>1,234.5</mark>"  # as it is stored
    assert reader.marked("a.b", [".", "("]) == "a<mark>.</mark>b"


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (12.5, 2, "12.50"),
        (5, 1, "5.0"),
        ("1234.565", 2, "1,234.56"),
        (Decimal("123456789012345678901.5"), 10, "123,456,789,012,345,678,901.5000000000"),
        (float("nan"), 2, "NaN"),
        (-0.4, 0, "-0"),
    ],
)
def test_decimals_may_be_fixed(value: Any, decimals: int, text: str) -> None:
    assert formats().fixed(value, decimals) == text


def test_dates_of_parameters_are_told_in_words_and_other_texts_as_they_are() -> None:
    english, chinese = formats(), formats("zh-CN")
    assert english.value_in_words("2026-10") == "October 2026"
    assert chinese.value_in_words("2026-10") == "2026年10月"
    assert english.value_in_words("2026-10-31") == "Oct 31, 2026"
    for text in ("2026-13", "2026-02-30", "Europe", "1.5", "2026-10-31 – 2026-11-30", ""):
        assert english.value_in_words(text) == text


def test_a_moment_of_today_is_told_by_its_time_and_another_with_its_day() -> None:
    today, before = formats().exact(NOW), formats().exact(NOW - timedelta(days=1))
    assert ":" in today
    assert today in before
    assert len(before) > len(today)
    assert (formats().is_of_late(NOW), formats().is_of_late(NOW - timedelta(days=1))) == (True, False)
