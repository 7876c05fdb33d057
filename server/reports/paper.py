"""The paper on which blocks draw themselves as data for Typst, and the room that each has on it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from server.reports.chart_engine import ChartEngine
from server.reports.charts.chart import Chart
from server.reports.drawing.draw import drawn
from server.reports.formats import Formats
from server.reports.words import Words

FONT = "Noto Sans"  # of the words in drawings; other scripts than it has: `chart_letters`
UPRIGHT, LANDSCAPE = 680, 1000  # of a chart, in its own pixels: letters come out at 8 points on paper
_GAP = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """`width` is in pixels of a chart; `warn` tells whoever ordered the report; `accent` is the color of its brand."""

    words: Words
    formats: Formats
    engine: ChartEngine
    has_excel: bool
    width: int
    warn: Callable[[str], None]
    accent: str

    def column(self, count: int) -> Paper:
        """The same paper with the room of one of `count` columns."""
        return dataclasses.replace(self, width=(self.width - _GAP * (count - 1)) // count)

    def turned(self, *, landscape: bool) -> Paper:
        """Pages upright, or on their side."""
        return dataclasses.replace(self, width=LANDSCAPE if landscape else UPRIGHT)

    def drawing(self, chart: Chart) -> str:
        """As SVG. Raises `CannotBeDrawn`."""
        if chart.option:
            return self.engine.svg(chart, width=self.width, font=FONT)
        return drawn(chart, self.formats, width=self.width, font=FONT)
