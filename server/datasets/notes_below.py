"""Notes at the end of a table that have cells like its rows: `Prepared by: Ann,,Checked by: Bob`, `Source: us,,`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from server.datasets.chunks import Chunk, Source, without_rows
from server.datasets.header_finding import is_value
from server.datasets.named import BELOW_TABLE, Named
from server.datasets.notes_above import is_labelled
from server.datasets.table_start import is_ruler, starts_like_note
from server.datasets.total_words import is_like_a_total

_MOST_NOTES = 10
_LOOKED_AT = 30  # rows above, which say what the columns hold
_USUAL = 0.8  # of them
# `Prepared by:`, `打印时间：`; neither a time of day nor an address.
_LABEL = re.compile(r"\s*[^\W\d_][\w .()/&'-]{1,30}\s*[:：](?!//)")


@dataclass(slots=True)
class AboveNotes:
    """A source without the notes at its end, which are named. It hands each chunk on when there is another one."""

    source: Source

    @property
    def bytes_read(self) -> int:
        return self.source.bytes_read

    @property
    def records(self) -> int:
        return self.source.records

    def chunks(self) -> Iterator[Chunk]:
        held: list[Chunk] = []  # the last one with rows, and those without that came after
        for chunk in self.source.chunks():
            if chunk.row_count:
                yield from held
                held = []
            held.append(chunk)
        for chunk in held:
            yield _above_notes(chunk)

    def sample(self) -> Chunk:
        return _above_notes(self.source.sample())


def _above_notes(chunk: Chunk) -> Chunk:
    start = _start_of_notes(chunk)
    if start == chunk.row_count:
        return chunk
    rows, named = range(start, chunk.row_count), Named()
    named.update(chunk.named)
    for row in rows:
        named.add(BELOW_TABLE, chunk.line_of(row), chunk.raw_of(row))
    return replace(without_rows(chunk, rows), named=named)


def _start_of_notes(chunk: Chunk) -> int:
    """The first of the rows at the end that look like notes and is one for sure: those below it are notes, too."""
    count = start = chunk.row_count
    while start > max(1, count - _MOST_NOTES) and _looks_like_note(_cells(chunk, start - 1, start)[0]):
        start -= 1
    return next((row for row in range(start, count) if _is_note(chunk, row)), count)


def _looks_like_note(cells: Sequence[str]) -> bool:
    texts = [cell for cell in cells if cell.strip()]
    if len(cells) < 2 or not texts:
        return False
    if is_labelled(cells) and not is_like_a_total(texts[0]):
        return True
    if any(map(is_value, texts)):
        return False
    return all(map(_LABEL.match, texts)) or (bool(cells[0].strip()) and (len(texts) == 1 or _is_torn(texts)))


def _is_note(chunk: Chunk, row: int) -> bool:
    """Of a row that looks like one: whether those above are of another kind."""
    cells = _cells(chunk, row, row + 1)[0]
    texts = [cell for cell in cells if cell.strip()]
    above = _cells(chunk, max(0, row - _LOOKED_AT), row)
    values = {place for place in range(len(cells)) if _holds_values(above, place)}
    odd = {place for place in values if cells[place].strip() and not is_value(cells[place])}
    if all(map(_LABEL.match, texts)) and not any(_LABEL.match(cell) for other in above for cell in other):
        is_short = any(not cells[place].strip() and _is_filled(above, place) for place in range(len(cells)))
        return bool(values) or (is_short and (len(texts) > 1 or _is_below_gap(chunk, row)))
    if is_labelled(cells):
        return 0 in odd
    if len(texts) == 1 and cells[0].strip():
        return _is_below_gap(chunk, row) or is_ruler(texts) or _is_told_apart(texts[0], values, odd)
    return _is_torn(texts) and bool(odd) and not any(cell.startswith(" ") for other in above for cell in other)


def _is_told_apart(text: str, values: Collection[int], odd: Collection[int]) -> bool:
    """Of a text alone in the first cell, right below the rows: a sentence where they have numbers, or a note's word."""
    return bool(values) and (starts_like_note(text) or (0 in odd and " " in text.strip()))


def _is_torn(texts: Sequence[str]) -> bool:
    """A sentence whose commas were taken for delimiters: a blank follows each."""
    return len(texts) > 1 and all(text.startswith(" ") for text in texts[1:])


def _cells(chunk: Chunk, start: int, end: int) -> list[list[str]]:
    columns = [column.slice(start, end - start).to_pylist() for column in chunk.columns]
    return [[cell or "" for cell in row] for row in zip(*columns, strict=True)]


def _holds_values(rows: Sequence[Sequence[str]], place: int) -> bool:
    cells = [row[place] for row in rows if row[place].strip()]
    return bool(cells) and sum(map(is_value, cells)) >= _USUAL * len(cells)


def _is_filled(rows: Sequence[Sequence[str]], place: int) -> bool:
    return all(row[place].strip() for row in rows)


def _is_below_gap(chunk: Chunk, row: int) -> bool:
    """Whether lines that are nothing stand between this row and the one above."""
    before, line = chunk.line_of(row - 1), chunk.line_of(row)
    if line - before - chunk.raw_of(row - 1).count("\n") < 2:
        return False
    return not any(before < reject.line < line for reject in chunk.rejects)
