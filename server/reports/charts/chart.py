"""A chart before and after its rows are known: what its author says of it, and what is drawn."""

from __future__ import annotations

from typing import Any

import msgspec

from server.reports.formats import ValueFormat

CHART_KINDS = (
    "line", "bar", "stacked_bar", "area", "pie", "scatter", "heatmap", "funnel", "gauge", "combo",
)  # fmt: skip


class ChartSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`kind` is one of `CHART_KINDS`, or `option` when the author wrote an ECharts option. Names are of columns."""

    kind: str
    query: str = ""
    x: str = ""
    y: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    series: str = ""
    value_column: str = ""
    labels: dict[str, str] = {}
    format: ValueFormat = ValueFormat()
    line_format: ValueFormat = ValueFormat()
    height: int = 260
    horizontal: bool = False
    option: dict[str, Any] = {}

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that it needs."""
        return tuple(name for name in (self.x, *self.y, *self.lines, self.series, self.value_column) if name)

    def label(self, name: str) -> str:
        """What a column is called."""
        return self.labels.get(name) or name.replace("_", " ")


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """Values of one line, or one group of bars; `kind` is how it is drawn."""

    name: str
    values: list[Any]
    kind: str = "bar"
    second_axis: bool = False


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the drawing does not show as the rows have it: a word of `Words`, and what fills it."""

    word: str
    parameters: dict[str, Any] = {}


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """`labels` run along x; `option` is what ECharts draws, `format` how numbers are written. No rows: `is_empty`."""

    kind: str
    title: str
    labels: list[str] = []
    series: list[Series] = []
    option: dict[str, Any] = {}
    format: ValueFormat = ValueFormat()
    line_format: ValueFormat = ValueFormat()
    height: int = 260
    is_empty: bool = False
    x_label: str = ""
    notes: tuple[Note, ...] = ()

    def noting(self, word: str, **parameters: Any) -> Chart:
        """The same chart with one note more."""
        return msgspec.structs.replace(self, notes=(*self.notes, Note(word=word, parameters=parameters)))

    def format_of(self, series: Series) -> ValueFormat:
        return self.line_format if series.second_axis and self.line_format.kind else self.format
