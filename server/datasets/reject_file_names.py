"""Under which name and media type the rows of a file that were left out are given back: as the file came."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from server.datasets.rejects_left import RejectsLeft
from server.datasets.work import MEDIA_TYPES

_SHEETS = ("xlsx", "xlsb", "xls", "xml_sheet", "ods", "html")
_TEXT_SUFFIXES = (".csv", ".tsv", ".tab", ".txt")
JSON_LINES = "application/jsonl"
FileKind = Literal["text", "json", "xlsx"]


def file_facts(left: RejectsLeft) -> tuple[str, str]:
    """Name and media type of the file of what is left."""
    given, kind = Path(str(left.of_import.source.get("name", ""))), file_kind(left)
    text_suffix = given.suffix.lower() if given.suffix.lower() in _TEXT_SUFFIXES else ".csv"
    suffix, media_type = {
        "xlsx": (".xlsx", MEDIA_TYPES["xlsx"]),
        "json": (".jsonl", JSON_LINES),
        "text": (text_suffix, f"{MEDIA_TYPES['csv']}; charset={_charset(left)}"),
    }[kind]
    return f"{given.stem or 'data'}-rejects{suffix}", media_type


def _charset(left: RejectsLeft) -> str:
    """The encoding of the file as browsers and mail programs name it."""
    name = (left.options.encoding if left.layout.format == "csv" else None) or "utf-8"
    if name.startswith("utf-16"):
        return "utf-16"  # it begins with a mark
    return re.sub(r"^cp(125\d)$", r"windows-\1", name).replace("_", "-")


def file_kind(left: RejectsLeft) -> FileKind:
    file_format = left.layout.format
    if file_format in _SHEETS:
        return "xlsx"
    return "json" if file_format in ("json", "jsonl") else "text"
