"""File names that people chose: kept as they are for showing, never used as paths."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote, unquote

_MAX_CHARACTERS = 300  # the column's width
_MAX_MEDIA_TYPE = 120  # the column's width
UNNAMED = "unnamed"
# Overrides and isolates of writing direction: "invoice\u202excod.exe" would show as "invoiceexe.docx".
_DIRECTION_MARKS = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


def shown_name(given: str) -> str:
    """`given` without what would break a line, a header or the reader's eye; of a long name the middle is “…”."""
    repaired = given.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if _has_escapes(given) else given
    cleaned = "".join(character for character in repaired if _is_visible(character)).strip()
    if len(cleaned) > _MAX_CHARACTERS:
        stem, dot, ending = cleaned.rpartition(".")
        tail = dot + ending if stem and len(ending) <= 10 else ""
        cleaned = cleaned[: _MAX_CHARACTERS - len(tail) - 1] + "…" + tail
    return cleaned or UNNAMED


def form_name(given: str) -> str:
    """A file name as multipart forms carry it: browsers escape quotes only, some clients every character."""
    try:
        decoded = unquote(given, errors="strict")
    except UnicodeDecodeError:
        return given
    is_escaped_throughout = decoded != given and quote(decoded, safe="") == given
    return decoded if is_escaped_throughout else given.replace("%22", '"')


def media_type_of(given: str) -> str:
    """What a client said of the type; nothing when it is no media type, which is ASCII."""
    return given[:_MAX_MEDIA_TYPE] if given.isascii() and given.isprintable() else ""


def saved_name(name: str) -> str:
    """The last part of `name`, for a download: a browser must not be asked to write into other directories."""
    return name.replace("\\", "/").rpartition("/")[2].strip(". ") or UNNAMED


def _has_escapes(text: str) -> bool:
    # How aiohttp hands over header bytes that are not UTF-8. Other lone surrogates are dropped below.
    return any("\udc80" <= character <= "\udcff" for character in text) and not any(
        "\ud800" <= character <= "\udbff" or "\udc00" <= character < "\udc80" for character in text
    )


def _is_visible(character: str) -> bool:
    return character not in _DIRECTION_MARKS and unicodedata.category(character) not in _INVISIBLE_CATEGORIES
