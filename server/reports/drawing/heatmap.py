"""Heat maps: a colour for each value, the value itself where it has room, and a scale that says what colours mean."""

from __future__ import annotations

from server.reports.charts.chart import Chart
from server.reports.drawing.canvas import LETTERS, Canvas, wide
from server.reports.drawing.head import title
from server.reports.drawing.lettering import cut_apart
from server.reports.drawing.names import LONGEST_TURNED, arranged
from server.reports.drawing.paints import HEAT_STEPS
from server.reports.drawing.plot import TALLEST
from server.reports.formats import Formats

_LEAST_ROW = 13.0
_FIGURES = 10.0


def draw(canvas: Canvas, chart: Chart, formats: Formats) -> None:
    top = title(canvas, chart.title)
    rows = chart.series
    known = [value for row in rows for value in row.values if value is not None]
    low, high = min(0, *known), max(known)
    top = _scale(canvas, top, low, high, chart, formats)
    names = min(max(wide(row.name) for row in rows), canvas.width * 0.3)
    left = names + 8
    for _try in range(2):
        slot = (canvas.width - left) / len(chart.labels)
        along = arranged(chart.labels, slot, longest=LONGEST_TURNED * canvas.height, may_thin=chart.numbers_along)
        left = max(left, min(along.overhang - slot / 2, canvas.width * 0.3))
    canvas.height = max(canvas.height, min(TALLEST, top + along.height + len(rows) * _LEAST_ROW))
    bottom = canvas.height - along.height
    tall = (bottom - top) / len(rows)
    gap = 1.5 if min(tall, slot) > 6 else 0.3
    canvas.group('data-marks=""')
    texts = []
    for down, row in enumerate(rows):
        for across, value in enumerate(row.values):
            x, y = left + across * slot, top + down * tall
            if value is None:
                canvas.rect(x, y, 0, 0, "none")
                continue
            step = _step(value, low, high)
            canvas.rect(x, y, slot - gap, tall - gap, canvas.color(f"h{step}"), round_=2 if gap > 1 else 0)
            texts.append((x + (slot - gap) / 2, y + (tall - gap) / 2 + 3.5, _written(value, chart, formats), step))
    canvas.end()
    if tall >= _LEAST_ROW and all(wide(text, _FIGURES) <= slot - 6 for _x, _y, text, _step_ in texts):
        for x, y, text, step in texts:
            canvas.text((x, y), text, size=_FIGURES, paint=f"on-h{step}", anchor="middle")
    each = max(1, round(LETTERS / tall + 0.49))
    beside = cut_apart([row.name for row in rows], names, LETTERS)
    for down in range(0, len(rows), each):
        canvas.text((left - 6, top + (down + 0.5) * tall + 3), beside[down], anchor="end")
    along.draw(canvas, [left + (number + 0.5) * slot for number in range(len(chart.labels))], bottom)


def _written(value: float, chart: Chart, formats: Formats) -> str:
    """With the decimals that were asked for, else in short."""
    is_exact = chart.format.decimals is not None
    return formats.text(value, chart.format) if is_exact else formats.on_axis(value, chart.format)


def _step(value: float, low: float, high: float) -> int:
    if high == low:
        return HEAT_STEPS // 2
    return min(HEAT_STEPS - 1, int((float(value) - low) / (high - low) * HEAT_STEPS))


def _scale(canvas: Canvas, top: float, low: float, high: float, chart: Chart, formats: Formats) -> float:
    """Returns where what is below it begins."""
    first, last = formats.on_axis(low, chart.format), formats.on_axis(high, chart.format)
    x = wide(first) + 6
    canvas.text((0, top + 10), first)
    for step in range(HEAT_STEPS):
        canvas.rect(x + step * 16, top + 1, 16, 10, canvas.color(f"h{step}"))
    canvas.text((x + HEAT_STEPS * 16 + 6, top + 10), last)
    return top + 20
