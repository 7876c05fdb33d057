"""Lines across a chart, and what they are called, which hides as little as can be of what is drawn."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from server.reports.drawing.canvas import LETTERS, Canvas, Point, wide
from server.reports.drawing.lettering import cut

Box = tuple[float, float, float, float]
"""Left, top, right and bottom."""

_PLACES = 25  # from right to left
_FAR = 20.0  # from a line, beyond which its name reaches nothing
_STEP, _AROUND = 5.0, 2.0  # along a curve


def draw_targets(canvas: Canvas, targets: Sequence[tuple[float, str]], field: Box, drawn: Sequence[Box]) -> list[Box]:
    """`targets` are heights and texts, `drawn` is what these should not hide. Returns where the texts stand."""
    left, _top, right, _bottom = field
    taken: list[Box] = []
    for at, _text in targets:
        canvas.line((left, at), (right, at), "target", thick=1.4, dash="6 3")
    for at, whole in targets:
        text = cut(whole, (right - left) / 2, LETTERS)
        near = [each for each in drawn if each[1] < at + _FAR and each[3] > at - _FAR]
        box = min(_places(at, wide(text), field), key=lambda one: (_hits(one, taken), _hits(one, near)))
        write_target(canvas, box, text)
        taken.append(box)
    return taken


def write_target(canvas: Canvas, box: Box, text: str) -> None:
    """Above all lines."""
    canvas.rect(box[0] - 2, box[1], box[2] - box[0] + 4, box[3] - box[1] + 2, canvas.color("ground"))
    canvas.text(((box[0] + box[2]) / 2, box[3] - 1), text, paint="target", anchor="middle")


def text_box(middle: float, base: float, width: float) -> Box:
    return middle - width / 2, base - 10, middle + width / 2, base + 1


def meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def along_curve(points: Sequence[Point]) -> Iterator[Box]:
    """What a line through these covers, in small pieces."""
    for (x, y), (to_x, to_y) in pairwise(points):
        count = max(1, math.ceil(math.hypot(to_x - x, to_y - y) / _STEP))
        for number in range(count + 1):
            yield around((x + (to_x - x) * number / count, y + (to_y - y) * number / count))


def around(point: Point, size: float = _AROUND) -> Box:
    return point[0] - size, point[1] - size, point[0] + size, point[1] + size


def _places(at: float, width: float, field: Box) -> list[Box]:
    """Above its line and below it, at the right end first."""
    left, _top, right, bottom = field
    bases = [base for base in (at - 4, at + LETTERS + 2) if base > LETTERS and base + 1 <= bottom] or [at - 4]
    step = max(right - left - width, 0) / (_PLACES - 1)
    return [text_box(right - width / 2 - number * step, base, width) for number in range(_PLACES) for base in bases]


def _hits(box: Box, others: Sequence[Box]) -> int:
    left, top, right, bottom = box
    return sum(meet((left - _AROUND, top, right + _AROUND, bottom + 1), each) for each in others)
