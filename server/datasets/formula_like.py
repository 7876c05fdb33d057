"""CSV cells that a spreadsheet program would run as formulas, and the apostrophe that keeps it from doing so.

`=1+1`, `@SUM(1)`, `+1+1` and the like get a leading apostrophe; numbers such as `-5` stay. What already begins with
apostrophes before such a text gets one more, so that taking one away everywhere gives back what was there.
"""

from __future__ import annotations

import re

# Full-width signs too: Excel in East Asian languages takes them for the narrow ones.
_SIGNS = "=+@\\-＝＋－＠"
_BLANKS = "\\s\u00a0\u2000-\u200f\u202f\u205f\u3000\ufeff"
# Arrow's expressions know ASCII digits and blanks only; Python's are told to do the same.
FORMULA = rf"^'*(?:[{_BLANKS}]*[{_SIGNS}]|[\t\r\n])"
NUMBER = r"[+-][0-9][0-9.,' ]*(?:[eE][+-]?[0-9]+)?%?"
_IS_FORMULA, _IS_NUMBER = re.compile(FORMULA, re.ASCII), re.compile(NUMBER)


def harmless(text: str) -> str:
    """The text as a CSV cell that no spreadsheet program runs."""
    return f"'{text}" if _IS_FORMULA.match(text) and not _IS_NUMBER.fullmatch(text) else text
