"""Charts over days, months and moments: in their order, at their distance, with marks that people read."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from server.reports.charts.building import build_chart
from server.reports.charts.chart import Chart, ChartSettings
from server.reports.charts.look import axis_labels
from server.reports.charts.time_axis import time_axis
from server.reports.formats import Formats
from tests.unit.reports.test_charts import chart, rows, words_of

AUCKLAND = Formats("en", "Pacific/Auckland")

JAN, FEB, MAR = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)


def months(first: int, count: int, step: int = 1) -> list[date]:
    """The first of each, counted from January 2020."""
    return [date(2020 + number // 12, number % 12 + 1, 1) for number in range(first, first + count * step, step)]


def days(count: int, step: int = 1) -> list[date]:
    return [date(2026, 1, 5) + timedelta(days=number * step) for number in range(count)]


def line(*values: tuple[Any, ...], kind: str = "line") -> Chart:
    return chart(ChartSettings(kind=kind, x="at", y=("v",)), rows(["at", "v"], *values))


def joined(drawn: Chart) -> list[list[str]]:
    return [[drawn.labels[place] for place in run] for run in drawn.series[0].runs]


@pytest.mark.parametrize("kind", ["line", "bar", "area"])
def test_rows_in_any_order_are_drawn_in_that_of_time(kind: str) -> None:
    drawn = line((MAR, 3), (JAN, 1), (FEB, 2), kind=kind)
    assert (drawn.labels, drawn.series[0].values) == (["Jan", "Feb", "Mar"], [1, 2, 3])
    assert drawn.times is not None


def test_a_series_that_begins_earlier_comes_first_in_time_only() -> None:
    settings = ChartSettings(kind="line", x="m", y=("v",), series="r")
    data = rows(["r", "m", "v"], ("North", FEB, 2), ("North", MAR, 3), ("South", JAN, 9), ("South", FEB, 8))
    drawn = chart(settings, data)
    assert drawn.labels == ["Jan", "Feb", "Mar"]
    assert [(one.name, one.values) for one in drawn.series] == [("South", [9, 8, None]), ("North", [None, 2, 3])]


def test_series_of_alternating_days_are_lines_and_not_single_points() -> None:
    settings = ChartSettings(kind="line", x="d", y=("v",), series="s")
    drawn = chart(settings, rows(["d", "s", "v"], *((day, "eo"[n % 2], n) for n, day in enumerate(days(60)))))
    assert [one.runs for one in drawn.series] == [(tuple(range(0, 60, 2)),), (tuple(range(1, 60, 2)),)]


@pytest.mark.parametrize(
    ("when", "runs"),
    [
        ([date(2026, 1, 1), date(2026, 1, 2), date(2026, 6, 30)], [["1 Jan", "2 Jan"], ["30 Jun"]]),
        ([*months(72, 3), *months(76, 2)], [["Jan", "Feb", "Mar"], ["May", "Jun"]]),
        (months(0, 4, step=3), [["Jan", "Apr", "Jul", "Oct"]]),
        ([day for day in days(12) if day.weekday() < 5], None),
        ([day for day in days(19) if day.weekday() < 5 and day != date(2026, 1, 14)], 2),
        ([date(2026, 1, 1), date(2026, 1, 4), date(2026, 1, 21), date(2026, 2, 26)], None),
    ],
    ids=["one late", "a month missing", "quarters", "workdays", "a workday missing", "no rule"],
)
def test_a_line_breaks_where_a_regular_series_misses_a_period(when: list[date], runs: Any) -> None:
    found = joined(line(*((day, 1) for day in when)))
    assert found == runs if isinstance(runs, list) else len(found) == (runs or 1)


def test_places_lie_as_far_from_each_other_as_their_days() -> None:
    drawn = line((date(2026, 1, 1), 1), (date(2026, 1, 3), 1), (date(2026, 6, 30), 1))
    assert drawn.times is not None
    first, second, third = drawn.times.places
    assert (second - first, third - first, drawn.times.step) == (2, 180, 2)


def test_a_missing_value_is_a_gap_and_a_missing_day_no_row() -> None:
    assert joined(line((JAN, 1), (FEB, None), (MAR, 2))) == [["Jan"], ["Mar"]]
    drawn = line((JAN, 1), (None, 5), (FEB, 2))
    assert (drawn.labels, words_of(drawn)) == (["Jan", "Feb"], [("no_time", {"count": 1, "column": "at"})])


def test_rows_of_one_day_are_one_point() -> None:
    drawn = line((JAN, 1), (FEB, 5), (JAN, 2))
    assert (drawn.series[0].values, words_of(drawn)) == ([3, 5], [("summed", {"count": 1, "column": "at"})])


@pytest.mark.parametrize(
    ("texts", "is_time"),
    [
        (["2026-01", "2026-03"], True),
        (["2026-01-15", "2026-03-01"], True),
        (["2026-Q1", "2026 Q3"], True),
        (["2026-13", "2026-03"], False),
        (["2026-02-30"], False),
        (["2026-01", "later"], False),
        (["2026", "2027"], False),
        (["2026-01", "2026-01-01"], False),
    ],
)
def test_texts_that_all_are_dates_are_times(texts: list[str], is_time: bool) -> None:
    drawn = line(*((text, 1) for text in texts))
    assert (drawn.times is not None, drawn.labels) == (is_time, texts)


HOURS = [datetime(2026, 3, 4, hour, tzinfo=UTC) for hour in (6, 9, 12)]
MORNINGS = [datetime(2026, 3, day, 6, tzinfo=UTC) for day in range(4, 9)]
QUARTERS_OF_MONTHS = "Jan/2025 Apr Jul Oct Jan/2026 Apr Jul Oct"


@pytest.mark.parametrize(
    ("when", "most", "english", "chinese"),
    [
        (months(72, 3), 20, "Jan/2026 Feb Mar", "1月/2026年 2月 3月"),
        (months(70, 4), 20, "Nov/2025 Dec Jan/2026 Feb", "11月/2025年 12月 1月/2026年 2月"),
        (months(60, 24), 8, QUARTERS_OF_MONTHS, "1月/2025年 4月 7月 10月 1月/2026年 4月 7月 10月"),
        (months(60, 5, step=3), 10, "Q1/2025 Q2 Q3 Q4 Q1/2026", "1季度/2025年 2季度 3季度 4季度 1季度/2026年"),
        (months(0, 20, step=3), 5, "2020 2021 2022 2023 2024", "2020年 2021年 2022年 2023年 2024年"),
        (days(3), 9, "5 Jan/2026 6 Jan 7 Jan", "1月5日/2026年 1月6日 1月7日"),
        (days(29), 6, "5 Jan/2026 12 Jan 19 Jan 26 Jan 2 Feb", "1月5日/2026年 1月12日 1月19日 1月26日 2月2日"),
        (days(120), 6, "Feb/2026 Mar Apr May", "2月/2026年 3月 4月 5月"),
        (HOURS, 4, "06:00/4 Mar 09:00 12:00", "06:00/3月4日 09:00 12:00"),
        (MORNINGS, 4, "5 Mar/2026 6 Mar 7 Mar 8 Mar", "3月5日/2026年 3月6日 3月7日 3月8日"),
    ],
    ids=["months", "new year", "long months", "quarters", "years", "days", "weeks", "long days", "hours", "mornings"],
)
def test_marks_are_round_and_in_the_language(when: list[Any], most: int, english: str, chinese: str) -> None:
    for language, expected in (("en", english), ("zh", chinese)):
        formats = Formats(language)
        found = time_axis(when, formats)
        assert found is not None
        axis = found[0]
        marks = axis.marks(axis.places[0], axis.places[-1], most=most, formats=formats)
        assert " ".join(f"{mark.text}/{mark.below}" if mark.below else mark.text for mark in marks) == expected


def test_moments_are_those_of_the_reports_time_zone() -> None:
    when = [datetime(2026, 3, 31, 16, tzinfo=UTC), datetime(2026, 4, 30, 16, tzinfo=UTC)]
    found = time_axis(when, Formats("zh", "Asia/Shanghai"))
    assert found is not None
    assert found[0].unit == "month"
    assert axis_labels(when, Formats("zh", "Asia/Shanghai"), column="day") == ["4月", "5月"]


@pytest.mark.parametrize(
    "when",
    [[date(1, 1, 1), date(9999, 12, 31)], [datetime(1, 1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, tzinfo=UTC)]],
)
def test_any_days_have_marks(when: list[Any]) -> None:
    formats = Formats("en")
    found = time_axis(when, formats)
    assert found is not None
    axis = found[0]
    assert 1 <= len(axis.marks(axis.places[0], axis.places[-1], most=8, formats=formats)) <= 10


@pytest.mark.parametrize(
    ("ends", "labels", "marks", "runs"),
    [
        ([(2026, 1, 31), (2026, 2, 28), (2026, 3, 31), (2026, 5, 31)], ["Jan", "Feb", "Mar", "May"],
         ["Jan", "Feb", "Mar", "Apr", "May"], [["Jan", "Feb", "Mar"], ["May"]]),
        ([(2025, 12, 31), (2026, 3, 31), (2026, 6, 30)], ["Dec 2025", "Mar 2026", "Jun 2026"],
         ["Q4", "Q1", "Q2"], [["Dec 2025", "Mar 2026", "Jun 2026"]]),
        ([(2023, 12, 31), (2024, 12, 31), (2025, 12, 31)], ["Dec 2023", "Dec 2024", "Dec 2025"],
         ["2023", "2024", "2025"], [["Dec 2023", "Dec 2024", "Dec 2025"]]),
        ([(2026, 1, 31), (2026, 2, 27)], ["31 Jan", "27 Feb"], None, [["31 Jan", "27 Feb"]]),
    ],
)  # fmt: skip
def test_last_days_stand_for_the_periods_that_they_end(
    ends: list[tuple[int, int, int]], labels: list[str], marks: list[str] | None, runs: list[list[str]]
) -> None:
    drawn = line(*((date(*end), number) for number, end in enumerate(ends)))
    assert drawn.labels == labels
    assert joined(drawn) == runs
    assert drawn.times is not None
    places = drawn.times.places
    found = drawn.times.marks(places[0] - 0.5, places[-1] + 0.5, most=12, formats=Formats("en"))
    if marks is not None:
        assert [mark.text for mark in found] == marks
        assert set(places) <= {mark.at for mark in found}


def test_an_axis_of_weeks_across_a_month_has_more_than_one_mark() -> None:
    weeks = [date(2026, 10, 5) + timedelta(days=7 * number) for number in range(8)]
    found = time_axis(weeks, Formats("en"))
    assert found is not None
    marks = found[0].marks(found[0].places[0], found[0].places[-1], most=5, formats=Formats("en"))
    assert [(mark.text, mark.below) for mark in marks] == [
        ("5 Oct", "2026"), ("19 Oct", ""), ("2 Nov", ""), ("16 Nov", ""),
    ]  # fmt: skip


def test_whole_years_are_an_axis_with_room_for_those_that_are_missing() -> None:
    data = rows(["year", "v"], (2024, 6), (2019, 5), (2020, 7))
    drawn = chart(ChartSettings(kind="line", x="year", y=("v",)), data)
    assert (drawn.labels, drawn.series[0].values) == (["2019", "2020", "2024"], [5, 7, 6])
    assert drawn.times is not None
    first, second, third = drawn.times.places
    assert third - second == 4 * (second - first)
    marks = drawn.times.marks(first, third, most=10, formats=Formats("en"))
    assert [mark.text for mark in marks] == ["2019", "2020", "2021", "2022", "2023", "2024"]
    alone = chart(ChartSettings(kind="bar", x="year", y=("v",)), rows(["year", "v"], (2024, 6)))
    assert alone.times is not None
    [mark] = alone.times.marks(alone.times.places[0] - 6, alone.times.places[0] + 6, most=10, formats=Formats("en"))
    assert mark.text == "2024"
    for other in (rows(["sold", "v"], (2024, 6), (2019, 5)), rows(["year", "v"], (2024, 6), (5, 5))):
        assert chart(ChartSettings(kind="line", x=next(iter(other[0])), y=("v",)), other).times is None


def test_a_missing_year_alone_breaks_a_line() -> None:
    data = rows(["year", "v"], *((year, 1) for year in (2015, 2016, 2017, 2018, 2020)))
    drawn = chart(ChartSettings(kind="line", x="year", y=("v",)), data)
    assert joined(drawn) == [["2015", "2016", "2017", "2018"], ["2020"]]


def hours(first: str, count: int, step: int = 1) -> list[datetime]:
    begin = datetime.fromisoformat(first).replace(tzinfo=UTC)
    return [begin + timedelta(hours=number * step) for number in range(count)]


def test_an_hour_that_clocks_skip_is_no_gap() -> None:
    found = time_axis(hours("2026-09-26 12:00", 5), AUCKLAND)  # 00:00, 01:00, 03:00 …
    assert found is not None
    axis, places = found
    assert {after - before for before, after in itertools.pairwise(places)} == {3_600}
    assert [axis.clock(place).hour for place in places] == [0, 1, 3, 4, 5]
    marks = axis.marks(places[0], places[-1], most=8, formats=AUCKLAND)
    assert [mark.text for mark in marks] == ["00:00", "01:00", "03:00", "04:00", "05:00"]
    assert [mark.at for mark in marks] == places


def test_an_hour_that_clocks_tell_twice_is_two() -> None:
    found = time_axis(hours("2026-04-04 12:00", 5), AUCKLAND)  # 01:00, 02:00, 02:00, 03:00 …
    assert found is not None
    axis, places = found
    assert {after - before for before, after in itertools.pairwise(places)} == {3_600}
    marks = axis.marks(places[0], places[-1], most=8, formats=AUCKLAND)
    assert [mark.text for mark in marks] == ["01:00", "02:00", "02:00", "03:00", "04:00"]
    data = rows(["at", "v"], *((at, 1) for at in hours("2026-04-04 12:00", 5)))
    settings = ChartSettings(kind="line", x="at", y=("v",))
    drawn = build_chart(settings, data, title="", value=None, maximum=None, formats=AUCKLAND)
    assert (drawn.series[0].values, drawn.series[0].runs, drawn.notes) == ([1] * 5, ((0, 1, 2, 3, 4),), ())


def test_what_comes_at_the_same_hour_each_day_is_a_day_apart_when_clocks_change() -> None:
    mornings = [datetime(2026, 9, day, 9, tzinfo=AUCKLAND.zone).astimezone(UTC) for day in range(24, 30)]
    found = time_axis(mornings, AUCKLAND)
    assert found is not None
    assert {after - before for before, after in itertools.pairwise(found[1])} == {86_400}
    far = time_axis([*hours("2026-09-25 12:00", 40), *hours("2026-12-01 00:00", 2)], AUCKLAND)
    assert far is not None
    axis, places = far
    marks = axis.marks(places[0], places[-1], most=9, formats=AUCKLAND)
    assert [axis.clock(mark.at).hour for mark in marks] == [0] * len(marks)  # days and months begin at midnight
    assert 1 < len(marks) <= 9


def test_figures_below_a_chart_say_the_year_of_each_day() -> None:
    drawn = line((date(2026, 1, 5), 1), (date(2026, 1, 6), 2))
    assert (drawn.labels, drawn.full_labels) == (["5 Jan", "6 Jan"], ["5 Jan 2026", "6 Jan 2026"])
