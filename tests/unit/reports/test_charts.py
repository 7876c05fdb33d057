"""Charts: what is drawn of settings and rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from server.datasets.work import QueryResult
from server.errors import InvalidInput
from server.reports.charts.building import build_chart
from server.reports.charts.chart import Chart, ChartSettings
from server.reports.charts.look import axis_labels
from server.reports.charts.multiples import parts_of
from server.reports.formats import Formats
from server.reports.rows import Rows, TotalsByGroup


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


def words_of(drawn: Chart) -> list[tuple[str, dict[str, Any]]]:
    return [(note.word, note.parameters) for note in drawn.notes]


def test_a_pie_gathers_its_smallest_slices_and_names_what_has_none() -> None:
    data = rows(["city", "sold"], *((f"c{number}", number + 1) for number in range(20)), ("loss", -3), ("none", 0))
    drawn = chart(ChartSettings(kind="pie", x="city", y=("sold",)), data)
    assert drawn.labels == [*(f"c{number}" for number in range(11, 20)), "Other (12)"]
    assert sum(drawn.series[0].values) == sum(range(1, 21))
    assert words_of(drawn) == [
        ("no_slices", {"count": 1, "names": "loss (-3)", "total": "210"}),
        ("rest", {"count": 12, "name": "Other (12)"}),
    ]


def test_a_pie_shows_what_is_nothing_and_is_none_of_negatives_alone() -> None:
    settings = ChartSettings(kind="pie", x="city", y=("sold",))
    drawn = chart(settings, rows(["city", "sold"], ("A", 5), ("B", 0)))
    assert (drawn.labels, drawn.series[0].values) == (["A", "B"], [5, 0])
    drawn = chart(settings, rows(["city", "sold"], ("A", -5), ("B", -1)))
    assert drawn.is_empty
    assert words_of(drawn) == [("only_negative", {"names": "A (-5), B (-1)"})]


@pytest.mark.parametrize("kind", ["line", "stacked_bar", "scatter"])
def test_of_many_series_the_largest_keep_their_names_and_their_order(kind: str) -> None:
    data = rows(["x", "s", "v"], *((x, f"s{number}", number) for number in range(1, 18) for x in (1, 2)))
    data = (
        data if kind != "scatter" else rows(["x", "s", "v"], *((1, f"s{n}", n) for n in range(1, 18) for _ in range(n)))
    )
    drawn = chart(ChartSettings(kind=kind, x="x", y=("v",), series="s"), data)
    assert [one.name for one in drawn.series] == [*(f"s{number}" for number in range(9, 18)), "Other (8)"]
    assert drawn.series[-1].is_rest
    if kind != "scatter":
        assert drawn.series[-1].values == [sum(range(1, 9))] * 2
    assert words_of(drawn) == [("rest", {"count": 8, "name": "Other (8)"})]


def test_the_rest_is_named_in_the_language_of_the_report() -> None:
    data = rows(["n", "v"], *((f"c{number}", 1) for number in range(16)))
    settings = ChartSettings(kind="pie", x="n", y=("v",))
    drawn = build_chart(settings, data, title="", value=None, maximum=None, formats=Formats("zh"))
    assert drawn.labels[-1] == "其他（7）"
    ten = rows(["n", "v"], *((f"c{number}", 1) for number in range(10)))
    assert len(chart(settings, ten).labels) == 10


def test_rows_that_share_a_point_are_added_up_and_told() -> None:
    data = rows(["m", "s", "v"], ("Jan", "A", 0.1), ("Jan", "A", 0.2), ("Jan", "A", None), ("Feb", "A", 7))
    drawn = chart(ChartSettings(kind="bar", x="m", y=("v",), series="s"), data)
    assert (drawn.labels, drawn.series[0].values) == (["Jan", "Feb"], [0.3, 7])
    assert words_of(drawn) == [("summed_both", {"count": 2, "column": "m", "other": "s"})]
    drawn = chart(ChartSettings(kind="heatmap", x="m", y=("s",), value_column="v"), data)
    assert drawn.series[0].values == [0.3, 7]
    assert words_of(drawn) == [("summed_both", {"count": 2, "column": "m", "other": "s"})]


@pytest.mark.parametrize("kind", ["bar", "line", "area", "stacked_bar", "combo", "pie", "funnel"])
def test_rows_of_one_name_are_one_mark_and_told(kind: str) -> None:
    data = rows(["n", "v"], ("A", 0.1), ("B", 5), ("A", 0.2), ("A", None))
    drawn = chart(ChartSettings(kind=kind, x="n", y=("v",)), data)
    assert (drawn.labels, drawn.series[0].values) == (["A", "B"], [0.3, 5])
    assert words_of(drawn) == [("summed", {"count": 2, "column": "n"})]


def test_rows_of_one_list_are_one_mark() -> None:
    drawn = chart(ChartSettings(kind="bar", x="n", y=("v",)), rows(["n", "v"], (["a"], 1), (["b"], 2), (["a"], 4)))
    assert (drawn.labels, drawn.series[0].values) == (["['a']", "['b']"], [5, 2])


@pytest.mark.parametrize("settings", [
    ChartSettings(kind="pie", x="n", y=("v",)), ChartSettings(kind="funnel", x="n", y=("v",)),
    ChartSettings(kind="bar", x="n", y=("v",)), ChartSettings(kind="line", x="n", y=("v",), series="s"),
    ChartSettings(kind="combo", x="n", lines=("v",)), ChartSettings(kind="heatmap", x="n", y=("s",), value_column="v"),
])  # fmt: skip
def test_all_rows_are_added_up_whatever_is_drawn(settings: ChartSettings) -> None:
    data = rows(["n", "s", "v"], *(("AB"[number // 6_000], "s", 1) for number in range(12_000)))
    drawn = chart(settings, data)
    assert [value for one in drawn.series for value in one.values] == [6_000, 6_000]
    assert [note.word for note in drawn.notes] == [
        "summed_both" if settings.series or settings.value_column else "summed"
    ]


def test_many_series_over_many_places_cost_no_grid() -> None:
    data = rows(["i", "s", "v"], *((number, f"s{number}", 1) for number in range(8_000)))
    drawn = chart(ChartSettings(kind="bar", x="i", y=("v",), series="s"), data)
    assert [len(one.values) for one in drawn.series] == [5_000] * 10
    assert sum(note.parameters["count"] for note in drawn.notes) == 8_000 - 9 + 8_000


def test_a_heat_map_draws_what_can_be_told_apart_and_says_so() -> None:
    data = rows(["x", "y", "v"], *((number, number, 1) for number in range(2_000)))
    drawn = chart(ChartSettings(kind="heatmap", x="x", y=("y",), value_column="v"), data)
    assert (len(drawn.labels), len(drawn.series)) == (1_000, 10)
    assert words_of(drawn) == [
        ("first_values", {"shown": 1_000, "count": 2_000, "column": "x"}),
        ("first_values", {"shown": 10, "count": 2_000, "column": "y"}),
    ]


def test_the_total_of_a_waterfall_is_that_of_all_rows() -> None:
    drawn = chart(
        ChartSettings(kind="waterfall", x="i", y=("v",)), rows(["i", "v"], *((f"n{n}", 1) for n in range(5_010)))
    )
    assert drawn.series[2].values[-1] == 5_010
    assert words_of(drawn) == [("first_points", {"shown": 5_000, "count": 5_010})]


@pytest.mark.parametrize("kind", ["bar", "line", "scatter"])
def test_values_of_a_series_stay_as_they_are(kind: str) -> None:
    data = rows(["s", "x", "v"], ("a_b", 1, 10), ("a b", 2, 5), ("__proto__", 3, 1))
    settings = ChartSettings(kind=kind, x="x", y=("v",), series="s", colors={"a_b": "#123456"})
    drawn = chart(settings, data)
    assert [(one.name, one.color) for one in drawn.series] == [("a_b", "#123456"), ("a b", ""), ("__proto__", "")]
    assert [sum(value or 0 for value in one.values) for one in drawn.series] == [10, 5, 1]


def test_rows_beyond_what_is_drawn_are_told() -> None:
    many = rows(["i", "v"], *((number, number) for number in range(5_001)))
    assert words_of(chart(ChartSettings(kind="line", x="i", y=("v",)), many)) == [
        ("first_points", {"shown": 5_000, "count": 5_001})
    ]
    assert words_of(chart(ChartSettings(kind="scatter", x="i", y=("v",)), many)) == [
        ("first_drawn", {"shown": 5_000, "count": 5_001})
    ]
    stages = rows(["i", "v"], *((number, number) for number in range(13)))
    assert words_of(chart(ChartSettings(kind="funnel", x="i", y=("v",)), stages)) == [
        ("first_boxes", {"shown": 12, "count": 13})
    ]
    named = rows(["i", "v"], *((f"n{number}", number) for number in range(80)))
    for kind in ("line", "bar"):
        assert words_of(chart(ChartSettings(kind=kind, x="i", y=("v",)), named)) == [("thinned", {"count": 80})]
    result = QueryResult(columns=[("i", "INTEGER"), ("v", "INTEGER")], rows=[(1, 2)], truncated=True)
    cut = Rows("q", result, lambda: None)
    assert words_of(chart(ChartSettings(kind="bar", x="i", y=("v",)), cut)) == [("truncated", {"count": 1})]


def test_a_gauge_without_a_maximum_leaves_room_above_its_value() -> None:
    assert chart(ChartSettings(kind="gauge"), None, value=8).maximum == 10
    assert chart(ChartSettings(kind="gauge"), None, value=8, maximum=50).maximum == 50
    assert words_of(chart(ChartSettings(kind="gauge"), None, value=80, maximum=50)) == [("beyond_scale", {})]
    assert chart(ChartSettings(kind="gauge"), None, value=None).is_empty


def test_an_option_of_its_author_never_writes_html() -> None:
    settings = ChartSettings(kind="option", option={"tooltip": {"renderMode": "html"}, "series": [{"type": "bar"}]})
    drawn = chart(settings, rows(["city", "sold"], ("A", 1)))
    assert drawn.option["tooltip"] == {"show": False}
    assert drawn.option["dataset"]["source"] == [["city", "sold"], ["A", 1]]


def test_labels_leave_out_what_all_days_share() -> None:
    english = Formats("en")
    assert axis_labels([date(2026, 10, 7), date(2026, 10, 8)], english, column="day") == ["7 Oct", "8 Oct"]
    assert axis_labels([date(2026, 10, 1), date(2026, 11, 1)], english, column="day") == ["Oct", "Nov"]
    assert axis_labels([date(2025, 12, 1), date(2026, 1, 1)], english, column="day") == ["Dec 2025", "Jan 2026"]


class _Asked:
    """Says how many rows a query has, and counts how often it was asked."""

    def __init__(self) -> None:
        self.count = 0

    def totals(self, expressions: Sequence[str], by: Sequence[str]) -> TotalsByGroup:
        assert (list(expressions), list(by)) == (["count(*)"], [])
        self.count += 1
        return {(): (150_000,)}


def test_a_chart_of_a_query_that_was_cut_says_of_how_many_rows_it_is_made() -> None:
    columns, asked = [("n", "VARCHAR"), ("v", "INTEGER")], _Asked()
    result = QueryResult(columns=columns, rows=[("A", 1), ("B", 2)], truncated=True)
    cut = Rows("q", result, lambda _rows: None, asked)
    for kind in ("bar", "pie", "box", "scatter"):
        drawn = chart(ChartSettings(kind=kind, x="n", y=("v",)), cut)
        assert words_of(drawn)[0] == ("made_of_first", {"shown": 2, "count": 150_000})
    for _value, part in parts_of(cut, "q", "n"):
        drawn = chart(ChartSettings(kind="bar", x="n", y=("v",)), part)
        assert words_of(drawn) == [("made_of_first", {"shown": 2, "count": 150_000})]
    assert asked.count == 1
    many = QueryResult(columns=columns, rows=[(number, number) for number in range(5_001)], truncated=True)
    points = chart(ChartSettings(kind="scatter", x="n", y=("v",)), Rows("q", many, lambda _rows: None, asked))
    assert words_of(points)[-1] == ("first_drawn", {"shown": 5_000, "count": 150_000})
