"""The HTML page on which blocks draw themselves, and the room that each has on it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

from server.reports.chart_engine import ChartEngine, on_page
from server.reports.charts.chart import Chart
from server.reports.charts.tips import tips
from server.reports.drawing.draw import drawn
from server.reports.formats import Formats
from server.reports.paper import FONT, UPRIGHT
from server.reports.words import Words

_FULL_WIDTH = 760  # of a drawing: its letters are of the page's size on screens, and readable in print
_NARROW, _ALSO_NARROW = 360, range(310, 401)  # of a telephone, and what needs no other drawing for one
_GAP = 21
_LEAST_COLUMN, _FEW_COLUMNS, _LEAST_OF_MANY = 264, 2, 220
_FONTS = "system-ui, Segoe UI, PingFang SC, Microsoft YaHei, Noto Sans CJK SC, sans-serif"


@dataclass(frozen=True, slots=True)
class PageHeading:
    id: str
    text: str
    level: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HtmlPage:
    """`charts` is what the page's script says of each, in the order in which they were drawn; `headings` are told apart
    by the `id` of their blocks."""

    words: Words
    formats: Formats
    engine: ChartEngine
    has_excel: bool
    warn: Callable[[str], None]
    headings: Mapping[int, PageHeading] = field(default_factory=dict)
    width: int = _FULL_WIDTH
    charts: list[dict[str, Any]] = field(default_factory=list)

    def column(self, count: int) -> HtmlPage:
        """The same page with the room of one of `count` columns; those without room go below, as its style has it."""
        least = _LEAST_COLUMN if count <= _FEW_COLUMNS else _LEAST_OF_MANY
        beside = max(1, min(count, (self.width + _GAP) // (least + _GAP)))
        return dataclasses.replace(self, width=(self.width - _GAP * (beside - 1)) // beside)

    def heading_id(self, block: object) -> str:
        """Where links of the table of contents lead."""
        return self.headings[id(block)].id

    def empty(self, title: str, reason: str = "") -> str:
        """In place of what has no rows, or cannot be drawn."""
        head = f"<strong>{escape(title)}</strong>" if title else ""
        return f'<div class="empty">{head}{escape(reason or self.words.no_data)}</div>'

    def drawing(self, chart: Chart, told: str) -> str:
        """A chart for wide windows and for narrow ones, with what the page's script says of it.

        `told` are its figures in a sentence. Raises `CannotBeDrawn`.
        """
        number = len(self.charts)
        if chart.option:
            shown = on_page(self.engine.svg(chart, width=self._paper_width, font=FONT), font=FONT, page_font=_FONTS)
            drawings = f'<div class="own">{shown}</div>'
        elif self.width in _ALSO_NARROW:
            drawings = self._drawing(chart, "any", self.width)
        else:
            drawings = self._drawing(chart, "wide", self.width) + self._drawing(chart, "narrow", _NARROW)
        self.charts.append(tips(chart, self.formats))
        return f'<div class="canvas" role="img" aria-label="{escape(told)}" data-chart="{number}">{drawings}</div>'

    @property
    def _paper_width(self) -> int:
        """As wide as on paper: what costs much is drawn once for both."""
        return self.width * UPRIGHT // _FULL_WIDTH

    def _drawing(self, chart: Chart, kind: str, width: int) -> str:
        prefix = f"c{len(self.charts)}{kind[0]}"
        svg = drawn(chart, self.formats, width=width, on_page=True, prefix=prefix)
        return f'<div class="{kind}">{svg}</div>'
