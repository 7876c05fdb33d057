"""How two texts differ, line by line and within lines. Worker side."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from server.reports.line_matching import matched
from server.reports.source_changes import (
    CompareRequest,
    Counts,
    Hunk,
    LinePair,
    Piece,
    SourceChanges,
    SourceLine,
)

_WORDS = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+|\s+|[^\w\s]")
_ALIKE = 0.5  # of the letters: less than that is another line, not a changed one
_KEY = re.compile(r"\s*(?:- )*([\w-]+):(?:\s|$)")
_KEY_WEIGHT = 0.25
_MOST_WORDS = 400
_PAIR_CELLS = 2_500


def count_changes(request: CompareRequest, report: Any = None) -> Counts:
    before, after = _lines(request.before), _lines(request.after)
    same = len(matched(before, after))
    return Counts(added=len(after) - same, removed=len(before) - same)


def compare_sources(request: CompareRequest, report: Any = None) -> SourceChanges:
    before, after = _lines(request.before), _lines(request.after)
    pairs = matched(before, after)
    rows = list(_rows(before, after, pairs))
    hunks = list(_hunks(rows, request.context))
    kept = list(_cut(hunks, request.rows))
    return SourceChanges(
        counts=Counts(added=len(after) - len(pairs), removed=len(before) - len(pairs)),
        hunks=tuple(Hunk(rows=tuple(hunk)) for hunk in kept),
        rows_left=sum(map(len, hunks)) - sum(map(len, kept)),
    )


def _lines(source: str) -> list[str]:
    """With their breaks: a text without the last one differs from one that has it."""
    lines = source.split("\n")
    last = lines.pop()
    return [line + "\n" for line in lines] + ([last] if last else [])


def _rows(before: Sequence[str], after: Sequence[str], pairs: Sequence[tuple[int, int]]) -> Iterator[LinePair]:
    place, other_place = 0, 0
    for pair, other_pair in (*pairs, (len(before), len(after))):
        yield from _changed_rows(before, after, range(place, pair), range(other_place, other_pair))
        if pair < len(before):
            yield LinePair(before=_line(before, pair), after=_line(after, other_pair), kind="same")
        place, other_place = pair + 1, other_pair + 1


def _changed_rows(before: Sequence[str], after: Sequence[str], gone: range, come: range) -> Iterator[LinePair]:
    """Lines that became others beside these; what has no like is removed or added."""
    next_come = come.start
    for place in gone:
        like = _like(before, after, place, gone, range(next_come, come.stop))
        if like is None:
            yield LinePair(before=_line(before, place), after=None, kind="removed")
            continue
        for other in range(next_come, like):
            yield LinePair(before=None, after=_line(after, other), kind="added")
        old, new = _pieces(before[place], after[like])
        yield LinePair(before=_line(before, place, old), after=_line(after, like, new), kind="changed")
        next_come = like + 1
    for other in range(next_come, come.stop):
        yield LinePair(before=None, after=_line(after, other), kind="added")


def _like(before: Sequence[str], after: Sequence[str], place: int, gone: range, come: range) -> int | None:
    if len(gone) * len(come) > _PAIR_CELLS:
        return None
    likeness, other = max(((_likeness(before[place], after[other]), -other) for other in come), default=(0.0, 0))
    return -other if likeness >= _ALIKE else None


def _likeness(before: str, after: str) -> float:
    """How much of both lines is words that the other has, wherever they stand; more for the value of one key."""
    if before.strip() == after.strip():
        return 1.0
    old, new = (Counter(word for word in _words(line) if not word.isspace()) for line in (before, after))
    shared = sum(len(word) * count for word, count in (old & new).items())
    everything = sum(len(word) * count for word, count in (old + new).items())
    key, other_key = (_KEY.match(line) for line in (before, after))
    is_one_key = key is not None and other_key is not None and key[1] == other_key[1]
    return (2 * shared / everything if everything else 0.0) + (_KEY_WEIGHT if is_one_key else 0.0)


def _pieces(before: str, after: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    old, new = _words(before.rstrip("\n")), _words(after.rstrip("\n"))
    pairs = matched(old, new) if max(len(old), len(new)) <= _MOST_WORDS else []
    return _joined(old, {place for place, _ in pairs}), _joined(new, {place for _, place in pairs})


def _joined(words: Sequence[str], same: set[int]) -> tuple[Piece, ...]:
    """Words that differ are one piece with the blank between them."""
    pieces: list[Piece] = []
    for place, word in enumerate(words):
        between = word.isspace() and 0 < place < len(words) - 1 and not {place - 1, place + 1} & same
        changed = place not in same or between
        if pieces and pieces[-1].changed == changed:
            pieces[-1] = Piece(pieces[-1].text + word, changed)
        else:
            pieces.append(Piece(word, changed))
    return tuple(pieces)


def _words(line: str) -> list[str]:
    return _WORDS.findall(line)


def _line(lines: Sequence[str], place: int, pieces: tuple[Piece, ...] | None = None) -> SourceLine:
    text = lines[place]
    shown = pieces if pieces is not None else (Piece(text.removesuffix("\n")),)
    return SourceLine(number=place + 1, pieces=shown, ended=text.endswith("\n"))


def _hunks(rows: Sequence[LinePair], context: int | None) -> Iterator[list[LinePair]]:
    if context is None:
        yield list(rows)
        return
    changes = [place for place, row in enumerate(rows) if row.kind != "same"]
    begin, end = 0, 0
    for place in changes:
        if end and place - context <= end:
            end = min(len(rows), place + context + 1)
            continue
        if end:
            yield list(rows[begin:end])
        begin, end = max(0, place - context), min(len(rows), place + context + 1)
    if end:
        yield list(rows[begin:end])


def _cut(hunks: Sequence[list[LinePair]], most: int) -> Iterator[list[LinePair]]:
    for hunk in hunks:
        if most <= 0:
            return
        yield hunk[:most]
        most -= len(hunk)
