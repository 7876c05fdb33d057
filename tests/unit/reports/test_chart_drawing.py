"""What is drawn of a chart: every name, every point, and its figures in a sentence."""

from __future__ import annotations

import html
import itertools
import re
from datetime import date
from typing import Any

import msgspec
import pytest

from server.reports.chart_engine import ChartEngine
from server.reports.charts.chart import Chart, ChartSettings, Target
from server.reports.charts.telling import told
from server.reports.charts.tips import tips
from server.reports.drawing.draw import CannotBeDrawn, drawn
from server.reports.drawing.lettering import cut, cut_apart, fitted, width, wrapped
from server.reports.drawing.paints import LIGHT
from server.reports.drawing.scale import value_scale, with_one_zero
from server.reports.drawing.targets import meet
from server.reports.formats import Formats, ValueFormat
from tests.unit.reports.test_charts import chart, rows

ENGLISH, CHINESE = Formats("en"), Formats("zh")
LONG = "A very long name of a region that somebody typed as a whole sentence without an end"


def bars(labels: list[str], **settings: Any) -> Chart:
    data = rows(["n", "v"], *((label, number + 1) for number, label in enumerate(labels)))
    return chart(ChartSettings(**({"kind": "bar", "x": "n", "y": ("v",)} | settings)), data)


def texts(svg: str) -> list[str]:
    return [html.unescape(text) for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]


def svg_of(made: Chart, room: int = 680, **more: Any) -> str:
    return drawn(made, ENGLISH, width=room, **more)


@pytest.mark.parametrize("room", [330, 680, 1000])
@pytest.mark.parametrize("count", [3, 7, 12, 25, 40, 60])
def test_every_bar_has_its_name(room: int, count: int) -> None:
    names = [f"Customer {number}" for number in range(count)]
    written = " ".join(texts(svg_of(bars(names), room)))
    assert [name for name in names if f"{name} " not in f"{written} " and name[9:] not in written.split()] == []


@pytest.mark.parametrize("horizontal", [False, True])
def test_one_long_name_leaves_the_others_and_the_bars(horizontal: bool) -> None:
    svg = svg_of(bars([LONG, "B", "C"], horizontal=horizontal))
    assert {"B", "C"} <= set(texts(svg))
    assert any("A very long" in text for text in texts(svg))
    (shape,) = re.findall(r'<path d="(M[^"]*z)" fill', svg)
    sizes = [abs(float(part)) for part in re.findall(r"h-?([\d.]+)" if horizontal else r"v([\d.]+)", shape)]
    assert max(sizes) > 100
    for x in re.findall(r'<text x="([\d.-]+)"', svg):
        assert 0 <= float(x) <= 680


def test_labels_are_whole_and_stand_over_no_name() -> None:
    made = bars(["a", "b"], data_labels=True)
    made = msgspec.structs.replace(
        made,
        targets=(Target(value=100_000, label="far"),),
        series=[msgspec.structs.replace(made.series[0], values=[-100_000, 5])],
    )
    svg = svg_of(made)
    at = {text: float(y) for y, text in re.findall(r'<text x="[\d.-]+" y="([\d.-]+)"[^>]*>([^<]*)</text>', svg)}
    assert at["far 100,000"] > 10
    assert at["-100,000"] < at["a"] - 13


@pytest.mark.parametrize("horizontal", [False, True])
def test_labels_beside_bars_can_be_read(horizontal: bool) -> None:
    data = rows(["n", "v"], ("a", -30), ("b", 100), ("c", -50))
    for kind in ("waterfall", "bar"):
        settings = ChartSettings(kind=kind, x="n", y=("v",), data_labels=True, horizontal=horizontal)
        svg = svg_of(chart(settings, data))
        labels = re.findall(r'font-size="10" fill="([^"]+)"[^>]*>([^<]*)<', svg)
        assert "-50" in [text for _paint, text in labels]
        inside = [text for paint, text in labels if paint == LIGHT["ground"]]
        assert inside == (["-50"] if kind == "bar" and not horizontal else [])


def stacks(horizontal: bool) -> Chart:
    data = rows(["m", "s", "v"], *((f"M{n}", s, (n + 0.5) * 1_000_123) for n in range(12) for s in "ab"))
    settings = ChartSettings(
        kind="stacked_bar",
        x="m",
        y=("v",),
        series="s",
        format=ValueFormat(kind="decimal"),
        data_labels=True,
        horizontal=horizontal,
    )
    return chart(settings, data)


def test_no_label_in_a_stack_is_wider_than_its_bar() -> None:
    """White letters beside it are not to be seen: 1,500,184.50 read 00,184."""
    written = texts(svg_of(stacks(horizontal=False)))
    assert not [text for text in written if text.endswith(".50")]
    assert {"10.5M", "11.5M"} <= set(written)
    (lying,) = [svg_of(stacks(horizontal=True))]
    first = [text for text in texts(lying) if text in ("500,061.50", "500.1K")]
    assert first == []  # its part is 10 pixels wide
    assert "11,501,414.50" in texts(lying)


def test_a_label_that_has_no_room_in_its_bar_is_dark() -> None:
    data = rows(["n", "v"], ("a", 900_000), ("b", -2))
    for horizontal in (False, True):
        svg = svg_of(chart(ChartSettings(kind="bar", x="n", y=("v",), data_labels=True, horizontal=horizontal), data))
        (found,) = re.findall(r'<text x="([\d.-]+)"[^>]*font-size="10" fill="([^"]+)"[^>]*>-2<', svg)
        assert found[1] == LIGHT["ink"]
        if horizontal:  # and not over the name
            (name,) = re.findall(r'<text x="([\d.-]+)"[^>]*>b<', svg)
            assert float(found[0]) > float(name) + 5


def test_names_below_a_narrow_pie_stand_clear_of_what_follows() -> None:
    data = rows(["n", "v"], ("North", 49), ("South", 2), ("West", 49))
    svg = svg_of(chart(ChartSettings(kind="pie", x="n", y=("v",)), data), 330)
    height = float(svg.partition('viewBox="')[2].split('"')[0].split()[3])
    assert max(float(y) for y in re.findall(r'<text x="[\d.-]+" y="([\d.]+)"', svg)) < height - 10


def test_a_pie_of_one_slice_has_its_hole() -> None:
    svg = svg_of(chart(ChartSettings(kind="pie", x="n", y=("v",)), rows(["n", "v"], ("only", 5))))
    (begin, end) = re.findall(r"M([\d.]+) [\d.]+A[^L]* ([\d.]+) [\d.]+L", svg)[0]
    assert float(begin) - float(end) > 0.1


def test_bars_whose_cut_names_would_be_the_same_have_rows() -> None:
    names = [f"The same beginning of a name, number {number}" for number in range(30)]
    assert set(names) <= set(texts(svg_of(bars(names))))


def test_a_line_of_many_places_writes_some_of_their_numbers() -> None:
    data = rows(["n", "v"], *((number, number) for number in range(2_000)))
    written = texts(svg_of(chart(ChartSettings(kind="line", x="n", y=("v",)), data)))
    assert 5 < len(written) < 60


@pytest.mark.parametrize("kind", ["line", "area", "combo"])
def test_a_point_alone_is_seen(kind: str) -> None:
    settings = ChartSettings(
        kind=kind, x="n", y=("v",) if kind != "combo" else (), lines=("v",) if kind == "combo" else ()
    )
    assert "<circle" in svg_of(chart(settings, rows(["n", "v"], (date(2026, 3, 1), 5))))


def test_points_between_gaps_are_seen_at_any_number() -> None:
    data = rows(["n", "v"], *((number, None if number % 2 else number) for number in range(100)))
    assert svg_of(chart(ChartSettings(kind="line", x="n", y=("v",)), data)).count("<circle") == 50


def test_bars_over_days_are_as_wide_as_the_least_step() -> None:
    days = [date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 20)]
    data = rows(["d", "v"], *((day, 1) for day in days))
    svg = svg_of(chart(ChartSettings(kind="bar", x="d", y=("v",)), data), on_page=True)
    first, second, third = map(int, re.findall(r'data-at="([^"]*)"', svg)[0].split())
    assert (third - first) / (second - first) == pytest.approx(19, rel=0.05)
    (wide,) = set(re.findall(r"h([\d.]+)v", svg))
    assert 0.5 * (second - first) < float(wide) < second - first


def test_a_legend_names_every_series() -> None:
    data = rows(["x", "s", "v"], *((x, f"A series with a name, number {n}", 1) for x in "ab" for n in range(10)))
    svg = svg_of(chart(ChartSettings(kind="line", x="x", y=("v",), series="s"), data), 330)
    assert {f"A series with a name, number {n}" for n in range(10)} <= set(texts(svg))


def test_shares_reach_the_whole() -> None:
    data = rows(["x", "s", "v"], ("a", "p", 1), ("a", "q", 3), ("b", "p", 5), ("b", "q", 5))
    made = chart(ChartSettings(kind="stacked_bar", x="x", y=("v",), series="s", shares=True, data_labels=True), data)
    written = texts(svg_of(made))
    assert {"0%", "100%", "1", "3"} <= set(written)
    assert "120%" not in written


def test_what_authors_say_of_a_chart_is_on_it() -> None:
    made = bars(["North", "South"], data_labels=True, x_title="Region", y_title="CNY", colors={"v": "#aa0000"})
    svg = svg_of(made)
    assert {"Region", "CNY", "1", "2"} <= set(texts(svg))
    assert "#aa0000" in svg


def test_pages_have_variables_for_colors_and_paper_has_none() -> None:
    made = bars(["North", "South"])
    assert "var(--c-s0)" in svg_of(made, on_page=True)
    assert "var(" not in svg_of(made)
    assert "data-" not in svg_of(made)


def test_texts_of_values_are_never_markup() -> None:
    svg = svg_of(bars(["<script>alert(1)</script>", "a\x00\x0b\ufffe&\"'"]))
    assert "<script" not in svg
    assert "\x00" not in svg


@pytest.mark.parametrize(
    ("low", "high", "marks"),
    [
        (0, 100, (0, 25, 50, 75, 100)),
        (0, 0.3, (0, 0.1, 0.2, 0.3)),
        (-3, 8, (-5, 0, 5, 10)),
        (0, 0, (0, 0.25, 0.5, 0.75, 1)),
        (1e-12, 4e-12, (0, 1e-12, 2e-12, 3e-12, 4e-12)),
        (0, 2**120, None),
    ],
)
def test_marks_of_a_scale_are_round(low: float, high: float, marks: tuple[float, ...] | None) -> None:
    scale = value_scale([low, high], 0, 100)
    assert marks is None or scale.marks == marks
    assert scale.low <= low <= high <= scale.high
    assert 2 <= len(scale.marks) <= 6


@pytest.mark.parametrize("kind", ["line", "bar", "stacked_bar", "area", "pie", "funnel", "heatmap", "scatter"])
@pytest.mark.parametrize("value", [0, -1, 1e-300, 1e300, 2**100, 0.1 + 0.2])
@pytest.mark.parametrize("count", [1, 2])
def test_any_number_is_drawn(kind: str, value: float, count: int) -> None:
    data = rows(["x", "y", "v"], *((number, f"n{number}", value) for number in range(count)))
    y = "y" if kind == "heatmap" else "v"
    made = chart(ChartSettings(kind=kind, x="x", y=(y,), value_column="v"), data)
    assert made.is_empty or svg_of(made, 80).startswith("<svg")


def test_texts_fit_their_room() -> None:
    for text, room in itertools.product(
        (LONG, "华东地区销售中心，以及其他", "Donaudampfschifffahrtsgesellschaft"), (20, 60, 200)
    ):
        assert width(cut(text, room, 11), 11) <= room
        for lines in (1, 2, 3):
            found = fitted(text, room, 11, lines=lines)
            assert 1 <= len(found) <= lines
            assert all(width(line, 11) <= room for line in found)
    assert wrapped("Northern Territories", 70, 11, lines=2) == ["Northern", "Territories"]
    assert wrapped("华东地区销售中心", 50, 11, lines=2) == ["华东地区", "销售中心"]
    assert wrapped(LONG, 40, 11, lines=2) is None


def test_an_option_that_never_ends_is_stopped_once() -> None:
    nodes = [{"name": "a"}, {"name": "b"}]
    links = [{"source": "a", "target": "b", "value": 1}]
    endless = {"series": [{"type": "sankey", "data": nodes, "links": links, "layoutIterations": 1e9}]}
    engine = ChartEngine(seconds=1)
    for _form in ("paper", "page"):
        with pytest.raises(CannotBeDrawn, match="interrupted"):
            engine.svg(Chart(kind="option", title="", option=endless), width=680, font="Sans")
    right = Chart(kind="option", title="", option={"xAxis": {}, "yAxis": {}, "series": []})
    assert engine.svg(right, width=680, font="Sans").startswith("<svg")


# -- in a sentence


def months(**settings: Any) -> Chart:
    data = rows(["m", "v"], (date(2026, 4, 1), 1_200_000), (date(2026, 5, 1), 3_400_000), (date(2026, 6, 1), 2_000_000))
    made = ChartSettings(**({"kind": "line", "x": "m", "y": ("v",), "labels": {"v": "Revenue"}} | settings))
    return chart(made, data)


CELLS = ChartSettings(kind="heatmap", x="x", y=("y",), value_column="v")
DAYS = ChartSettings(kind="line", x="d", y=("v",))
OWN = ChartSettings(kind="option", option={"series": [{"type": "bar"}]})


@pytest.mark.parametrize(
    ("made", "english", "chinese"),
    [
        (
            months(format=ValueFormat(kind="compact")),
            "line chart: Revenue from 1.2M to 3.4M, highest in May.",
            "折线图：Revenue从 120万 到 340万，May最高。",
        ),
        (
            chart(DAYS, rows(["d", "v"], (date(2026, 5, 3), 1), (date(2026, 5, 4), 2))),
            "line chart: v from 1 to 2, highest on 4 May.",
            "折线图：v从 1 到 2，4 May最高。",
        ),
        (bars(["A"]), "bar chart: v 1 at A.", "柱状图：A的v为 1。"),
        (bars(["A", "B"]), "bar chart: v from 1 to 2, highest at B.", "柱状图：v从 1 到 2，B最高。"),
        (bars(["A", "B"], kind="pie"), "pie chart: A 1 (33.3%); B 2 (66.7%).", "饼图：A：1（33.3%）；B：2（66.7%）。"),
        (bars(["A", "B"], kind="funnel"), "funnel: A 1; B 2.", "漏斗图：A 1；B 2。"),
        (
            bars([f"n{number}" for number in range(8)], kind="funnel"),
            "funnel: n0 1; n1 2; n2 3; n3 4; n4 5; 3 more.",
            "漏斗图：n0 1；n1 2；n2 3；n3 4；n4 5；另有 3 项。",
        ),
        (
            chart(ChartSettings(kind="gauge", format=ValueFormat(kind="percent")), None, value=0.7),
            "gauge: 70.0% of 100.0%.",
            "仪表盘：70.0%，满刻度 100.0%。",
        ),
        (
            chart(ChartSettings(kind="scatter", x="x", y=("y",)), rows(["x", "y"], (1, 2), (3, 4))),
            "scatter chart: 2 points, x from 1 to 3, y from 2 to 4.",
            "散点图：2 个点，x从 1 到 3，y从 2 到 4。",
        ),
        (
            chart(CELLS, rows(["x", "y", "v"], ("a", "p", 1), ("b", "q", 9))),
            "heat map: v from 1 to 9, highest at q · b.",
            "热力图：v从 1 到 9，q · b最高。",
        ),
        (
            chart(OWN, rows(["n", "v"], ("a", 1), ("b", 2))),
            "chart: v from 1 to 2, highest at b.",
            "图表：v从 1 到 2，b最高。",
        ),
    ],
    ids=["months", "days", "one", "bars", "pie", "funnel", "many", "gauge", "scatter", "heatmap", "option"],
)  # fmt: skip
def test_a_chart_is_told_with_its_figures(made: Chart, english: str, chinese: str) -> None:
    assert told(made, ENGLISH) == english
    assert told(made, CHINESE) == chinese


def test_the_values_of_every_place_are_told() -> None:
    assert tips(months(), ENGLISH) == {
        "names": ["Revenue"], "rows": [["Apr", "1,200,000"], ["May", "3,400,000"], ["Jun", "2,000,000"]],
    }  # fmt: skip
    assert tips(bars(["A", "B"], kind="pie"), ENGLISH)["rows"] == [["A", "1 · 33.3%"], ["B", "2 · 66.7%"]]
    gap = chart(ChartSettings(kind="line", x="n", y=("v",)), rows(["n", "v"], ("a", 1), ("b", None)))
    assert tips(gap, ENGLISH)["rows"] == [["a", "1"], ["b", None]]


def test_two_axes_share_their_zero_and_their_marks() -> None:
    one, other = with_one_zero(value_scale([-400, 700], 0, 1), value_scale([0.2, 0.8], 0, 1))
    assert [mark / one.step for mark in one.marks] == [round(mark / other.step) for mark in other.marks]
    assert one.at(0) == pytest.approx(other.at(0))
    assert (one.low <= -400, one.high >= 700, other.high >= 0.8) == (True, True, True)


@pytest.mark.parametrize(
    ("high", "marks"),
    [
        (50, [0, 15, 30, 45, 60]),
        (11_400, [0, 3_600, 7_200, 10_800, 14_400]),
        (2_000_000, [0, 864_000, 1_728_000, 2_592_000]),
    ],
)
def test_marks_of_durations_are_such_as_clocks_have(high: float, marks: list[float]) -> None:
    assert list(value_scale([high], 0, 1, is_time=True).marks) == marks


@pytest.mark.parametrize("kind", ["line", "bar", "scatter"])
def test_what_a_target_is_called_hides_none_of_the_values(kind: str) -> None:
    values = [100, 137, 124, 111, 148, -65, 122, 109, 146, 133]
    data = rows(["x", "v"], *((number, value) for number, value in enumerate(values)))
    target = (Target(value=120, label="Goal"),)
    svg = svg_of(msgspec.structs.replace(chart(ChartSettings(kind=kind, x="x", y=("v",)), data), targets=target))
    [(left, top, room, tall)] = re.findall(
        rf'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)" fill="{LIGHT["ground"]}"', svg
    )
    hidden = [float(left), float(top), float(left) + float(room), float(top) + float(tall)]
    if kind == "bar":
        [shape] = re.findall(r'<path d="(M[^"]*z)" fill', svg)
        drawn_ = [
            (float(x), float(y), float(x) + float(w), float(y) + float(h))
            for x, y, w, h in re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)", shape)
        ]
        assert len(drawn_) == len(values)
    else:
        drawn_ = [
            (float(x), float(y), float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', svg)
        ]
        assert len(drawn_) >= len(values)
    assert [each for each in drawn_ if meet(each, (hidden[0], hidden[1], hidden[2], hidden[3]))] == []


def test_names_that_differ_at_their_ends_are_told_apart_where_they_are_cut() -> None:
    names = [f"A rather long name of a product number {number}" for number in range(25)]
    written = set(texts(svg_of(bars(names), 300)))
    assert len({text for text in written if text.startswith("A rather")}) == len(names)
    assert cut_apart(["North", "A very long name 1", "A very long name 2"], 60, 10)[1:] == ["A ve…me 1", "A ve…me 2"]
    [short] = cut_apart(["A very long name 1"], 60, 10)
    assert short == cut("A very long name 1", 60, 10)
