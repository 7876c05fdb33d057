"""Addresses of the web that a report leads to."""

from __future__ import annotations

import re
from urllib.parse import quote

_ADDRESS = re.compile(r"(?:https?://|mailto:)[^\s<>\"{}|\\^`\x00-\x20]+\Z", re.IGNORECASE)
_LONGEST = 2_000  # Excel takes 2,079 letters
_KEPT = "".join(map(chr, range(0x21, 0x7F)))


def address_of(text: str) -> str:
    """As all formats take it: its scheme in small letters, others than ASCII as bytes (`%E5%8D%8E`).

    Empty for one that leads nowhere a report may lead.
    """
    if not _ADDRESS.match(text):
        return ""
    scheme, colon, rest = text.partition(":")
    address = scheme.lower() + colon + quote(rest, safe=_KEPT)
    return address if len(address) <= _LONGEST else ""
