"""Charts of a report as ECharts options: the same option draws in the browser and, as SVG, on paper."""

from __future__ import annotations

import copy
from datetime import date, datetime
from typing import Any

from server.reports.block_specs import ChartSpec
from server.reports.document import Chart, Series
from server.reports.formats import Format, Formats
from server.reports.rows import Rows, columns_of, rows_of, unknown_column

# Told apart in print, in grey and by most colour-blind people; the first is the colour of the pages.
PALETTE = ("#2563a8", "#e08a1e", "#3c9d82", "#8b6bb8", "#c8505a", "#5aa7d6", "#9a8a3c", "#7a7f87")
HEAT = ("#eef4fa", "#9cc3e4", "#2563a8", "#12365f")
INK, MUTED, LINE = "#1f2933", "#66717e", "#e3e7ec"
_MAX_POINTS = 5_000  # more cannot be told apart, and would make the file heavy
_MAX_SLICES = 12


def build_chart(spec: ChartSpec, rows: Rows | None, *, title: str, value: Any, maximum: Any, formats: Formats) -> Chart:
    """A chart without rows is empty, not wrong; a column that is not there is an error."""
    if rows is not None:
        for name in (spec.x, *spec.y, *spec.lines, spec.series, spec.value_column):
            if name and name not in columns_of(rows):
                raise unknown_column(spec.query, name, columns_of(rows))
    chart = Chart(
        kind=spec.chart, title=title, format=spec.format, line_format=spec.line_format, height=spec.height,
        x_label=spec.x.replace("_", " "),
    )  # fmt: skip
    if spec.chart == "gauge":
        return _gauge(chart, value, maximum, formats)
    if rows is None or not len(rows):
        return _with(chart, is_empty=True)
    if spec.chart == "option":
        return _custom(chart, spec, rows)
    return _BUILDERS[spec.chart](chart, spec, rows, formats)


def _with(chart: Chart, **changes: Any) -> Chart:
    values = {name: getattr(chart, name) for name in chart.__struct_fields__}
    return Chart(**(values | changes))


def _cartesian(chart: Chart, spec: ChartSpec, rows: Rows, formats: Formats) -> Chart:
    labels, series = _pivoted(spec, rows, formats) if spec.series else _columns(spec, rows, formats)
    if not any(value is not None for one in series for value in one.values):
        return _with(chart, is_empty=True)
    drawn = [_drawn(one, spec, index) for index, one in enumerate(series)]
    category = {
        "type": "category",
        "data": labels,
        "axisTick": {"show": False},
        "axisLine": {"lineStyle": {"color": LINE}},
        "axisLabel": {"color": MUTED, "hideOverlap": True, "fontSize": 11},
        "boundaryGap": spec.chart not in ("line", "area"),
    }
    value = _value_axis("main")
    axes: list[dict[str, Any]] = [value]
    if any(one.second_axis for one in series):
        axes.append(_value_axis("line") | {"splitLine": {"show": False}})
    option = _base(chart, legend=len(series) > 1) | {"series": drawn}
    if spec.horizontal:
        option |= {"yAxis": category | {"inverse": True}, "xAxis": axes}
    else:
        option |= {"xAxis": category, "yAxis": axes}
    return _with(chart, labels=labels, series=series, option=option)


def _value_axis(formatted: str) -> dict[str, Any]:
    return {
        "type": "value",
        "axisLabel": {"color": MUTED, "fontSize": 11, "jinduFormat": formatted},
        "splitLine": {"lineStyle": {"color": LINE}},
        "splitNumber": 4,
    }


def _columns(spec: ChartSpec, rows: Rows, formats: Formats) -> tuple[list[str], list[Series]]:
    data = rows_of(rows)[:_MAX_POINTS]
    labels = _labels([row[spec.x] for row in data], formats)
    combo = spec.chart == "combo"
    series = [
        Series(name=_label(spec, name), values=[_number(row[name]) for row in data], kind=_kind(spec.chart))
        for name in spec.y
    ]
    own_scale = bool(spec.line_format.kind) or bool(spec.y)
    series += [
        Series(name=_label(spec, name), values=[_number(row[name]) for row in data], kind="line", second_axis=own_scale)
        for name in spec.lines
        if combo
    ]
    return labels, series


def _pivoted(spec: ChartSpec, rows: Rows, formats: Formats) -> tuple[list[str], list[Series]]:
    """One series a value of the `series` column; what is missing for an x stays empty."""
    keys: dict[Any, int] = {}
    found: dict[Any, dict[int, Any]] = {}
    for row in rows_of(rows)[:_MAX_POINTS]:
        place = keys.setdefault(row[spec.x], len(keys))
        found.setdefault(row[spec.series], {})[place] = _number(row[spec.y[0]])
    series = [
        Series(
            name=_label(spec, formats.text(name)),
            values=[values.get(place) for place in range(len(keys))],
            kind=_kind(spec.chart),
        )
        for name, values in found.items()
    ]
    return _labels(list(keys), formats), series


def _kind(chart: str) -> str:
    return {"line": "line", "area": "line", "scatter": "scatter"}.get(chart, "bar")


def _drawn(series: Series, spec: ChartSpec, index: int) -> dict[str, Any]:
    color = PALETTE[index % len(PALETTE)]
    drawn: dict[str, Any] = {
        "type": series.kind,
        "name": series.name,
        "data": series.values,
        "itemStyle": {"color": color},
    }
    if series.kind == "line":
        few = len(series.values) <= 40
        drawn |= {
            "lineStyle": {"width": 2.2},
            "showSymbol": few,
            "symbol": "circle",
            "symbolSize": 5,
            "connectNulls": False,
        }
    if series.kind == "bar":
        radius = [0, 3, 3, 0] if spec.horizontal else [3, 3, 0, 0]
        drawn |= {
            "barMaxWidth": 34,
            "itemStyle": {"color": color, "borderRadius": 0 if spec.chart == "stacked_bar" else radius},
        }
    if spec.chart == "stacked_bar" or (spec.chart == "area" and index >= 0 and spec.series):
        drawn["stack"] = "all"
    if spec.chart == "area":
        drawn["areaStyle"] = {"opacity": 0.22 if not spec.series else 0.55}
        drawn["showSymbol"] = False
    if series.second_axis:
        axis = "xAxisIndex" if spec.horizontal else "yAxisIndex"
        drawn |= {axis: 1, "jinduFormat": "line"}
    return drawn


def _scatter(chart: Chart, spec: ChartSpec, rows: Rows, formats: Formats) -> Chart:
    data = rows_of(rows)[:_MAX_POINTS]
    groups: dict[str, list[list[Any]]] = {}
    for row in data:
        name = formats.text(row[spec.series]) if spec.series else _label(spec, spec.y[0])
        groups.setdefault(name, []).append([_number(row[spec.x]), _number(row[spec.y[0]])])
    drawn = [
        {"type": "scatter", "name": name, "data": points, "symbolSize": 8,
         "itemStyle": {"color": PALETTE[index % len(PALETTE)], "opacity": 0.75}}
        for index, (name, points) in enumerate(groups.items())
    ]  # fmt: skip
    plain = _value_axis("plain") | {
        "scale": True,
        "name": _label(spec, spec.x),
        "nameLocation": "middle",
        "nameGap": 28,
    }
    option = _base(chart, legend=len(drawn) > 1) | {
        "xAxis": plain | {"nameTextStyle": {"color": MUTED}},
        "yAxis": [_value_axis("main") | {"scale": True}],
        "series": drawn,
    }
    option["grid"] = option["grid"] | {"bottom": 40}
    labels = [formats.text(row[spec.x]) for row in data]
    series = [Series(name=_label(spec, spec.y[0]), values=[_number(row[spec.y[0]]) for row in data], kind="scatter")]
    return _with(chart, labels=labels, series=series, option=option)


def _pie(chart: Chart, spec: ChartSpec, rows: Rows, formats: Formats) -> Chart:
    pairs = [(formats.text(row[spec.x]), _number(row[spec.y[0]]) or 0) for row in rows_of(rows)]
    pairs = [(name, value) for name, value in pairs if value > 0]
    if not pairs:
        return _with(chart, is_empty=True)
    if len(pairs) > _MAX_SLICES:
        rest = sum(value for _name, value in pairs[_MAX_SLICES - 1 :])
        pairs = [*pairs[: _MAX_SLICES - 1], ("…", rest)]
    data = _named(pairs)
    drawn = {
        "type": "pie",
        "radius": ["46%", "72%"],
        "center": ["50%", "52%"],
        "data": data,
        "itemStyle": {"borderColor": "#ffffff", "borderWidth": 2},
        "label": {"color": INK, "fontSize": 11, "jinduFormat": "name-percent", "lineHeight": 14},
        "labelLine": {"length": 8, "length2": 8},
    }
    return _named_chart(chart, spec, pairs, _base(chart, legend=False) | {"series": [drawn]})


def _funnel(chart: Chart, spec: ChartSpec, rows: Rows, formats: Formats) -> Chart:
    pairs = [(formats.text(row[spec.x]), _number(row[spec.y[0]]) or 0) for row in rows_of(rows)][:_MAX_SLICES]
    drawn = {
        "type": "funnel",
        "left": "6%",
        "width": "60%",
        "top": 10 if not chart.title else 34,
        "bottom": 8,
        "minSize": "4%",
        "gap": 3,
        "sort": "none",
        "data": _named(pairs),
        "label": {"position": "right", "color": INK, "fontSize": 11, "jinduFormat": "name-value"},
        "labelLine": {"show": False},
    }
    return _named_chart(chart, spec, pairs, _base(chart, legend=False) | {"series": [drawn]})


def _named(pairs: list[tuple[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"name": name, "value": value, "itemStyle": {"color": PALETTE[index % len(PALETTE)]}}
        for index, (name, value) in enumerate(pairs)
    ]


def _named_chart(chart: Chart, spec: ChartSpec, pairs: list[tuple[str, Any]], option: dict[str, Any]) -> Chart:
    option["tooltip"] = option["tooltip"] | {"trigger": "item"}
    series = [Series(name=_label(spec, spec.y[0]), values=[value for _name, value in pairs], kind=chart.kind)]
    return _with(chart, labels=[name for name, _value in pairs], series=series, option=option)


def _heatmap(chart: Chart, spec: ChartSpec, rows: Rows, formats: Formats) -> Chart:
    data = rows_of(rows)[:_MAX_POINTS]
    across = _places([row[spec.x] for row in data])
    down = _places([row[spec.y[0]] for row in data])
    cells = [[across[row[spec.x]], down[row[spec.y[0]]], _number(row[spec.value_column])] for row in data]
    values = [cell[2] for cell in cells if cell[2] is not None]
    if not values:
        return _with(chart, is_empty=True)
    x_labels, y_labels = _labels(list(across), formats), _labels(list(down), formats)
    axis = {"type": "category", "axisTick": {"show": False}, "axisLine": {"show": False},
            "axisLabel": {"color": MUTED, "fontSize": 11, "hideOverlap": True}}  # fmt: skip
    option = _base(chart, legend=False) | {
        "xAxis": axis | {"data": x_labels},
        "yAxis": axis | {"data": y_labels, "inverse": True},
        "visualMap": {
            "min": min([0, *values]),
            "max": max(values),
            "show": False,
            "inRange": {"color": list(HEAT)},
        },
        "series": [
            {
                "type": "heatmap",
                "data": cells,
                "itemStyle": {"borderColor": "#ffffff", "borderWidth": 1.5, "borderRadius": 2},
            }
        ],
    }  # fmt: skip
    option["tooltip"] = option["tooltip"] | {"trigger": "item", "jinduFormat": "cell"}
    table = {(x, y): value for x, y, value in cells}
    series = [
        Series(name=label, values=[table.get((x, y)) for x in range(len(x_labels))], kind="heatmap")
        for y, label in enumerate(y_labels)
    ]
    return _with(chart, labels=x_labels, series=series, option=option)


def _places(values: list[Any]) -> dict[Any, int]:
    """Numbers and dates in their order, even when the first row lacks some; others as they come."""
    distinct = list(dict.fromkeys(values))
    if all(isinstance(value, int | float) for value in distinct) or all(isinstance(v, date) for v in distinct):
        distinct.sort()
    return {value: place for place, value in enumerate(distinct)}


def _gauge(chart: Chart, value: Any, maximum: Any, formats: Formats) -> Chart:
    if not isinstance(value, int | float):
        return _with(chart, is_empty=True)
    top = (
        maximum if isinstance(maximum, int | float) and maximum > 0 else (1 if chart.format.kind == "percent" else None)
    )
    top = top or max(abs(value) * 1.25, 1)
    drawn = {
        "type": "gauge",
        "min": 0,
        "max": top,
        "radius": "92%",
        "center": ["50%", "66%"],
        "startAngle": 200,
        "endAngle": -20,
        "progress": {"show": True, "width": 16, "itemStyle": {"color": PALETTE[0]}},
        "axisLine": {"lineStyle": {"width": 16, "color": [[1, LINE]]}},
        "axisTick": {"show": False},
        "splitLine": {"show": False},
        "pointer": {"show": False},
        "anchor": {"show": False},
        "axisLabel": {"show": False},
        "detail": {
            "offsetCenter": [0, "-8%"],
            "fontSize": max(12, min(26, chart.height // 13)),
            "fontWeight": "bold",
            "color": INK,
            "jinduFormat": "exact",
        },
        "data": [{"value": value}],
    }
    option = _base(chart, legend=False) | {"series": [drawn]}
    return _with(
        chart, labels=[chart.title], series=[Series(name=chart.title, values=[value], kind="gauge")], option=option
    )


def _custom(chart: Chart, spec: ChartSpec, rows: Rows) -> Chart:
    """The author's own option over the query's rows, which ECharts reads as its dataset."""
    names = columns_of(rows)
    data = [[_plain(row[name]) for name in names] for row in rows_of(rows)[:_MAX_POINTS]]
    option = _base(chart, legend=False) | copy.deepcopy(spec.option)
    option["dataset"] = {"source": [names, *data]}
    if not isinstance(option.get("tooltip"), dict):
        option["tooltip"] = {}
    # Texts of an option never become HTML.
    option["tooltip"] = option["tooltip"] | {"renderMode": "richText"}
    columns = list(zip(*data, strict=True))
    series = [
        Series(name=name, values=[_number(value) for value in values])
        for name, values in list(zip(names, columns, strict=True))[1:]
        if any(isinstance(value, int | float) for value in values)
    ]
    return _with(chart, labels=[str(value) for value in columns[0]], series=series, option=option)


def _base(chart: Chart, *, legend: bool) -> dict[str, Any]:
    top = (34 if chart.title else 12) + (24 if legend else 0)
    option: dict[str, Any] = {
        "animation": False,
        "color": list(PALETTE),
        "aria": {"enabled": True},
        "textStyle": {"color": INK},
        "grid": {"left": 12, "right": 30, "top": top, "bottom": 8, "containLabel": True},
        "tooltip": {"trigger": "axis", "confine": True},
    }
    if chart.title:
        option["title"] = {
            "text": chart.title,
            "left": 0,
            "top": 0,
            "textStyle": {"fontSize": 14, "fontWeight": "bold", "color": INK},
        }
    if legend:
        option["legend"] = {
            "top": 24 if chart.title else 0,
            "left": 0,
            "type": "scroll",
            "itemWidth": 14,
            "itemHeight": 9,
            "textStyle": {"color": MUTED, "fontSize": 11},
        }
    return option


def _labels(values: list[Any], formats: Formats) -> list[str]:
    """Dates lose the year when all share it, and become months when all are the first of one."""
    days = [value.date() if isinstance(value, datetime) else value for value in values]
    if not days or not all(isinstance(day, date) for day in days):
        return [formats.text(value) for value in values]
    if any(isinstance(value, datetime) and (value.hour or value.minute) for value in values):
        return [formats.text(value, Format(kind="datetime")) for value in values]
    if len(days) > 1 and all(day.day == 1 for day in days):
        return [formats.short_month(day, with_year=len({day.year for day in days}) > 1) for day in days]
    if len({day.year for day in days}) == 1:
        return [formats.short_day(day) for day in days]
    return [formats.text(day, Format(kind="date")) for day in days]


def _label(spec: ChartSpec, name: str) -> str:
    return spec.labels.get(name) or name.replace("_", " ")


def _number(value: Any) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


_BUILDERS = {
    **dict.fromkeys(("line", "bar", "stacked_bar", "area", "combo"), _cartesian),
    "pie": _pie,
    "funnel": _funnel,
    "scatter": _scatter,
    "heatmap": _heatmap,
}
