"""Names along an axis: all of them, as they fit best: in lines, slanted, upright, and the longest cut."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from server.reports.drawing.canvas import LETTERS, Canvas, wide
from server.reports.drawing.lettering import cut_apart, fitted, wrapped

LEADING = 13.0
LONGEST_TURNED = 0.4  # of a drawing's height
_LEAST_SLOT = 11.0  # for a name that stands upright
_SLANT = 45.0
_LEAST_SLANTED = 16.0
_MOST_LINES = 3
_ENOUGH = 56.0  # room for lines of which the last is cut


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """`lines` of each name; `turn` in degrees; only every `each`th is written. `height` is the room below the axis,
    `overhang` what the first needs left of its slot's middle.
    """

    lines: list[list[str]]
    turn: float
    each: int
    height: float
    overhang: float

    def draw(self, canvas: Canvas, places: Sequence[float], top: float) -> None:
        for number in range(0, len(self.lines), self.each):
            if self.turn:
                x = places[number] + LETTERS / 3
                canvas.text((x, top + 10), self.lines[number][0], anchor="end", turn=-self.turn)
                continue
            for row, line in enumerate(self.lines[number]):
                canvas.text((places[number], top + 14 + row * LEADING), line, anchor="middle")


def arranged(labels: Sequence[str], slot: float, *, longest: float, may_thin: bool = False) -> Names:
    """`slot` is the room of one name along the axis, `longest` what a turned one may take across it.

    `may_thin`: numbers go on by themselves, so that not each is needed.
    """
    each = 1
    if may_thin and labels:
        each = max(1, math.ceil((max(wide(label) for label in labels) + 10) / slot))
    room = slot * each - 4
    flat = [wrapped(label, room, LETTERS, lines=_MOST_LINES) or [] for label in labels]
    if not all(flat) and room > _ENOUGH:
        cut_flat = [fitted(label, room, LETTERS, lines=_MOST_LINES) for label in labels]
        if len({tuple(lines) for lines in cut_flat}) == len(set(labels)):
            flat = cut_flat
    if all(flat):
        rows = max(map(len, flat))
        return Names(
            lines=flat, turn=0, each=each, height=8 + rows * LEADING, overhang=wide(labels[0]) / 2 if labels else 0
        )
    each = max(1, math.ceil(_LEAST_SLOT / slot))
    turn = _SLANT if slot * each >= _LEAST_SLANTED else 90.0
    cut_ = cut_apart(labels, longest, LETTERS)
    most = max(map(wide, cut_))
    radians = math.radians(turn)
    overhang = wide(cut_[0]) * math.cos(radians)
    return Names(
        lines=[[label] for label in cut_],
        turn=turn,
        each=each,
        height=most * math.sin(radians) + 14,
        overhang=overhang,
    )
