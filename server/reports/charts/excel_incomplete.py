"""What will still change, as Excel's charts show it: hollow points at the end of dots, pale bars."""

from __future__ import annotations

from typing import Any

from xlsxwriter.shape import Shape

from server.reports.charts.chart import Series
from server.reports.charts.excel_look import color_of

_GROUND = "#FFFFFF"


def open_points(place: int, series: Series, point: int) -> list[dict[str, Any] | None]:
    """Of a series, the `place`-th of its chart: how its values up to that one look."""
    color = color_of(place, series.color, is_rest=series.is_rest)
    if series.kind == "line":
        look: dict[str, Any] = {"line": {"color": color, "width": 2.25, "dash_type": "round_dot"}}
    else:
        look = {
            "pattern": {"pattern": "percent_20", "fg_color": color, "bg_color": _GROUND},
            "border": {"color": color, "dash_type": "dash"},
        }
    return [None] * point + [look]


def with_hollow_points(drawn: Any) -> None:
    """Of lines: what leads to a point looks as the point says; xlsxwriter gives that look to its marker alone."""

    def write(index: int, point: dict[str, Any]) -> None:
        edge = {name: value for name, value in point["line"].items() if name != "dash_type"} | {"width": 1.5}
        fill = Shape._get_fill_properties({"color": _GROUND})
        drawn._xml_start_tag("c:dPt")
        drawn._write_idx(index)
        drawn._write_marker(
            {"type": "circle", "size": 6, "line": edge, "fill": fill, "pattern": None, "gradient": None}
        )  # fmt: skip
        drawn._write_sp_pr(point)
        drawn._xml_end_tag("c:dPt")

    drawn._write_d_pt_point = write
