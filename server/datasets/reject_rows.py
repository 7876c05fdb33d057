"""The list of rejects row by row: each with all its cells and all that is wrong with it, to be corrected."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import msgspec

from server.datasets.reject_lists import Reject


class _Line(msgspec.Struct):
    line: int


_REJECT = msgspec.json.Decoder(Reject)
_LINE = msgspec.json.Decoder(_Line)
Cells = list[str | None]
Taken = dict[str, list[int] | None]  # by import the lines of rejected rows that came back in a file, None for all


class RejectLayout(msgspec.Struct, frozen=True, kw_only=True):
    """What the rows of a list are rows of: the format of the file, the names of all its columns, and, of a text, what
    stands between two cells. `codes`: columns of numbers in which 007 was taken for 7.
    """

    format: str
    names: list[str]
    delimiter: str | None = None
    codes: list[str] = []


class RejectedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row, told by the `line` where it starts. `cells` are one for each column of the file, as they stand there.

    What an overlong row has too many stands in its last cell, with the file's delimiter before it.
    """

    line: int
    cells: Cells
    raw: str | None
    reasons: list[Reject]


class RejectedRows(msgspec.Struct, frozen=True, kw_only=True):
    """`next_offset` is the byte where the next page begins, None at the end."""

    items: list[RejectedRow]
    next_offset: int | None


def named_row(import_id: str, line: int) -> str:
    """As a file of rejects calls a row of the list of an import."""
    return f"{import_id}:{line}"


def read_rows(
    path: Path, layout: RejectLayout, *, offset: int = 0, limit: int = 50, without: Collection[int] = ()
) -> RejectedRows:
    """`without` are lines of rows that are passed over."""
    items: list[RejectedRow] = []
    with path.open("rb") as stream:
        stream.seek(offset)
        for lines in by_row(stream):
            is_passed = bool(without) and _line_of(lines[0]) in without
            if len(items) == limit and not is_passed:
                return RejectedRows(items=items, next_offset=offset)
            if not is_passed:
                items.append(row_of(lines, layout))
            offset += sum(map(len, lines))
    return RejectedRows(items=items, next_offset=None)


def rows_at(path: Path, layout: RejectLayout, lines: Collection[int]) -> dict[int, RejectedRow]:
    """Those of the rows that start in these lines which are in the list still."""
    with path.open("rb") as stream:
        return {
            row.line: row for found in by_row(stream) if _line_of(found[0]) in lines for row in (row_of(found, layout),)
        }


def place_of(path: Path, line: int) -> int:
    """The byte where the rows from this line on begin; 0 where there are none."""
    offset = 0
    with path.open("rb") as stream:
        for found in stream:
            if _line_of(found) >= line:
                return offset
            offset += len(found)
    return 0


def by_row(stream: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The lines of a list, those of one row together."""
    for _, lines in groupby(stream, key=_line_of):
        yield list(lines)


def _line_of(listed: bytes) -> int:
    return _LINE.decode(listed).line


def row_of(lines: Sequence[bytes], layout: RejectLayout) -> RejectedRow:
    reasons = [_REJECT.decode(line) for line in lines]
    cells = next((reason.cells for reason in reasons if reason.cells is not None), [])
    return RejectedRow(line=reasons[0].line, cells=_fitted(cells, layout), raw=reasons[0].raw, reasons=reasons)


def are_same(one: Sequence[str | None], other: Sequence[str | None]) -> bool:
    """Forms do not tell an empty cell from none, and end lines in their own way."""
    return [_plain(cell) for cell in one] == [_plain(cell) for cell in other]


def mark_of(cells: Sequence[str | None]) -> str:
    """The same for cells that are the same: by it a form tells what was changed in it, whatever the list says now."""
    return hashlib.sha256(msgspec.json.encode([_plain(cell) for cell in cells])).hexdigest()[:16]


def _plain(cell: str | None) -> str:
    return (cell or "").replace("\r\n", "\n").replace("\r", "\n")


def _fitted(cells: Cells, layout: RejectLayout) -> Cells:
    width = len(layout.names)
    if len(cells) > width:
        rest = (layout.delimiter or "\t").join(cell or "" for cell in cells[width - 1 :])
        return [*cells[: width - 1], rest]
    return [*cells, *[None] * (width - len(cells))]
