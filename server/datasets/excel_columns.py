"""Columns of a sheet as texts: all cells of one kind at once, odd ones one by one."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from datetime import date, datetime, time
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from server.datasets.cell_texts import as_text, is_said_text, seen_number

_LONGEST_SEEN = 16  # fifteen digits and a mark
_BARE_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")


def only_texts(cells: Sequence[Any]) -> pa.Array | None:
    """The column where all its cells are texts, which Arrow finds out sooner than a look at each."""
    if not cells or type(cells[0]) is not str:
        return None
    try:
        return pa.array(cells, pa.string())
    except pa.ArrowTypeError:
        return None


def column_texts(cells: Sequence[Any], kinds: Set[type] | None = None) -> pa.Array:
    """`cells` as calamine gives them, and their types, if they are known; an empty one is an empty text."""
    kinds = kinds or set(map(type, cells))
    if kinds == {str}:
        return pa.array(cells, pa.string())
    if kinds == {float}:
        return _numbers(pa.array(cells, pa.float64()))
    if kinds == {float, str} and not any(cell for cell in cells if type(cell) is str):
        return _numbers(pa.array([None if cell == "" else cell for cell in cells], pa.float64()))
    if kinds == {bool}:
        return pc.cast(pa.array(cells, pa.bool_()), pa.string())
    if kinds == {date}:
        return pc.cast(pa.array(cells, pa.date32()), pa.string())
    if (
        kinds <= {datetime, str}
        and datetime in kinds
        and not any(cell for cell in cells if type(cell) is str)
        and (moments := _moments([None if cell == "" else cell for cell in cells])) is not None
    ):
        return moments
    return pa.array([cell_text(cell) for cell in cells], pa.string())


def _moments(cells: Sequence[datetime | None]) -> pa.Array | None:
    """As `cell_text` writes them; None where one is a time of day, or not of a whole second."""
    moments = pa.array(cells, pa.timestamp("us"))
    if pc.any(pc.equal(pc.year(moments), 1900)).as_py():
        return None
    try:
        texts = pc.cast(pc.cast(moments, pa.timestamp("s")), pa.string())
    except pa.ArrowInvalid:
        return None
    return pc.replace_substring_regex(texts, " 00:00:00$", "")


def _numbers(numbers: pa.Array) -> pa.Array:
    try:
        whole = pc.cast(numbers, pa.int64())
        if pc.all(pc.less(pc.abs(numbers), 1e15)).as_py() is not False:
            return pc.cast(whole, pa.string())
    except pa.ArrowInvalid:
        pass
    texts = pc.cast(numbers, pa.string())
    is_long = pc.greater(pc.utf8_length(texts), _LONGEST_SEEN)
    is_odd = pc.fill_null(pc.or_(is_long, pc.match_substring(texts, "e")), False)
    if not pc.any(is_odd).as_py():
        return texts
    odd = numbers.filter(is_odd).to_pylist()
    return pc.replace_with_mask(texts, is_odd, pa.array([seen_number(number) for number in odd], pa.string()))


def cell_text(cell: Any) -> str:
    if type(cell) is float:
        return seen_number(cell)
    if type(cell) is datetime and cell.year == 1900 and cell.time() != time():
        return cell.time().isoformat()  # of a format that shows no more than the time of day
    return as_text(cell)


def is_blank(row: Sequence[Any]) -> bool:
    if row and type(row[0]) is float:
        return False
    return all(cell == "" or (type(cell) is str and not cell.strip()) for cell in row)


def said_texts(columns: Sequence[Sequence[Any]]) -> set[int]:
    """Columns of nothing but text cells that look like numbers, where the file has numbers as such, too.

    Where it has none, a program wrote all that it had as text, and there are numbers to be found.
    """
    filled = [[cell for cell in column if cell != ""] for column in columns]
    has_numbers = any(type(cell) in (float, int, date, datetime) for column in filled for cell in column)
    return {
        place
        for place, cells in enumerate(filled)
        if cells
        and all(type(cell) is str for cell in cells)
        and (is_said_text(cells) or (has_numbers and all(_BARE_NUMBER.fullmatch(cell.strip()) for cell in cells)))
    }
