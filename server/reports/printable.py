"""Characters that documents cannot hold, though data do."""

from __future__ import annotations

import re

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def printable(text: str) -> str:
    """Without what XML has no way to write: a workbook with it would be damaged."""
    return _UNPRINTABLE.sub("", text)
