"""Marks that stand in times, ratios and amounts more often than between cells: which files are parted by them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from server.datasets.dialect import Dialect
from server.datasets.header_finding import is_certain_header, is_value
from server.datasets.records import read_sample

SELDOM = (":", "§", "$$")
_LOOKED_AT = 400  # lines
_NAME = re.compile(r"\w[\w .()/%€$#-]{0,40}")
_OF_DIGITS = re.compile(r"\s*[0-9A-Fa-f]{0,4}\s*")  # a part of `10:30`, `3:1`, `00:1A:2B`, an IPv6 address
_TIME = re.compile(r"(?<!\d)\d{1,2}:[0-5]\d(?::[0-5]\d)?(?!\d)")
_LEAST_NAMES = 3  # of which no kind of cells need tell that they are names


def part_cells(lines: Sequence[str], mark: str) -> bool:
    """Whether the mark parts names in the first line, and every line below into as many cells.

    What could be a time, a ratio or an address throughout is not parted, nor is a name and its value (`Zip:12345`).
    """
    own = [line for line in lines[:_LOOKED_AT] if line.strip()]
    if len(own) < 2 or mark not in own[0]:
        return False
    records = read_sample(own, Dialect(delimiter=mark), is_whole=True)
    names, rows = records.rows[:1], records.rows[1:]
    if records.faults or not rows or len(names[0]) < 2 or any(len(row) != len(names[0]) for row in rows):
        return False
    if len(set(names[0])) < len(names[0]) or any(is_value(cell) or not _NAME.fullmatch(cell) for cell in names[0]):
        return False
    if any(cell.startswith(" ") for row in rows for cell in row[1:]):
        return False  # `Name: Ann`
    if all(_OF_DIGITS.fullmatch(cell) for row in rows for cell in row):
        return False
    if mark == ":" and sum(_TIME.search(line) is not None for line in own[1:]) * 2 > len(rows):
        return False
    if len(names[0]) < _LEAST_NAMES:
        return all(is_value(row[0]) for row in rows)  # `id:name`
    return is_certain_header([*names, *rows]) or len(rows) > 1
