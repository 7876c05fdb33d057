"""How a text file separates and quotes its cells."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """`quote` is empty for none. `escape` is a backslash where quotes are written `\\"` instead of doubled."""

    delimiter: str = ","
    quote: str = '"'
    escape: str | None = None

    def arguments(self) -> dict[str, Any]:
        """For `csv.reader`."""
        return {
            "delimiter": self.delimiter,
            "quotechar": self.quote or None,
            "quoting": csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            "escapechar": self.escape,
            "doublequote": self.escape is None,
        }
