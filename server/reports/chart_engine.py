"""Draws charts as SVG with ECharts in an embedded JavaScript engine: no browser, no network, always the same bytes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import quickjs

from server.errors import InvalidInput
from server.places import STATIC
from server.reports.charts.chart import Chart
from server.reports.formats import Formats, ValueFormat

ECHARTS = STATIC / "vendor" / "echarts-6.0.0" / "echarts.min.js"
CHART_FORMAT = Path(__file__).parent / "assets" / "chart-format.js"
FONT = "Noto Sans CJK TC"
_MEMORY_BYTES = 256 * 1024 * 1024
_SECONDS = 20
# What ECharts looks for in a browser, and this engine has not.
_SHIM = """
var console = {log() {}, warn() {}, error() {}, info() {}};
function setTimeout() { return 0; }
function clearTimeout() {}
"""
_DRAW = """
function draw(text, facts, width, height) {
  const option = jinduCharts.prepare(JSON.parse(text), JSON.parse(facts));
  const chart = echarts.init(null, null, {renderer: "svg", ssr: true, width: width, height: height});
  try {
    chart.setOption(option);
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


class ChartEngine:
    """One engine a worker process: starting it costs 0.2 s, a chart some 15 ms."""

    def __init__(self) -> None:
        self._context: Any = None

    def svg(self, chart: Chart, formats: Formats, *, width: int, font: str = FONT) -> str:
        """Raises `InvalidInput` when ECharts cannot draw the option."""
        option = chart.option | {"textStyle": chart.option.get("textStyle", {}) | {"fontFamily": font}}
        text = msgspec.json.encode(option).decode()
        try:
            drawn = self._engine().get("draw")(text, chart_facts(chart, formats), width, chart.height)
        except quickjs.JSException as error:
            self._context = None
            reason = str(error).split("\n")[0][:300]
            raise InvalidInput(
                "The chart “{title}” cannot be drawn: {reason}", code="chart_failed", title=chart.title, reason=reason
            ) from None
        return _steady(str(drawn))

    def _engine(self) -> Any:
        if self._context is None:
            context = quickjs.Context()
            context.set_memory_limit(_MEMORY_BYTES)
            for script in (_SHIM, ECHARTS.read_text("utf-8"), CHART_FORMAT.read_text("utf-8"), _DRAW):
                context.eval(script)
            context.set_time_limit(_SECONDS)
            self._context = context
        return self._context


def chart_facts(chart: Chart, formats: Formats) -> str:
    """What `chart-format.js` needs, as JSON."""
    facts = {
        "main": formats.facts(chart.format),
        "line": formats.facts(chart.line_format if chart.line_format.kind else chart.format),
        "plain": formats.facts(ValueFormat(kind="integer")),
    }
    return msgspec.json.encode(facts).decode()


def _steady(svg: str) -> str:
    """ECharts numbers its charts through the life of the process; the same chart must be the same bytes."""
    names: dict[str, str] = {}
    text = _NOISE.sub("", _STYLE.sub("", svg))
    return _ID.sub(lambda found: names.setdefault(found.group(), f"c{len(names)}"), text)
