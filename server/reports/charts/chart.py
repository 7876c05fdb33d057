"""A chart before and after its rows are known: what its author says of it, and what is drawn."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from server.reports.charts.time_axis import TimeAxis
from server.reports.formats import ValueFormat

CHART_KINDS = (
    "line", "bar", "stacked_bar", "area", "pie", "scatter", "heatmap", "funnel", "gauge", "combo",
    "waterfall", "box",
)  # fmt: skip
IN_COURSE = ("line", "bar", "stacked_bar", "area", "combo")  # kinds that may go along time
WITH_AXES = (*IN_COURSE, "scatter", "waterfall")
Stacked = Literal["", "values", "shares"]
INCOMPLETE = ("auto", "last", "never")  # which period is marked as not over: that of the report's moment


class ChartSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`kind` is one of `CHART_KINDS`, or `option` when the author wrote an ECharts option. Names are of columns."""

    kind: str
    query: str = ""
    x: str = ""
    y: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    series: str = ""
    value_column: str = ""
    totals: str = ""
    multiples: str = ""
    labels: dict[str, str] = {}
    format: ValueFormat = ValueFormat()
    line_format: ValueFormat = ValueFormat()
    x_format: ValueFormat = ValueFormat()  # of points along two scales
    height: int = 260
    horizontal: bool = False
    option: dict[str, Any] = {}
    shares: bool = False
    incomplete: str = "auto"
    one_axis: bool = False  # of a combo: its lines are measured as its bars are
    data_labels: bool = False
    x_title: str = ""
    y_title: str = ""
    colors: dict[str, str] = {}

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that it needs."""
        single = (self.series, self.value_column, self.totals, self.multiples)
        return tuple(name for name in (self.x, *self.y, *self.lines, *single) if name)

    @property
    def figures(self) -> tuple[str, ...]:
        """Those of them whose values are drawn as numbers."""
        if self.kind == "option":
            return ()
        names = (self.value_column,) if self.kind == "heatmap" else (*self.y, *self.lines)
        return tuple(dict.fromkeys(name for name in names if name))

    def label(self, name: str) -> str:
        """What a column is called."""
        return self.labels.get(name) or name.replace("_", " ")

    @property
    def stacked(self) -> Stacked:
        if self.kind == "stacked_bar" or (self.kind == "area" and self.series):
            return "shares" if self.shares else "values"
        return ""


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """Values of one line, or one group of bars, beside the chart's labels; `kind` is how it is drawn.

    `runs` are the places that one line joins. `xs` are of a scatter chart. `is_rest`: all that have no series of
    their own, together. `is_ground`: what others stand on, which is not seen itself. `is_mirrored`: drawn by
    the opposite of its values. `incomplete` is the place of a value that will still change, as its period is not over.
    """

    name: str
    values: list[Any]
    kind: str = "bar"
    second_axis: bool = False
    runs: tuple[tuple[int, ...], ...] = ()
    xs: list[Any] = []
    color: str = ""
    is_rest: bool = False
    is_ground: bool = False
    is_mirrored: bool = False
    incomplete: int | None = None


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the drawing does not show as the rows have it: a word of `Words`, and what fills it.

    `warns`: whoever ordered the report is told, too.
    """

    word: str
    parameters: dict[str, Any] = {}
    warns: bool = True


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A line across a chart at a value that is to be reached."""

    value: float
    label: str


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """`labels` run along x, on `times` where they are days or moments; `full_labels` say the
    year of each day, too, where the former do not. No rows: `is_empty`.

    A pie, a funnel and a gauge have one series; a heat map has one for each row of cells. Only an author's own
    drawing has an `option`, for ECharts. `format` is how numbers are written; `colors` those of a pie's slices,
    `value_label` what the colours of a heat map mean. `bases` are where the bars of a waterfall begin, `outside` what
    lies far from the boxes of a box plot, `counts` how many values each stands for; `reach` the lowest and highest
    value of all charts that share one scale.
    """

    kind: str
    title: str
    labels: list[str] = []
    full_labels: list[str] = []
    series: list[Series] = []
    times: TimeAxis | None = None
    numbers_along: bool = False
    horizontal: bool = False
    stacked: Stacked = ""
    maximum: float = 0
    option: dict[str, Any] = {}
    format: ValueFormat = ValueFormat()
    line_format: ValueFormat = ValueFormat()
    x_format: ValueFormat = ValueFormat()  # of points along two scales
    height: int = 260
    is_empty: bool = False
    x_label: str = ""
    value_label: str = ""
    x_title: str = ""
    y_title: str = ""
    data_labels: bool = False
    targets: tuple[Target, ...] = ()
    colors: list[str] = []
    has_rest: bool = False
    notes: tuple[Note, ...] = ()
    bases: list[float] = []
    outside: list[list[float]] = []
    counts: list[int] = []
    reach: tuple[float, float] | None = None

    def step(self, place: int) -> float:
        """What a bar of a waterfall adds to what was reached, or of a total, all that is."""
        return next((float(one.values[place]) for one in self.series if one.values[place] is not None), 0.0)

    def noting(self, word: str, *, warns: bool = True, **parameters: Any) -> Chart:
        """The same chart with one note more."""
        return msgspec.structs.replace(self, notes=(*self.notes, Note(word=word, parameters=parameters, warns=warns)))

    def format_of(self, series: Series) -> ValueFormat:
        return self.line_format if series.second_axis and self.line_format.kind else self.format
