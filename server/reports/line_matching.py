"""Which parts of two sequences are the same, found in about linear time whatever they hold."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import TypeVar

Item = TypeVar("Item", bound=str)

_DEPTH = 24  # of matching between lines that are matched already
_GAP_CELLS = 10_000  # two gaps of a hundred lines: what is larger has nothing in common that is worth the time
_ALL_CELLS = 500_000


def matched(before: Sequence[Item], after: Sequence[Item]) -> list[tuple[int, int]]:
    """Places of the same items in both, in order.

    Items that are in either only once hold the rest in place (“patience”): braces and blank lines match nothing far
    away. Only between them each item is compared with each, and not without end.
    """
    found: list[tuple[int, int]] = []
    cells = _ALL_CELLS
    gaps = [(0, len(before), 0, len(after), 0)]
    while gaps:
        low, high, other_low, other_high, depth = gaps.pop()
        while low < high and other_low < other_high and before[low] == after[other_low]:
            found.append((low, other_low))
            low, other_low = low + 1, other_low + 1
        while low < high and other_low < other_high and before[high - 1] == after[other_high - 1]:
            high, other_high = high - 1, other_high - 1
            found.append((high, other_high))
        if low == high or other_low == other_high or depth == _DEPTH:
            continue
        anchors = _anchors(before[low:high], after[other_low:other_high])
        if anchors:
            place, other_place = low, other_low
            for anchor, other_anchor in anchors:
                found.append((low + anchor, other_low + other_anchor))
                gaps.append((place, low + anchor, other_place, other_low + other_anchor, depth + 1))
                place, other_place = low + anchor + 1, other_low + other_anchor + 1
            gaps.append((place, high, other_place, other_high, depth + 1))
            continue
        size = (high - low) * (other_high - other_low)
        if size > min(_GAP_CELLS, cells):
            continue
        cells -= size
        matcher = SequenceMatcher(None, before[low:high], after[other_low:other_high], autojunk=False)
        for block in matcher.get_matching_blocks():
            found.extend((low + block.a + step, other_low + block.b + step) for step in range(block.size))
    return sorted(found)


def _anchors(before: Sequence[Item], after: Sequence[Item]) -> list[tuple[int, int]]:
    """The longest rising chain of items that each side has once."""
    counts, other_counts = Counter(before), Counter(after)
    places = {item: place for place, item in enumerate(after) if other_counts[item] == 1}
    pairs = [(place, places[item]) for place, item in enumerate(before) if counts[item] == 1 and item in places]
    ends: list[int] = []  # the smallest place in `after` that ends a chain of each length
    tops: list[int] = []  # which pair that is
    linked: list[int | None] = []
    for index, (_, other_place) in enumerate(pairs):
        length = bisect_left(ends, other_place)
        linked.append(tops[length - 1] if length else None)
        if length == len(ends):
            ends.append(other_place)
            tops.append(index)
        else:
            ends[length], tops[length] = other_place, index
    chain = []
    step: int | None = tops[-1] if tops else None
    while step is not None:
        chain.append(pairs[step])
        step = linked[step]
    return chain[::-1]
