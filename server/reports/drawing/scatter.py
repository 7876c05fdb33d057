"""Points over two scales."""

from __future__ import annotations

from server.reports.charts.chart import Chart
from server.reports.drawing.canvas import LETTERS, Canvas, Look, wide
from server.reports.drawing.head import legend, point_key, title
from server.reports.drawing.lettering import cut
from server.reports.drawing.plot import target_text
from server.reports.drawing.scale import value_scale
from server.reports.drawing.targets import around, draw_targets
from server.reports.formats import Formats, ValueFormat

_PLAIN = ValueFormat(kind="integer")
_MANY = 400  # points that are drawn smaller


def draw(canvas: Canvas, chart: Chart, formats: Formats) -> None:
    looks = [Look(number, color=one.color, is_rest=one.is_rest) for number, one in enumerate(chart.series)]
    top = title(canvas, chart.title)
    if len(chart.series) > 1:
        names = [one.name for one in chart.series]
        top = legend(canvas, top, [(name, look, point_key) for name, look in zip(names, looks, strict=True)])
    if chart.y_title:
        canvas.text((0, top + 10), cut(chart.y_title, canvas.width, LETTERS))
        top += 18
    points = [
        (one, look, [(x, y) for x, y in zip(one.xs, one.values, strict=True) if y is not None])
        for one, look in zip(chart.series, looks, strict=True)
    ]
    bottom = canvas.height - 36
    rough = max(2, min(6, round((bottom - top) / 44) + 1))
    ys = [y for _one, _look, pairs in points for _x, y in pairs] + [target.value for target in chart.targets]
    down = value_scale(ys, bottom, top + 6, marks=rough, from_zero=False)
    written = down.written(formats, chart.format)
    left = max(map(wide, written)) + 8
    across = value_scale(
        [x for _one, _look, pairs in points for x, _y in pairs], left, canvas.width,
        marks=max(2, min(8, round((canvas.width - 16 - left) / 80))), from_zero=False,
    )  # fmt: skip
    along = across.written(formats, chart.x_format if chart.x_format.kind else _PLAIN)
    right = canvas.width - max(16, wide(along[-1]) / 2 + 2)  # the last mark stands whole below the end
    across = across.between(left, right)
    for mark, text in zip(down.marks, written, strict=True):
        canvas.line((left, down.at(mark)), (right, down.at(mark)), "line")
        canvas.text((left - 6, down.at(mark) + 4), text, anchor="end")
    for mark, text in zip(across.marks, along, strict=True):
        canvas.line((across.at(mark), bottom), (across.at(mark), bottom + 4), "axis")
        canvas.text((across.at(mark), bottom + 16), text, anchor="middle")
    canvas.line((left, bottom), (right, bottom), "axis")
    size = 3.4 if sum(len(pairs) for _one, _look, pairs in points) < _MANY else 2.0
    for _one, look, pairs in points:
        canvas.group('fill-opacity="0.75"')
        for x, y in pairs:
            canvas.marker((across.at(x), down.at(y)), look, size=size)
        canvas.end()
    told = [(down.at(target.value), target_text(target, chart.format, formats)) for target in chart.targets]
    dots = [around((across.at(x), down.at(y)), size) for _one, _look, pairs in points for x, y in pairs] if told else []
    draw_targets(canvas, told, (left, top, right, bottom), dots)
    canvas.text(((left + right) / 2, canvas.height - 4), cut(chart.x_title, right - left, LETTERS), anchor="middle")
    placed = {n: (across.at(x), down.at(y)) for one, _look, _pairs in points
              for n, (x, y) in enumerate(zip(one.xs, one.values, strict=True)) if y is not None}  # fmt: skip
    at_ = (f"{placed[n][0]:.0f},{placed[n][1]:.0f}" if n in placed else "" for n in range(len(chart.labels)))
    canvas.fact("points", " ".join(part or "-" for part in at_))
