"""Charts as Excel draws them itself, over figures that stand on a sheet of their own."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

from server.reports.charts.chart import Chart, Series
from server.reports.charts.excel_dates import DAY, axis_of, dates_of, on_base, period_of
from server.reports.charts.excel_figures import Figures, blanks_of, write_data, write_figures
from server.reports.charts.excel_incomplete import open_points, with_hollow_points
from server.reports.charts.excel_look import (
    bar_look,
    falling,
    label_color,
    label_format,
    line_look,
    marker_look,
    on_axis,
    slice_label_color,
    slice_look,
    target_look,
    told_one_by_one,
)
from server.reports.charts.excel_option import as_plain
from server.reports.charts.excel_steps import as_stacked, with_source
from server.reports.drawing.cartesian import SHORTENED
from server.reports.drawing.paints import LIGHT
from server.reports.drawing.plot import SHARES
from server.reports.drawing.scale import Scale, value_scale, with_one_zero
from server.reports.excel_room import letters
from server.reports.formats import ValueFormat
from server.reports.printable import printable
from server.reports.workbook import LINE, ReportBook

_ROW = 20  # pixels
_LEAST_HEIGHT, _HEAD, _SMALL_HEAD = 280, 20, 50  # what a legend takes
_MANY_NAMES = 24  # of bars, that go one above the other
_SLIVER = 0.06  # of the height
_STACKED_LETTERS = 75  # that bars beside each other have room for
_SMALL_SLICE = 0.03  # that has no room for its share


def write_chart(chart: Chart, book: ReportBook, *, told: str) -> list[str]:
    """Its figures always, and a drawing where Excel has one of its kind. Returns sentences about what it lacks."""
    plain = _plain(chart)
    if plain is None:
        sheet, top = write_data(chart if chart.option else with_source(chart, book.formats), book)
        text = book.words.no_excel_chart.format(sheet=sheet, row=top + 1)
        return [f"{chart.title}: {text}" if chart.title else text]
    return _Drawing(plain, book, name=chart.title or book.words.kinds[chart.kind]).insert(told)


def height_of(chart: Chart, book: ReportBook) -> int | None:
    """Of a drawing beside others, with what lies around it; None where Excel draws none."""
    return None if _plain(chart) is None else min(chart.height + _SMALL_HEAD, book.summary.page_height - _ROW)


def _plain(chart: Chart) -> Chart | None:
    """As Excel can draw it; None where it cannot."""
    if chart.option:
        return as_plain(chart)
    if chart.kind == "box":
        return None
    return as_stacked(chart) if chart.bases else chart


class _Drawing:
    """One chart: bars, areas or points, with lines over them."""

    def __init__(self, chart: Chart, book: ReportBook, *, name: str) -> None:
        """`name` is what its figures are called on their sheet."""
        self._chart = chart
        self._book = book
        self._is_sideways = _is_sideways(chart)
        self._is_small = book.summary.is_beside
        # A chart whose first axis has nothing on it is none to Excel.
        self._has_second = len({one.second_axis for one in chart.series}) > 1
        has_targets = not self._is_sideways and not self._has_second
        self._targets = chart.targets if has_targets else ()
        self._figures: Figures = write_figures(chart, book, self._targets, name=name)
        self._scales = self._chosen_scales()
        self._kind = self._kind_of_chart()
        self._drawn = book.workbook.add_chart(self._kind)
        self._over: Any = None

    def insert(self, told: str) -> list[str]:
        chart = self._chart
        for place, series in enumerate(chart.series):
            self._layer(series).add_series(self._series(place, series))
        for place, _target in enumerate(self._targets, len(chart.series) + 1):
            self._lines().add_series(self._base(place) | target_look())
        if self._over is not None:
            self._drawn.combine(self._over)
        self._finish()
        height = self._height()
        spot = self._book.summary.spot(height + _ROW // 2)
        self._drawn.set_size({"width": spot.width - 6, "height": height})
        look = {"x_offset": spot.left + 2, "y_offset": 4, "description": printable(told)[:255]}
        self._book.summary.sheet.insert_chart(spot.row, 0, self._drawn, look)
        return self._notes()

    # -- series

    def _kind_of_chart(self) -> dict[str, str]:
        chart = self._chart
        stacked = {"values": {"subtype": "stacked"}, "shares": {"subtype": "percent_stacked"}, "": {}}[chart.stacked]
        match chart.kind:
            case "pie":
                return {"type": "doughnut"}
            case "scatter":
                return {"type": "scatter"}
            case "funnel":
                return {"type": "bar"}
            case "area" if self._is_area():
                return {"type": "area", **stacked}
        if all(one.kind == "line" for one in chart.series):
            # Only points over points know hours; Excel's axis of dates knows days.
            is_clock = self._is_clock() and not chart.stacked
            return {"type": "scatter", "subtype": "straight_with_markers"} if is_clock else {"type": "line", **stacked}
        return {"type": "bar" if self._is_sideways else "column", **stacked}

    def _is_area(self) -> bool:
        """An area of one point is nothing to see, and Excel lets those with gaps fall to zero."""
        if self._chart.stacked:
            return len(self._chart.labels) > 1 and not self._is_clock()
        return all(len(one.runs) == 1 and len(one.runs[0]) > 1 for one in self._chart.series) and not self._is_clock()

    def _is_clock(self) -> bool:
        times = dates_of(self._chart)
        return times is not None and times.unit == "second"

    def _layer(self, series: Series) -> Any:
        is_over = series.kind == "line" and self._kind["type"] in ("column", "bar")
        return self._lines() if is_over else self._drawn

    def _lines(self) -> Any:
        """Where lines are drawn: over bars and areas, beside other lines."""
        if self._kind["type"] in ("line", "scatter"):
            return self._drawn
        if self._over is None:
            self._over = self._book.workbook.add_chart({"type": "line"})
        return self._over

    def _base(self, column: int) -> dict[str, Any]:
        figures = self._figures
        return {
            "name": figures.name(column),
            "categories": figures.range(0),
            "values": figures.range(column),
        }

    def _series(self, place: int, series: Series) -> dict[str, Any]:
        chart = self._chart
        entry = self._base(place + 1)
        kind = self._kind["type"]
        if kind == "doughnut":
            entry |= self._slices()
        elif kind == "scatter" and chart.kind == "scatter":
            entry |= marker_look(place, series)
        elif kind == "area":
            entry |= bar_look(place, series, transparency=0 if chart.stacked else 70)
        elif series.kind == "line":
            entry |= line_look(place, series)
        else:
            entry |= bar_look(place, series) | {"gap": 30}
        if kind != "area":  # which has no points of its own
            entry |= self._incomplete(place, series)
        if series.second_axis and self._has_second:
            entry["y2_axis"] = True
        if chart.data_labels or chart.kind == "funnel":
            entry["data_labels"] = self._labels(place, series)
        if series.is_ground:
            entry |= {"fill": {"none": True}, "border": {"none": True}, "data_labels": {}}
        return entry

    def _labels(self, place: int, series: Series) -> dict[str, Any]:
        """The value at each mark, as on paper."""
        chart, formats = self._chart, self._book.formats
        own = self._short_in_stacks(series)
        written = falling if series.is_mirrored else label_format
        told = told_one_by_one(own, [] if series.is_mirrored else series.values, formats)
        custom: list[dict[str, Any] | None] = [None if text is None else {"value": text} for text in told]
        labels = {"value": True, "num_format": written(own, series.values, formats)}
        if chart.stacked and series.kind == "bar":
            font = {"font": {"color": label_color(place, series.color, is_rest=series.is_rest)}}
            labels |= font
            pairs = zip_longest(custom, self._on_slivers(series))
            custom = [sliver if text is None else text | (sliver or font) for text, sliver in pairs]
        return labels | ({"custom": custom} if any(custom) else {})

    def _incomplete(self, place: int, series: Series) -> dict[str, Any]:
        """How the value looks that will still change."""
        if series.incomplete is None:
            return {}
        if series.kind == "line":
            with_hollow_points(self._layer(series))
        return {"points": open_points(place, series, self._figures.points[series.incomplete])}

    def _short_in_stacks(self, series: Series) -> ValueFormat:
        """In upright stacks that are narrower than their numbers, these are short: letters are white on their bar."""
        chart, own = self._chart, self._chart.format_of(series)
        if not chart.stacked or series.kind != "bar" or self._is_sideways or own.kind not in SHORTENED:
            return own
        texts = (self._book.formats.text(value, own) for value in series.values if value is not None)
        is_narrow = max(map(letters, texts), default=0) * len(chart.labels) > _STACKED_LETTERS
        return ValueFormat(kind="compact") if is_narrow else own

    def _on_slivers(self, series: Series) -> list[dict[str, Any] | None]:
        """Labels of bars that are lower than letters stand on the page, not on the bar."""
        bars = [one for one in self._chart.series if one.kind == "bar"]
        ends = [sum(abs(value or 0) for value in stack) for stack in zip(*(one.values for one in bars), strict=True)]
        least = max(ends, default=0) * _SLIVER
        on_page = {"font": {"color": LIGHT["ink"]}}
        return [on_page if value is not None and abs(value) < least else None for value in series.values]

    def _slices(self) -> dict[str, Any]:
        chart = self._chart
        values = [float(value) for value in chart.series[0].values]
        total = sum(values)
        points = [slice_look(number, chart) for number in range(len(values))]
        custom: list[dict[str, Any]] = [
            {"delete": True} if value / total < _SMALL_SLICE else {"font": {"color": slice_label_color(number, chart)}}
            for number, value in enumerate(values)
        ]
        return {"points": points, "data_labels": {"percentage": True, "num_format": "0.0%", "custom": custom}}

    # -- axes and what stands around

    def _finish(self) -> None:
        chart, drawn = self._chart, self._drawn
        if chart.title:
            # A reference: what looks like a formula would become one.
            title = [self._figures.sheet, self._figures.title, 0]
            drawn.set_title({"name": title, "name_font": {"size": 10 if self._is_small else 12}})
        else:
            drawn.set_title({"none": True})
        has_legend = chart.kind == "pie" or len(chart.series) + len(self._targets) > 1
        grounds = [place for place, one in enumerate(chart.series) if one.is_ground]
        is_beside = chart.kind == "pie" and not self._is_small
        legend = {"position": "right" if is_beside else "bottom", "delete_series": grounds, "font": self._font}
        drawn.set_legend(legend if has_legend else {"none": True})
        drawn.show_blanks_as(blanks_of(chart))
        if chart.kind == "pie":
            drawn.set_hole_size(55)
            return
        along, values = self._along() | {"num_font": self._font}, self._values() | {"num_font": self._font}
        if self._kind["type"] == "bar":  # Excel counts from below; people read from above
            drawn.set_y_axis(along | {"reverse": True, "crossing": "max"})
            drawn.set_x_axis(values)
        else:
            drawn.set_x_axis(along)
            drawn.set_y_axis(values)
        if self._has_second:
            written = chart.format_of(self._on_axes()[1])
            number = on_axis(written, self._shown(second=True), self._book.formats)
            second = {"num_format": number, "num_font": self._font, **_reach_of(self._scales[1], written)}
            (self._over or self._drawn).set_y2_axis(second)

    def _chosen_scales(self) -> tuple[Scale | None, Scale | None]:
        """Of the two axes, where Excel must not choose them: small charts alike, durations by the clock, two axes
        with one zero, and stacks on both sides of it."""
        chart = self._chart
        is_time = [chart.format_of(one).kind == "duration" for one in self._on_axes()]
        is_chosen = chart.reach or self._has_second or is_time[0] or self._stacks_both_ways()
        if chart.kind in ("pie", "scatter") or not is_chosen:
            return None, None
        try:
            if chart.reach:
                return value_scale(chart.reach, 0, 1, is_time=is_time[0]), None
            reached = [*self._shown(second=False), *(target.value for target in self._chart.targets)]
            first = value_scale((value for value in reached if value is not None), 0, 1, is_time=is_time[0])
            if not self._has_second:
                return first, None
            lines = (value for value in self._shown(second=True) if value is not None)
            return with_one_zero(first, value_scale(lines, 0, 1, is_time=is_time[1]))
        except (OverflowError, ValueError):  # too large for our drawing; Excel may find a way
            return None, None

    def _on_axes(self) -> list[Series]:
        """The first series of each axis."""
        firsts = [one for one in self._chart.series if not (one.second_axis and self._has_second)]
        seconds = [one for one in self._chart.series if one.second_axis and self._has_second]
        return [each[0] for each in (firsts, seconds) if each]

    def _shown(self, *, second: bool) -> list[Any]:
        """What an axis has to reach: its values, and what they come to where they are stacked."""
        chart = self._chart
        shown = [one for one in chart.series if (one.second_axis and self._has_second) == second]
        values = [value for one in shown for value in one.values]
        if chart.stacked == "values" and not second:
            for stack in zip(*(one.values for one in shown), strict=True):
                known = [value for value in stack if value is not None]
                values += [sum(value for value in known if value > 0), sum(value for value in known if value < 0)]
        return values

    def _stacks_both_ways(self) -> bool:
        """LibreOffice reckons what these come to together, and cuts off what is above that."""
        values = [value for one in self._chart.series for value in one.values if value is not None]
        return self._chart.stacked == "values" and min(values, default=0) < 0 < max(values, default=0)

    def _along(self) -> dict[str, Any]:
        chart = self._chart
        axis: dict[str, Any] = {
            "name": _no_formula(chart.x_title),
            "line": {"color": LIGHT["axis"]},
            "label_position": "low",
        }
        if chart.kind == "scatter":
            plain = {"num_format": "0"} if chart.x_format.kind == "year" else {}
            return axis | {"major_gridlines": {"visible": False}} | plain
        times = dates_of(chart)
        if times is None:
            return axis | ({"interval_unit": 1} if len(chart.labels) <= 2 * _MANY_NAMES or self._is_sideways else {})
        found = axis_of(times, period_of(chart), is_clock=self._kind["type"] == "scatter")
        if "date_axis" in found:
            on_base(self._drawn, times)
        return axis | found

    def _values(self) -> dict[str, Any]:
        chart = self._chart
        written = SHARES if chart.stacked == "shares" else chart.format_of(self._on_axes()[0])
        number = on_axis(written, self._shown(second=False), self._book.formats)
        return {
            **_reach_of(self._scales[0], written),
            "name": _no_formula(chart.y_title),
            "num_format": number,
            "line": {"none": True},
            "major_gridlines": {"visible": True, "line": {"color": LINE}},
        }

    @property
    def _font(self) -> dict[str, Any]:
        return {"size": 8} if self._is_small else {}

    def _height(self) -> int:
        chart, page = self._chart, self._book.summary.page_height
        if self._is_small:
            return (height_of(chart, self._book) or 0) - _ROW // 2
        rows = len(chart.labels) * 18 if self._kind["type"] == "bar" else 0
        return min(max(chart.height, _LEAST_HEIGHT - _HEAD, rows) + _HEAD, page - 2 * _ROW)

    def _notes(self) -> list[str]:
        """What is not drawn."""
        if len(self._targets) == len(self._chart.targets):
            return []
        formats = self._book.formats
        listed = [
            f"{one.label or self._book.words.target} {formats.text(one.value, self._chart.format)}"
            for one in self._chart.targets
        ]
        return [self._book.words.targets.format(targets=", ".join(listed))]


def _reach_of(scale: Scale | None, format: ValueFormat) -> dict[str, float]:  # noqa: A002
    """Excel counts durations in days."""
    if scale is None:
        return {}
    unit = DAY if format.kind == "duration" else 1
    return {"min": scale.low / unit, "max": scale.high / unit, "major_unit": scale.step / unit}


def _is_sideways(chart: Chart) -> bool:
    """As its author says, or because its names have no room beside each other."""
    if chart.kind == "funnel":
        return True
    if chart.kind not in ("bar", "stacked_bar") or chart.horizontal:
        return chart.horizontal and chart.kind in ("bar", "stacked_bar")
    return chart.times is None and not chart.numbers_along and len(chart.labels) > _MANY_NAMES


def _no_formula(name: str) -> str | None:
    """xlsxwriter takes a name such as `Sheet!A1` for a reference."""
    return name.replace("!", "\uff01") if name else None
