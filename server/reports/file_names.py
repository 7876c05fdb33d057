"""Names of report files: made of titles that people chose, safe on every file system, each only once in an archive."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\u200b-\u200f\u202a-\u202e\ud800-\udfff]+')
# Windows keeps these for devices, whatever the extension.
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
_MAX_BYTES = 180  # of 255 a file name may have: room for a number, an extension and somebody's "(copy)"


def served_name(title: str, extension: str) -> str:
    """`Nord/Süd: Oktober` and `pdf` → `Nord-Süd- Oktober.pdf`."""
    stem = _FORBIDDEN.sub("-", unicodedata.normalize("NFC", title))
    stem = re.sub(r"\s+", " ", stem).strip(" .-")
    stem = stem.encode("utf-8")[:_MAX_BYTES].decode("utf-8", "ignore").rstrip(" .")
    if not stem or _DEVICES.fullmatch(stem):
        stem = f"report {stem}".strip()
    return f"{stem}.{extension}"


def unique_names(names: Iterable[str]) -> Iterator[str]:
    """The same names in the same order, later duplicates numbered: `a.pdf`, `a (2).pdf`.

    Letters' case does not tell names apart: on Windows and macOS one file would replace the other.
    """
    taken: set[str] = set()
    for name in names:
        stem, dot, extension = name.rpartition(".")
        candidate, number = name, 1
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{stem} ({number}){dot}{extension}"
        taken.add(candidate.casefold())
        yield candidate
