"""Names of report files: made of titles that people chose, safe on every file system, each only once in an archive."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\u202a-\u202e\u2066-\u2069\ud800-\udfff]+')
# What is not seen would make two names that look alike; joiners are parts of emoji and of Persian words.
_UNSEEN = re.compile("[\u00ad\u061c\u180e\u200b\u200e\u200f\u2060-\u2064\ufeff]")
_JOINERS = "\u200c\u200d"
# Windows keeps these for devices, whatever the extension.
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?", re.IGNORECASE)
_MAX_BYTES = 180  # of 255 a file name may have: room for a number, an extension and somebody's "(copy)"


def served_name(title: str, extension: str) -> str:
    """`Nord/Süd: Oktober` and `pdf` → `Nord-Süd- Oktober.pdf`."""
    return f"{safe_name(title, otherwise='report')}.{extension}"


def safe_name(text: str, *, otherwise: str) -> str:
    """A text as the name of a folder, or of a file before its extension; `otherwise` is what it is called where
    nothing of it can be, and stands before what a system keeps for itself.
    """
    name = _FORBIDDEN.sub("-", _UNSEEN.sub("", unicodedata.normalize("NFC", text)))
    name = re.sub(r"\s+", " ", name).strip(" .-" + _JOINERS)
    name = name.encode("utf-8")[:_MAX_BYTES].decode("utf-8", "ignore").rstrip(" ." + _JOINERS)
    return f"{otherwise} {name}".strip() if not name or _DEVICES.fullmatch(name) else name


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
