"""Charts: what is drawn of settings and rows."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from server.datasets.work import QueryResult
from server.errors import InvalidInput
from server.reports.charts.building import build_chart
from server.reports.charts.chart import Chart, ChartSettings
from server.reports.charts.look import axis_labels
from server.reports.formats import Formats
from server.reports.rows import Rows


def rows(names: list[str], *values: tuple[Any, ...]) -> Rows:
    result = QueryResult(columns=[(name, "VARCHAR") for name in names], rows=list(values))
    return Rows("sold", result, lambda: None)


def chart(settings: ChartSettings, data: Rows | None, value: Any = None, maximum: Any = None) -> Chart:
    return build_chart(settings, data, title="", value=value, maximum=maximum, formats=Formats("en"))


def test_a_series_has_a_gap_where_its_rows_are_missing() -> None:
    data = rows(["day", "city", "sold"], ("Mon", "A", 1), ("Mon", "B", 2), ("Tue", "B", 3))
    drawn = chart(ChartSettings(kind="line", x="day", y=("sold",), series="city"), data)
    assert drawn.labels == ["Mon", "Tue"]
    assert [(one.name, one.values) for one in drawn.series] == [("A", [1, None]), ("B", [2, 3])]


@pytest.mark.parametrize("kind", ["line", "pie", "heatmap"])
def test_a_chart_without_a_number_is_empty_not_wrong(kind: str) -> None:
    settings = ChartSettings(kind=kind, x="day", y=("sold",), value_column="sold")
    assert chart(settings, rows(["day", "sold"])).is_empty
    assert chart(settings, rows(["day", "sold"], ("Mon", None))).is_empty


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"no column “solt”\. Did you mean “sold”"):
        chart(ChartSettings(kind="bar", query="q", x="day", y=("solt",)), rows(["day", "sold"], ("Mon", 1)))


def test_a_pie_gathers_its_smallest_slices() -> None:
    data = rows(["city", "sold"], *((f"c{number}", 20 - number) for number in range(20)))
    drawn = chart(ChartSettings(kind="pie", x="city", y=("sold",)), data)
    assert drawn.labels[-1] == "…"
    assert len(drawn.labels) == 12
    assert sum(drawn.series[0].values) == sum(20 - number for number in range(20))


def test_a_gauge_without_a_maximum_leaves_room_above_its_value() -> None:
    assert chart(ChartSettings(kind="gauge"), None, value=8).option["series"][0]["max"] == 10
    assert chart(ChartSettings(kind="gauge"), None, value=8, maximum=50).option["series"][0]["max"] == 50
    assert chart(ChartSettings(kind="gauge"), None, value=None).is_empty


def test_an_option_of_its_author_never_writes_html() -> None:
    settings = ChartSettings(kind="option", option={"tooltip": {"renderMode": "html"}, "series": [{"type": "bar"}]})
    drawn = chart(settings, rows(["city", "sold"], ("A", 1)))
    assert drawn.option["tooltip"]["renderMode"] == "richText"
    assert drawn.option["dataset"]["source"] == [["city", "sold"], ["A", 1]]


def test_labels_leave_out_what_all_days_share() -> None:
    english = Formats("en")
    assert axis_labels([date(2026, 10, 7), date(2026, 10, 8)], english) == ["7 Oct", "8 Oct"]
    assert axis_labels([date(2026, 10, 1), date(2026, 11, 1)], english) == ["Oct", "Nov"]
    assert axis_labels([date(2025, 12, 1), date(2026, 1, 1)], english) == ["Dec 2025", "Jan 2026"]
