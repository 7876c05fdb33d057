"""How much room texts take in cells: nothing measures them there before a person looks."""

from __future__ import annotations

import math
from collections.abc import Iterator

_FIGURE, _LETTER = 7.0, 6.4  # pixels of a figure, and of letters as they come, in the usual font of 11 points
_MOST_LINES = 24  # of one row, which Excel lets be 409 points high
_SQUARE = 0.14  # of a letter
_SPARE = 1.06  # words do not fill their lines


def letters(text: str) -> int:
    """How wide it is: Chinese characters are two letters."""
    if text.isascii():
        return len(text)
    return sum(2 if ord(character) > 0x2E7F else 1 for character in text)


def column_pixels(count: float) -> int:
    """Of a column for so many letters."""
    return int(count * _FIGURE) + 5


def line_pixels(size: float) -> int:
    """Of a line of letters of so many points."""
    return math.ceil(size * 20 / 11)


def line_count(text: str, width: float, *, size: float = 11, bold: bool = False) -> int:
    """How many lines it has in so many pixels."""
    each = _LETTER * size / 11 * (1.08 if bold else 1.0) * _SPARE
    return sum(max(1, math.ceil(_letters_in_line(line) * each / width)) for line in text.split("\n"))


def _letters_in_line(line: str) -> float:
    """Two Latin letters are narrower, as they come, than the square of a Chinese character."""
    count = letters(line)
    return count + (count - len(line)) * _SQUARE


def row_parts(text: str, width: float, *, size: float = 11) -> Iterator[str]:
    """Pieces that each fit into one row, cut between words where there are some."""
    while line_count(text, width, size=size) > _MOST_LINES:
        low, high = 1, len(text)
        while low < high:  # the most that fit
            middle = (low + high + 1) // 2
            if line_count(text[:middle], width, size=size) <= _MOST_LINES:
                low = middle
            else:
                high = middle - 1
        end = max(text.rfind(" ", low // 2, low), text.rfind("\n", low // 2, low)) + 1 or low
        yield text[:end].rstrip()
        text = text[end:]
    yield text
