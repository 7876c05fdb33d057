"""The words of a drawing that its SVG cannot set right: Typst sets them, in the face and direction of their script.

What reads SVG for Typst knows no languages (all Chinese would have one region's shapes), and not every script. Latin,
Greek and Cyrillic it knows, and is faster with them.
"""

from __future__ import annotations

import math
import re
from html import unescape
from typing import Any

_TEXT = re.compile(r"<text( [^<>]*)?>([^<>]*)</text>")
_PLAIN = re.compile("[ -\u0233\u0300-\u052f\u1e00-\u1fff\u2010-\u2027\u2030-\u205e\u20a0-\u20bf]*\\Z")
_ATTRIBUTE = re.compile(r'([\w:-]+)="([^"]*)"')
_WIDTH = re.compile(r'<svg [^<>]*?\bwidth="([\d.]+)"')
_TRANSFORM = re.compile(r"(translate|matrix|rotate)\(([^()]*)\)\Z")
_SIZE = re.compile(r"([\d.]+)px")
_HEX = re.compile(r"#(?:[0-9a-fA-F]{3,4}){1,2}\Z")
_RGB = re.compile(r"rgba?\(\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*(?:,\s*([\d.]+)\s*)?\)\Z")
_BOLD = frozenset({"bold", "bolder", "600", "700", "800", "900"})
_ANCHORS = {"start": 0.0, "middle": 0.5, "end": 1.0}
_INK = "#000000"


def lettered(svg: str) -> dict[str, Any]:
    """The drawing without such words as `svg`, its `width` in pixels, and the words as `letters`.

    Those whose place or colour is not understood stay in the drawing.
    """
    found = _WIDTH.match(svg)
    if found is None or "transform" in "".join(re.findall(r"<g [^<>]*>", svg)):
        return {"svg": svg, "width": 1.0, "letters": []}
    letters: list[dict[str, Any]] = []

    def taken(text: re.Match[str]) -> str:
        words = unescape(text[2])
        if _PLAIN.match(words) or (letter := _letter(dict(_ATTRIBUTE.findall(text[1] or "")), words)) is None:
            return text[0]
        letters.append(letter)
        return ""

    return {"svg": _TEXT.sub(taken, svg), "width": float(found[1]), "letters": letters}


def _letter(attributes: dict[str, str], text: str) -> dict[str, Any] | None:
    style = attributes.get("style", "")
    declared = dict(part.split(":", 1) for part in style.split(";") if ":" in part)
    size = _SIZE.search(style) or re.match(r"([\d.]+)\Z", attributes.get("font-size", ""))
    color = _color(attributes.get("fill", _INK))
    try:
        x, y = float(attributes.get("x", 0)), float(attributes.get("y", 0))
        placed = _placed(attributes.get("transform", ""), x, y)
    except ValueError:
        return None
    if size is None or color is None or placed is None:
        return None
    weight = declared.get("font-weight", attributes.get("font-weight", ""))
    return {
        "x": placed[0],
        "y": placed[1],
        "turn": placed[2],
        "text": text,
        "size": float(size[1]),
        "fill": color,
        "bold": weight.strip() in _BOLD or " bold " in declared.get("font", ""),
        "share": _ANCHORS.get(attributes.get("text-anchor", ""), 0.0),
        "central": attributes.get("dominant-baseline") == "central",
    }


def _placed(transform: str, x: float, y: float) -> tuple[float, float, float] | None:
    """Where it is on the drawing, and how far it is turned in degrees; None for what does more than turn and move."""
    if not transform:
        return x, y, 0.0
    found = _TRANSFORM.match(transform)
    if found is None:
        return None
    numbers = [float(number) for number in re.split(r"[\s,]+", found[2].strip())]
    match found[1], numbers:
        case "translate", [right, down]:
            return x + right, y + down, 0.0
        case "rotate", [degrees, about_x, about_y] if (about_x, about_y) == (x, y):
            return x, y, degrees
        case "matrix", [a, b, c, d, e, f] if math.isclose(a * a + b * b, 1, abs_tol=0.01):
            return a * x + c * y + e, b * x + d * y + f, math.degrees(math.atan2(b, a))
    return None


def _color(value: str) -> str | None:
    """As `#rrggbb` or `#rrggbbaa`."""
    if _HEX.match(value):
        return value
    found = _RGB.match(value)
    if found is None:
        return None
    opacity = round(255 * min(float(found[4]), 1)) if found[4] else 255
    parts = [min(int(found[place]), 255) for place in (1, 2, 3)]
    return "#" + bytes([*parts, opacity]).hex()
