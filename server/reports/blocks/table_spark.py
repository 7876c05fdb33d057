"""Small charts in cells: a list of numbers (`list(revenue order by month)`) as a line or as bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from server.errors import InvalidInput
from server.reports.formats import Formats, ValueFormat
from server.reports.no_room import NoRoom
from server.reports.sums import is_figure
from server.reports.words import Words

WIDTH, HEIGHT = 96, 22
_EDGE = 2.5
_MOST = 400


class Spark(msgspec.Struct, frozen=True, kw_only=True):
    """`told` is for those who do not see it, and for whatever has room for a text alone. None is a gap."""

    kind: str
    values: list[float | None]
    told: str

    def svg(self, *, line: str, accent: str, below: str) -> str:
        """`line`, `accent` (the last value) and `below` (bars under zero) are colors."""
        marks = self._bars(line, accent, below) if self.kind == "bar" else self._line(line, accent)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{WIDTH}" height="{HEIGHT}">{marks}</svg>'
        )

    def _line(self, color: str, accent: str) -> str:
        present = [value for value in self.values if value is not None]
        low, high = min(present), max(present)
        places = [
            None if value is None else (self._x(index), _y(value, low, high)) for index, value in enumerate(self.values)
        ]
        path = ""
        before = None
        for place in places:
            if place is not None:
                path += f"{'L' if before else 'M'}{place[0]:.1f},{place[1]:.1f}"
                if before is None:
                    path += "h.01"  # a value between two gaps is a point
            before = place
        x, y = next(place for place in reversed(places) if place is not None)
        return (
            f'<path d="{path}" fill="none" stroke="{color}" stroke-width="1.6" stroke-linecap="round" '
            f'stroke-linejoin="round"/><circle cx="{x:.1f}" cy="{y:.1f}" r="2.2" fill="{accent}"/>'
        )

    def _bars(self, color: str, accent: str, below: str) -> str:
        present = [value for value in self.values if value is not None]
        low, high = min(0.0, *present), max(0.0, *present)
        wide = (WIDTH - 2 * _EDGE) / len(self.values)
        ground = _y(0.0, low, high)
        marks = []
        for index, value in enumerate(self.values):
            if value is None:
                continue
            top = _y(value, low, high)
            fill = below if value < 0 else accent if index == len(self.values) - 1 else color
            marks.append(
                f'<rect x="{_EDGE + index * wide:.1f}" y="{min(top, ground):.1f}" width="{max(wide * 0.76, 0.4):.1f}" '
                f'height="{max(abs(top - ground), 0.6):.1f}" fill="{fill}"/>'
            )
        return "".join(marks)

    def _x(self, index: int) -> float:
        steps = len(self.values) - 1
        return _EDGE + (WIDTH - 2 * _EDGE) * (index / steps if steps else 0.5)


def spark_of(value: Any, kind: str, format: ValueFormat, formats: Formats, words: Words) -> Spark | None:  # noqa: A002
    """None for no numbers. Raises `InvalidInput` for what is no list, `NoRoom` for one that is too long."""
    if value is None:
        return None
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise InvalidInput(
            "“spark” draws a list of numbers, such as list(revenue order by month); “{value}” is none.",
            code="no_list",
            value=str(value)[:60],
        )
    if len(value) > _MOST:
        raise NoRoom("too_many_in_spark", count=len(value), limit=_MOST)
    values = [float(each) if is_figure(each) else None for each in value]
    present = [each for each in values if each is not None]
    if not present:
        return None
    written = format if format.is_numeric else None
    figures = {"low": min(present), "high": max(present), "last": present[-1]}
    texts = {name: formats.text(figure, written) for name, figure in figures.items()}
    return Spark(kind=kind, values=values, told=words.told_spark.format(count=len(present), **texts))


def _y(value: float, low: float, high: float) -> float:
    share = (value - low) / (high - low) if high > low else 0.5
    return HEIGHT - _EDGE - share * (HEIGHT - 2 * _EDGE)
