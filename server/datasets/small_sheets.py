"""Workbooks whose sheets would take too much room are refused before they are read."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from server.datasets.ods_extent import ods
from server.datasets.workbook_members import damaged, overlapping, unpacked
from server.datasets.xlsb_extent import xlsb
from server.datasets.xlsx_extent import SheetSigns, xlsx

LARGE_BYTES = 8 * 1024 * 1024  # of a sheet that is worth loading in pieces
_MOST_KEPT_BYTES = 128 * 1024 * 1024
_MOST_DIGITS = 18
_FEW_TEXTS = 5_000_000
_COUNT_OF_TEXTS = re.compile(rb"""\buniqueCount\s*=\s*["']\s*0*(\d+)""")


def require_small_sheets(path: Path, members: list[zipfile.ZipInfo]) -> dict[str, SheetSigns]:
    """By the names of sheets in an .xlsx. Raises `FileProblem` for sheets that take too much room, and when a member is
    larger than it says.
    """
    signs, kept = {}, 0
    for member in members:
        name = member.filename.lower()
        if name.startswith("xl/worksheets/") and name.endswith(".xml"):
            is_kept = LARGE_BYTES <= member.file_size <= _MOST_KEPT_BYTES - kept
            kept += member.file_size if is_kept else 0
            signs[member.filename] = xlsx(path, member, keep=is_kept)
        elif name.startswith("xl/worksheets/") and name.endswith(".bin"):
            xlsb(unpacked(path, member))
        elif name == "content.xml":
            ods(unpacked(path, member))
        elif name.endswith((".xml", ".bin", ".rels")) or name.startswith("xl/"):
            _other(unpacked(path, member), member.file_size)
    return signs


def _other(pieces: Iterator[bytes], size: int) -> None:
    """The reader makes room for as many shared texts as a workbook says that it has; some say a few too many."""
    most = max(size, _FEW_TEXTS)
    for text in overlapping(pieces):
        if any(len(digits) > _MOST_DIGITS or int(digits) > most for digits in _COUNT_OF_TEXTS.findall(text)):
            raise damaged()
