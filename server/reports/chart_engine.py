"""Draws authors' own ECharts options as SVG in an embedded JavaScript engine: no browser, no network."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import quickjs

from server.places import STATIC
from server.reports.charts.chart import Chart
from server.reports.drawing.draw import CannotBeDrawn
from server.reports.drawing.paints import LIGHT

_ECHARTS = STATIC / "vendor" / "echarts-6.0.0" / "echarts.min.js"
_MEMORY_BYTES = 256 * 1024 * 1024
_MOST_KEPT = 64  # drawings: paper and page of one report share them
# What ECharts looks for in a browser, and this engine has not.
_SHIM = """
var console = {log() {}, warn() {}, error() {}, info() {}};
function setTimeout() { return 0; }
function clearTimeout() {}
"""
_DRAW = """
function draw(text, width, height) {
  const chart = echarts.init(null, null, {renderer: "svg", ssr: true, width: width, height: height});
  try {
    chart.setOption(JSON.parse(text));
    // The replacement also joins the pieces of the string, which the Python side cannot take apart.
    return chart.renderToSVGString().replace(/\\r/g, "");
  } finally {
    chart.dispose();
  }
}
"""
_STYLE = re.compile(r"<style ?>.*?</style>", re.DOTALL)
_NOISE = re.compile(r' (?:class|pointer-events|ecmeta_\w+)="[^"]*"')
_ID = re.compile(r"zr\d+-[a-z]+\d*")
# Colours that follow the page's, among them those that ECharts takes for axes by itself.
_NAMES = {
    "#3c3c41": "muted", "#54555a": "muted", "#dbdee4": "line",
    **{color: name for name, color in reversed(LIGHT.items())},
}  # fmt: skip
_OWN_COLORS = re.compile("|".join(_NAMES))


class ChartEngine:
    """One engine a worker process, started when first an option is drawn: that costs 0.2 s, a chart some 15 ms.

    What takes longer than `seconds` is stopped; that, too, is known when the next form of the report asks for it.
    """

    def __init__(self, *, seconds: int = 20) -> None:
        self._seconds = seconds
        self._context: Any = None
        self._kept: dict[tuple[str, int, int], str | CannotBeDrawn] = {}

    def svg(self, chart: Chart, *, width: int, font: str) -> str:
        """Raises `CannotBeDrawn` when ECharts cannot draw the option."""
        option = chart.option | {"textStyle": chart.option.get("textStyle", {}) | {"fontFamily": font}}
        key = msgspec.json.encode(option).decode(), width, chart.height
        if key not in self._kept:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[key] = self._drawn(*key)
        found = self._kept[key]
        if isinstance(found, CannotBeDrawn):
            raise found
        return found

    def _drawn(self, option: str, width: int, height: int) -> str | CannotBeDrawn:
        try:
            return _steady(str(self._engine().get("draw")(option, width, height)))
        except quickjs.JSException as error:
            self._context = None
            return CannotBeDrawn(str(error).split("\n")[0][:300])

    def _engine(self) -> Any:
        if self._context is None:
            context = quickjs.Context()
            context.set_memory_limit(_MEMORY_BYTES)
            for script in (_SHIM, _ECHARTS.read_text("utf-8"), _DRAW):
                context.eval(script)
            context.set_time_limit(self._seconds)
            self._context = context
        return self._context


def on_page(svg: str, *, font: str, page_font: str) -> str:
    """A drawing with the page's own colours where it has ours, so that it is right on dark ground as well."""
    colored = _OWN_COLORS.sub(lambda found: f"var(--c-{_NAMES[found.group()]})", svg)
    return colored.replace(font, page_font)


def _steady(svg: str) -> str:
    """ECharts numbers its charts through the life of the process; the same chart must be the same bytes."""
    names: dict[str, str] = {}
    text = _NOISE.sub("", _STYLE.sub("", svg))
    return _ID.sub(lambda found: names.setdefault(found.group(), f"c{len(names)}"), text)
