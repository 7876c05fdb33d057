"""What marks are put on: writes SVG, every text escaped, every colour by its name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Literal

from server.reports.drawing import lettering
from server.reports.drawing.paints import LIGHT, PLAIN, SERIES

Anchor = Literal["start", "middle", "end"]
Point = tuple[float, float]
LETTERS = 11.0  # size of what is written along axes
_OPEN = "1 5"  # round dots: no series has them
_DASHES = ("", "7 3", "2 3", "9 3 2 3")
# Of one tile, a different one for each of the series that are hatched.
_HATCHES = (
    "M0,6L6,0M-1,1L1,-1M5,7L7,5", "M0,0L6,6M-1,5L1,7M5,-1L7,1", "M0,3H6", "M3,0V6", "M0,3H6M3,0V6",
)  # fmt: skip


class Look:
    """How one series or slice is told from the others: by colour, beyond the first few by hatching or dashes too."""

    __slots__ = ("paint", "place")

    def __init__(self, place: int, *, color: str = "", is_rest: bool = False) -> None:
        self.place = place
        self.paint = color or ("rest" if is_rest else f"s{place % len(SERIES)}")

    @property
    def variant(self) -> int:
        """0: the colour alone is enough."""
        return 0 if self.paint == "rest" else self.place // PLAIN % len(_DASHES)


class Canvas:
    """`on_page`: colours are variables of a page's style, otherwise those of paper. `prefix` makes its ids its own."""

    def __init__(
        self, width: float, height: float, *, on_page: bool = False, font: str = "", prefix: str = "c"
    ) -> None:
        self.width = width
        self.height = height
        self._on_page = on_page
        self._font = font
        self._prefix = prefix
        self._parts: list[str] = []
        self._hatched: dict[str, str] = {}
        self._facts: dict[str, str] = {}

    def color(self, name: str) -> str:
        """Of a colour's name; what an author wrote as `#rrggbb` stays as it is."""
        if name.startswith("#"):
            return name
        return f"var(--c-{name})" if self._on_page else LIGHT[name]

    def fill(self, look: Look) -> str:
        """For areas: plain, or hatched."""
        if not look.variant:
            return self.color(look.paint)
        key = f"{look.paint}-{look.place}".lstrip("#")
        if key not in self._hatched:
            lines = _HATCHES[look.place % PLAIN]
            self._hatched[key] = (
                f'<pattern id="{self._prefix}-{key}" width="6" height="6" patternUnits="userSpaceOnUse">'
                f'<rect width="6" height="6" fill="{self.color(look.paint)}"/>'
                f'<path d="{lines}" stroke="{self.color("ground")}" stroke-width="1.6"/></pattern>'
            )
        return f"url(#{self._prefix}-{key})"

    def fact(self, name: str, value: str) -> None:
        """For the script of a page: an attribute of the drawing. Paper needs none."""
        if self._on_page:
            self._facts[name] = value

    # -- marks

    def text(
        self,
        at: Point,
        text: str,
        *,
        size: float = LETTERS,
        paint: str = "muted",
        anchor: Anchor = "start",
        bold: bool = False,
        turn: float = 0,
    ) -> None:
        """`at` is where its base line begins, or as `anchor` says; turned around that point."""
        more = f' text-anchor="{anchor}"' if anchor != "start" else ""
        more += ' font-weight="bold"' if bold else ""
        more += f' transform="rotate({_n(turn)} {_n(at[0])} {_n(at[1])})"' if turn else ""
        self._parts.append(
            f'<text x="{_n(at[0])}" y="{_n(at[1])}" font-size="{_n(size)}" fill="{self.color(paint)}"{more}>'
            f"{escape(_visible(text))}</text>"
        )

    def line(self, start: Point, end: Point, paint: str, *, thick: float = 1, dash: str = "") -> None:
        more = f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(
            f'<path d="M{_n(start[0])} {_n(start[1])}L{_n(end[0])} {_n(end[1])}" stroke="{self.color(paint)}" '
            f'stroke-width="{_n(thick)}"{more}/>'
        )

    def polyline(self, points: Sequence[Point], paint: str) -> None:
        """A thin line through points."""
        self._parts.append(f'<path d="{_path(points)}" fill="none" stroke="{self.color(paint)}"/>')

    def curve(self, points: Sequence[Point], look: Look, *, thick: float = 2.2, is_open: bool = False) -> None:
        """A line through points; `is_open`: to one that is not certain yet."""
        dash = _OPEN if is_open else _DASHES[look.variant]
        more = f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(
            f'<path d="{_path(points)}" fill="none" stroke="{self.color(look.paint)}" stroke-width="{_n(thick)}" '
            f'stroke-linejoin="round" stroke-linecap="round"{more}/>'
        )

    def area(self, points: Sequence[Point], look: Look, *, opacity: float) -> None:
        self._parts.append(f'<path d="{_path(points)}Z" fill="{self.fill(look)}" fill-opacity="{_n(opacity)}"/>')

    def shape(self, path: str, fill: str, *, edge: str = "") -> None:
        """A closed path; `fill` is what `fill` or `color` gave."""
        more = f' stroke="{self.color(edge)}" stroke-width="1.5"' if edge else ""
        self._parts.append(f'<path d="{path}" fill="{fill}"{more}/>')

    def open_shape(self, path: str, look: Look) -> None:
        """A closed path of what is not certain yet: pale, with a dashed edge."""
        self._parts.append(
            f'<path d="{path}" fill="{self.fill(look)}" fill-opacity="0.25" stroke="{self.color(look.paint)}" '
            f'stroke-width="1.2" stroke-dasharray="3 2"/>'
        )

    def open_marker(self, at: Point, look: Look, *, size: float) -> None:
        """A hollow point: what is not certain yet."""
        self._parts.append(
            f'<circle cx="{_n(at[0])}" cy="{_n(at[1])}" r="{_n(size)}" fill="{self.color("ground")}" '
            f'stroke="{self.color(look.paint)}" stroke-width="1.6"/>'
        )

    def rect(self, x: float, y: float, width: float, height: float, fill: str, *, round_: float = 0) -> None:
        more = f' rx="{_n(round_)}"' if round_ else ""
        size = f'width="{_n(max(width, 0))}" height="{_n(max(height, 0))}"'
        self._parts.append(f'<rect x="{_n(x)}" y="{_n(y)}" {size} fill="{fill}"{more}/>')

    def marker(self, at: Point, look: Look, *, size: float = 3.2) -> None:
        """A point; each of the first series has a shape of its own."""
        x, y = at
        wide = size * 1.15
        match look.place % PLAIN:
            case 1:
                self.rect(x - size, y - size, 2 * size, 2 * size, self.color(look.paint))
            case 2:
                self.shape(
                    f"{_path([(x, y - wide), (x + wide, y + size), (x - wide, y + size)])}Z", self.color(look.paint)
                )
            case 3:
                wide = size * 1.4
                self.shape(
                    f"{_path([(x, y - wide), (x + wide, y), (x, y + wide), (x - wide, y)])}Z", self.color(look.paint)
                )
            case 4:
                self.shape(
                    f"{_path([(x, y + wide), (x + wide, y - size), (x - wide, y - size)])}Z", self.color(look.paint)
                )
            case _:
                self._parts.append(
                    f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(size)}" fill="{self.color(look.paint)}"/>'
                )

    def group(self, attributes: str = "") -> None:
        """What follows is in a group, until `end`."""
        self._parts.append(f"<g {attributes}>" if attributes else "<g>")

    def end(self) -> None:
        self._parts.append("</g>")

    def svg(self) -> str:
        """The whole drawing, its size also as the shape that it keeps when it is scaled."""
        size = f"{_n(self.width)} {_n(self.height)}"
        facts = "".join(f' data-{name}="{escape(value)}"' for name, value in self._facts.items())
        hatched = f"<defs>{''.join(self._hatched.values())}</defs>" if self._hatched else ""
        font = f' font-family="{escape(self._font)}"' if self._font else ""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_n(self.width)}" height="{_n(self.height)}" '
            f'viewBox="0 0 {size}"{font}{facts}>{hatched}{"".join(self._parts)}</svg>'
        )


def wide(text: str, size: float = LETTERS) -> float:
    return lettering.width(text, size)


def _visible(text: str) -> str:
    """Without what XML cannot hold, and without line breaks."""
    return "".join(letter if letter >= " " and letter not in "￾￿" else " " for letter in text)


def _path(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points)


def _n(value: float) -> str:
    """Short, and the same on every machine. Raises `ValueError` for what has no place."""
    if not math.isfinite(value):
        raise ValueError(value)
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text
