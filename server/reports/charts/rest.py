"""Of too many series or slices the largest stay; the others are one, named, at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from server.reports.formats import Formats
from server.reports.words import words_of

MOST = 10  # that are told apart


def kept(sizes: Sequence[Any]) -> set[int] | None:
    """The places of those that stay; None where all do."""
    if len(sizes) <= MOST:
        return None
    return set(sorted(range(len(sizes)), key=lambda place: -(sizes[place] or 0))[: MOST - 1])


def rest_name(count: int, formats: Formats) -> str:
    return words_of(formats).other.format(count=formats.text(count))
