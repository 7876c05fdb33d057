"""The table of a file once it is clear where it starts: its header, how wide it is, and which of its rows are short."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from server.datasets.header_finding import Record, has_header
from server.datasets.header_lines import descriptions, have_row_names
from server.datasets.joined_headers import are_units, joined_names, joined_of_three
from server.datasets.notes_above import filled, is_table, trimmed, usual_width
from server.datasets.rule_lines import is_rule_row
from server.datasets.table_start import is_head_of_table, is_ruler, is_sentence, table_start
from server.datasets.told_headers import names_of_logger

_THOUSANDS = re.compile(r"\s*[-+]?\W?\d{1,3}")
_REST = re.compile(r"\d{3}(?:\.\d+)?\s*\W?")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTable:
    """`above` records stand above it, then `header_records` (0 to 3) whose `names` are as wide as the table.

    Of the records below, `short` have fewer cells; `is_cut_short`: cells at the end of rows were left out as the
    file does so throughout. `is_other`: what stands above is a table, too. `first_wide` is the first record with more
    cells than there are names, where the table is as wide as such. `has_units`: the second record names units.
    `described`: so many of the header records say what the names mean.
    """

    above: int
    header_records: int
    names: tuple[str, ...]
    is_other: bool = False
    rows: int = 0
    short: int = 0
    is_cut_short: bool = False
    has_units: bool = False
    described: int = 0
    named: int = 0
    first_wide: int | None = None

    @property
    def width(self) -> int:
        return len(self.names)


def find_table(records: Sequence[Record], *, header: bool | None = None, above: int | None = None) -> FoundTable:
    """`header` and `above` are what is known already."""
    is_other = False
    if above is not None:
        above = next((place for place in range(above, len(records)) if filled(records[place])), above)
    else:
        above = table_start(records)
        is_other = is_table(records[:above])
    below = list(records[above:])
    ruler = 1 if header is not False and len(below) > 2 and is_ruler(below[1]) else 0
    del below[1 : 1 + ruler]
    names, count = _header(below, True if ruler else header)
    rows = _above_lone_cells(below[count:], len(trimmed(names)))
    body = _own_rows([record for record in rows if filled(record) and not is_rule_row(record)], names)
    has_row_names = count == 1 and have_row_names(names, body)
    names = ["", *names] if has_row_names else names
    width = _width(names, body, is_named=count > 0)
    own, named = trimmed(names), len(names) - has_row_names
    starts = above + count + ruler
    is_wider = count > 0 and width > named
    wide = (place for place in range(starts, len(records)) if len(trimmed(records[place])) > named)
    names = [*names, *[""] * (width - len(names))][:width]
    body = [record for record in body if not (len(record) == 1 < len(own) and is_ruler(record))]
    short = sum(len(record) < len(own) for record in body) if count else 0
    return FoundTable(
        above=above,
        header_records=count + ruler,
        names=tuple(names),
        is_other=is_other,
        rows=len(body),
        short=short,
        is_cut_short=short > 0 and _are_cut_short(body, len(own), short),
        has_units=(count == 2 and are_units(below)) or (count == 3 and names_of_logger(below) is not None),
        described=descriptions(below) if count > 1 and list(below[0]) == names[: len(below[0])] else 0,
        named=named,
        first_wide=next(wide, None) if is_wider else None,
    )


def _header(records: Sequence[Record], header: bool | None) -> tuple[list[str], int]:
    """The names, and how many records they take."""
    if header is False or not records:
        return [], 0
    if (told := names_of_logger(records)) is not None:
        return told, 3
    upto = [record for record in records if filled(record)]
    if upto[:3] == list(records[:3]) and (joined := joined_of_three(upto)) is not None:
        return joined, 3
    if upto[:2] == list(records[:2]) and (joined := joined_names(upto)) is not None:
        return joined, 2
    described = descriptions(records)
    if header or described or has_header(records):
        return list(records[0]), 1 + described
    return [], 0


def _width(names: Sequence[str], body: Sequence[Record], *, is_named: bool) -> int:
    """As wide as most rows, and as all names; empty cells at the end of lines do not count."""
    named = len(trimmed(names))
    if is_named and not body:
        return max(1, named)
    widths = Counter(max(len(trimmed(record)), min(len(record), named or len(record))) for record in body)
    if not is_named and not body:
        return 1
    if not is_named:
        # Where nothing is named, a cell that is empty in all rows is no column.
        longest = max(len(trimmed(record)) for record in body)
        usual = usual_width(body)
        return max(1, min(longest, usual))
    usual = max(widths.items(), key=lambda item: (item[1], item[0] == named, item[0]))[0]
    if usual > named and widths[named] and all(_is_torn(record, named) for record in body if len(record) > named):
        return named
    return max(1, named, usual)


def _is_torn(record: Record, width: int) -> bool:
    """Whether the cells it has too many are the rest of `1,234.50` or `Miller, Ann` without quotes."""
    pairs = itertools.pairwise(trimmed(record))
    parts = sum(
        (after.startswith(" ") and not before.startswith(" "))
        or (_THOUSANDS.fullmatch(before) is not None and _REST.fullmatch(after) is not None)
        for before, after in pairs
    )
    return parts == len(trimmed(record)) - width


def _own_rows(body: Sequence[Record], names: Sequence[str]) -> Sequence[Record]:
    """Without the notes at the end, and without another table below."""
    named = len(trimmed(names))
    for place, record in enumerate(body[:-1]):
        if len(record) not in (1, named) and place > 0 and is_head_of_table(body[place : place + 2]):
            body = body[:place]
            break
    body = _above_last_ruler(body, named)
    end = len(body)
    while end > 1 and len(trimmed(body[end - 1])) == 1 < named and is_sentence(body[end - 1][0]):
        end -= 1
    return body[:end]


def _above_lone_cells(records: Sequence[Record], named: int) -> Sequence[Record]:
    """Without what stands below a blank line at the end, a cell in each line: notes, and no rows that are cut short."""
    last = next((place for place in range(len(records) - 1, 0, -1) if filled(records[place])), 0)
    gap = next((place for place in range(last, 0, -1) if not filled(records[place])), 0)
    is_note = named > 1 and gap > 1 and all(len(trimmed(record)) == 1 for record in records[gap + 1 : last + 1])
    return records[:gap] if is_note else records


def _above_last_ruler(body: Sequence[Record], named: int) -> Sequence[Record]:
    """Without the lines below a line that is drawn below the rows, where none of them is as wide as the names."""
    for place in range(len(body) - 1, 0, -1):
        if len(trimmed(body[place])) >= named > 1:
            break
        if filled(body[place]) == 1 and is_ruler(body[place]):
            return body[:place]
    return body


def _are_cut_short(body: Sequence[Record], width: int, short: int) -> bool:
    """No row ends in an empty cell, none is too long, and at least half of them are short."""
    if short * 2 < len(body):
        return False
    return all(len(trimmed(record)) == len(record) <= width for record in body)
