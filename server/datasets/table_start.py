"""Where the table of a file starts, what stands above it, and what records look like that are none of its rows."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from server.datasets.header_finding import Record, has_header, is_certain_header, is_value
from server.datasets.header_lines import is_wide_note
from server.datasets.notes_above import TITLE_LINES, below_notes, filled, is_comment, usual_width
from server.datasets.rule_lines import BOX_RULES
from server.datasets.tables_below import LOOKED_AT, begins_other_table
from server.datasets.told_headers import begins_as_logger

_NOTE_STARTS = (
    "*", "#", "(", "[", "†", "‡", "©", "source", "note", "quelle", "注", "备注", "说明", "来源", "数据来源", "制表",
)  # fmt: skip
_DRAWN = frozenset(f"-=+:_|*＊{BOX_RULES}")


def table_start(records: Sequence[Record]) -> int:
    """How many records (titles, notes, comments, blank ones) stand above the table."""
    if begins_as_logger(records):
        return 1
    if notes := below_notes(records):
        return notes + table_start(records[notes:])
    width = usual_width(records)
    first = next((place for place, record in enumerate(records) if filled(record)), 0)
    if (main := main_table(records)) is not None:
        return main
    if is_wide_note(records[first:]):
        return first + 1
    if width < 2:
        return _below_comments(records, first, width)
    place = _below_titles(records, first, width)
    if len(records[place]) >= width:
        return place
    wide = next((at for at in range(place, len(records)) if len(records[at]) >= width), place)
    return wide if _begins_anew(records, place, wide) else place


def main_table(records: Sequence[Record]) -> int | None:
    """Where the table with the most cells begins, of those that stand one above the other; None where one is all.

    One that begins below a gap may have as many cells above it in notes, where the gap and its names tell it.
    """
    starts: list[int] = []
    for place, record in enumerate(records):
        if filled(record) > 1 and _is_start(records, place, starts):
            starts.append(place)
    if len(starts) == 1 and starts[0] and _is_wider_below(records, starts[0]):
        return starts[0]
    if len(starts) < 2:
        return None
    ends = [*starts[1:], len(records)]
    sizes = [sum(map(filled, records[start:end])) for start, end in zip(starts, ends, strict=True)]
    return starts[sizes.index(max(sizes))]


def _is_wider_below(records: Sequence[Record], place: int) -> bool:
    """Whether a table below a gap has more cells, and in each row more than any line above it."""
    above, below = records[:place], records[place:]
    if filled(above[-1]) or filled(below[0]) <= max(map(filled, above)):
        return False
    return len(below) > 1 and is_certain_header(below) and sum(map(filled, below)) > sum(map(filled, above))


def _is_start(records: Sequence[Record], place: int, starts: Sequence[int]) -> bool:
    """Whether names begin a table here: at the top, below a blank line, or where the number of cells changes."""
    before, record = records[place - 1] if place else [], records[place]
    is_after_gap = not filled(before)
    if not is_after_gap and len(before) == len(record):
        return False
    if any(list(records[start]) == list(record) for start in starts):  # its own header, once more
        return False
    block = list(itertools.takewhile(lambda other: filled(other) and len(other) == len(record), records[place:]))
    if is_after_gap and is_certain_header(block):
        return True
    if (
        is_after_gap
        and starts
        and begins_other_table(_rows_above(records, place), record, block[1] if block[1:] else None)
    ):
        return True
    if any(len(other) == len(record) and filled(other) > 1 for other in records[:place]):
        return False  # rows below a gap
    return len(block) > 2 and (is_head_of_table(block) or (is_after_gap and has_header(block)))


def _rows_above(records: Sequence[Record], place: int) -> list[Record]:
    """Those right above a gap."""
    above = itertools.dropwhile(lambda record: not filled(record), reversed(records[:place]))
    return list(itertools.islice(itertools.takewhile(filled, above), LOOKED_AT))[:-1]


def _below_titles(records: Sequence[Record], first: int, width: int) -> int:
    """The first record that is no title: one cell, which may have delimiters up to the width of the table below."""
    for place in range(first, min(len(records), first + TITLE_LINES)):
        record = records[place]
        if not filled(record):
            continue
        below = [record for record in records[place + 1 :] if filled(record)]
        is_above_gap = place + 1 < len(records) and not filled(records[place + 1])
        if is_comment(record):
            if not _is_title(record, below, width) and not _is_comment_above(record, below, width):
                return place
        elif not _is_sentence_above(record, below) and not _is_title(record, below, width, is_above_gap=is_above_gap):
            return place
    return first


def _is_sentence_above(record: Record, below: Sequence[Record]) -> bool:
    """`Sales of 2026, all regions` above names, or above more such lines: none of the names has a blank before it."""
    if not _is_torn_sentence(record):
        return False
    below = list(itertools.dropwhile(_is_torn_sentence, below))
    return is_certain_header(below) and not any(cell.startswith(" ") for cell in below[0])


def _is_torn_sentence(record: Record) -> bool:
    """Whether a blank follows each mark between the cells, and others stand within them."""
    if filled(record) < 2 or not all(cell.startswith(" ") for cell in record[1:]):
        return False
    return any(" " in cell.strip() for cell in record) and not any(map(is_value, record))


def _is_title(record: Record, below: Sequence[Record], width: int, *, is_above_gap: bool = False) -> bool:
    """Whether a record of one filled cell is no header: a name alone stands right above rows of values."""
    if filled(record) != 1 or not below:
        return False
    if not record[0].strip() and not is_above_gap:  # a group over other columns
        return False
    rest = [other for other in below if filled(other) > 1]
    if not rest:
        return False
    full = next((place for place, other in enumerate(below) if len(other) >= width and filled(other) > 1), None)
    if full is not None and not has_header(below[full:]):
        return " " in record[0].strip()
    if len(record) == width and width == 2:
        return not is_value(record[0]) and (is_certain_header(rest) or " " in record[0].strip())
    return True


def _is_comment_above(record: Record, below: Sequence[Record], width: int) -> bool:
    rest = [other for other in below if not is_comment(other)]
    if not rest:
        return False
    if _is_spaced_comment(record) and is_comment(below[0]) and not _is_spaced_comment(below[0]):
        return len(below[0]) == width and is_certain_header([below[0], *rest])  # `#id,name`
    return len(record) != width or is_certain_header(rest) or (_is_spaced_comment(record) and has_header(rest))


def _is_spaced_comment(record: Record) -> bool:
    return is_comment(record) and record[0].lstrip().lstrip("#/%-*!").startswith(" ")


def _below_comments(records: Sequence[Record], first: int, width: int) -> int:
    """In a list of one column only lines that begin like comments, several of them or with a blank, are none of it."""
    place = first
    while place < len(records) and (not filled(records[place]) or records[place][0].startswith(("# ", "// "))):
        place += 1
    return place if place < len(records) else first


def _begins_anew(records: Sequence[Record], narrow: int, wide: int) -> bool:
    """Whether a wider table begins at `wide`, and what is above is none of it; else its header is just short."""
    below = [record for record in records[wide:] if filled(record)]
    notes = [record for record in records[narrow:wide] if filled(record)]
    if is_certain_header(below):
        return True
    if not filled(records[wide - 1]) and has_header(below) and all(filled(record) == 2 for record in notes):
        return True  # `Customer,ACME` and its kind, and a blank line
    if len(notes) > 1 or not has_header(below) or len(below) < 2:
        return False
    return not any(is_value(cell) for record in below[1:] for cell in record)


def is_head_of_table(records: Sequence[Record]) -> bool:
    """Names above values, of one width: a table of its own and not rows with a delimiter too many."""
    first = records[0]
    if len(records) < 2 or any(not cell.strip() or is_value(cell) for cell in first):
        return False
    return any(is_value(cell) for record in records[1:3] for cell in record if len(record) == len(first))


def is_ruler(record: Record) -> bool:
    """A line drawn below a header: `-----|-----`."""
    cells = [cell.strip() for cell in record if cell.strip()]
    if not all(set(cell) <= _DRAWN for cell in cells):
        return False
    return max(map(len, cells), default=0) > 2 or (1 < len(cells) == len(record) and min(map(len, cells)) > 1)


def is_sentence(cell: str) -> bool:
    """Whether a lone cell below a table is rather a note than a row cut short."""
    text = cell.strip()
    if is_ruler([text]):
        return True
    return not is_value(text) and (" " in text or ":" in text or "：" in text or starts_like_note(text))


def starts_like_note(cell: str) -> bool:
    return cell.strip().lower().startswith(_NOTE_STARTS)
