"""The HTML page on which blocks draw themselves, and the room that each has on it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from html import escape
from typing import Any

import msgspec

from server.reports.chart_engine import ChartEngine, chart_facts
from server.reports.charts.chart import Chart
from server.reports.formats import Formats
from server.reports.words import Words

_FULL_WIDTH = 900  # of the page, in pixels
_GAP = 24
_FONTS = "system-ui, Segoe UI, PingFang SC, Microsoft YaHei, Noto Sans CJK SC, sans-serif"


@dataclass(frozen=True, slots=True, kw_only=True)
class HtmlPage:
    """`charts` are what the page's script makes interactive, in the order in which they were drawn."""

    words: Words
    formats: Formats
    engine: ChartEngine
    has_excel: bool
    width: int = _FULL_WIDTH
    charts: list[dict[str, Any]] = field(default_factory=list)

    def column(self, count: int) -> HtmlPage:
        """The same page with the room of one of `count` columns."""
        return dataclasses.replace(self, width=(self.width - _GAP * (count - 1)) // count)

    def empty(self, title: str) -> str:
        """In place of what has no rows."""
        head = f"<strong>{escape(title)}</strong>" if title else ""
        return f'<div class="empty">{head}{escape(self.words.no_data)}</div>'

    def drawing(self, chart: Chart) -> str:
        """A chart as it stands still, until the page's script takes over."""
        number = len(self.charts)
        self.charts.append({"option": chart.option, "facts": msgspec.Raw(chart_facts(chart, self.formats).encode())})
        svg = self.engine.svg(chart, self.formats, width=self.width, font=_FONTS)
        label = escape(chart.title or chart.kind)
        return (
            f'<div class="canvas still" role="img" aria-label="{label}" data-chart="{number}" '
            f'style="--height: {chart.height}px">{svg}</div>'
        )
