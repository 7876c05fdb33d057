"""Lines beside a header: one about the file right above it, what names mean right below it, names of rows before it."""

from __future__ import annotations

from collections.abc import Sequence

from server.datasets.header_finding import USUAL_NAMES, Record, has_header, is_certain_header, is_value, kind_of
from server.datasets.joined_headers import joined_names
from server.datasets.notes_above import filled

_LOOKED_AT = 200  # records below
_LEAST_NAMES = 3  # below a line about the file
_MOST_DESCRIPTIONS = 2
_LONG_WORD = 8  # characters; a longer word says what something is
_TYPES = frozenset(
    {
        "int", "integer", "bigint", "number", "numeric", "decimal", "float", "double", "real", "str", "string", "text",
        "varchar", "char", "date", "datetime", "time", "timestamp", "bool", "boolean",
        "文本", "数字", "日期", "整数", "小数",
    }
)  # fmt: skip


def is_wide_note(records: Sequence[Record]) -> bool:
    """A line about the file, as wide as the table: `H;700;x` right above names, in the columns of other values."""
    below = [record for record in records[1:_LOOKED_AT] if filled(record)]
    if len(below) < 2 or len(records[0]) != len(below[0]) or not any(map(is_value, records[0])):
        return False
    names = below[0]
    if filled(names) < _LEAST_NAMES or filled(names) < len(names) or any(map(is_value, names)):
        return False
    if joined_names([records[0], *below]) is not None or has_header(records) or not is_certain_header(below):
        return False
    return any(
        cell.strip() and not is_value(cell) and are_values(below[1:], place) for place, cell in enumerate(records[0])
    )


def descriptions(records: Sequence[Record]) -> int:
    """How many records below the names say what they mean: texts in all columns, above numbers or dates in several."""
    for count in range(_MOST_DESCRIPTIONS, 0, -1):
        above, below = records[: 1 + count], records[1 + count : _LOOKED_AT]
        if len(below) < 1 or any(len(record) != len(records[0]) for record in above):
            continue
        if any(not cell.strip() or kind_of(cell) != "text" for record in above for cell in record):
            continue
        if any(len(set(record)) < len(record) for record in above) or any(map(set(records[0]).intersection, above[1:])):
            continue
        if sum(are_values(below, place) for place in range(len(records[0]))) > 1 and all(
            map(_is_description, above[1:])
        ):
            return count
    return 0


def _is_description(record: Record) -> bool:
    """Words, or names of types, and not `p,q`."""
    wordy = sum(" " in cell.strip() or len(cell) > _LONG_WORD or cell.strip().lower() in _TYPES for cell in record)
    return wordy * 2 >= len(record)


def have_row_names(names: Sequence[str], body: Sequence[Record]) -> bool:
    """Whether each row begins with its own name, above which there is none, and has numbers under all names: by R."""
    width = len(names) + 1
    if len(body) < 2 or len(names) < 2 or not all(len(record) == width and all(record) for record in body):
        return False
    if any(cell.strip().casefold() in USUAL_NAMES for cell in names[:1]) or not all(cell.strip() for cell in names):
        return False
    labels = [record[0].strip() for record in body]
    return (
        len(set(labels)) == len(labels)
        and not any(map(is_value, labels))
        and all(are_values(body, place) for place in range(1, width))
    )


def are_values(records: Sequence[Record], place: int) -> bool:
    cells = [record[place] for record in records if place < len(record) and record[place].strip()]
    return bool(cells) and all(map(is_value, cells))
