"""What stands above every chart: its title, and a legend that names every series."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from server.reports.drawing.canvas import LETTERS, Canvas, Look, wide
from server.reports.drawing.lettering import cut_apart, fitted

_TITLE = 14.0
_KEY = 20.0  # of a key and the room behind it
_GAP = 16.0
_LINE = 16.0
_LONGEST = 240.0

Key = Callable[[Canvas, float, float, Look], None]


def title(canvas: Canvas, text: str) -> float:
    """Returns where what is below it begins."""
    if not text:
        return 6.0
    lines = fitted(text, canvas.width - 4, _TITLE, lines=2)
    for number, line in enumerate(lines):
        canvas.text((0, 14 + 18 * number), line, size=_TITLE, paint="ink", bold=True)
    return 18.0 * len(lines) + 8


def legend(canvas: Canvas, top: float, entries: Sequence[tuple[str, Look, Key]]) -> float:
    """In as many lines as it takes. Returns where what is below it begins."""
    x, y = 0.0, top
    names = cut_apart([name for name, _look, _key in entries], min(_LONGEST, canvas.width - _KEY), LETTERS)
    for text, (_name, look, key) in zip(names, entries, strict=True):
        room = _KEY + wide(text)
        if x and x + room > canvas.width:
            x, y = 0.0, y + _LINE
        key(canvas, x, y + 6, look)
        canvas.text((x + _KEY, y + 10), text)
        x += room + _GAP
    return y + _LINE + 6


def area_key(canvas: Canvas, x: float, y: float, look: Look) -> None:
    canvas.rect(x, y - 5, 14, 10, canvas.fill(look), round_=2)


def line_key(canvas: Canvas, x: float, y: float, look: Look) -> None:
    canvas.curve([(x, y), (x + 14, y)], look, thick=2)
    canvas.marker((x + 7, y), look, size=3)


def point_key(canvas: Canvas, x: float, y: float, look: Look) -> None:
    canvas.marker((x + 7, y), look, size=4)
