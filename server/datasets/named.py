"""Records of a file that are neither rows nor rejects: how many for which reason, and the first of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from server.datasets.shown_text import shown_text

_FIRST = 20  # are shown; the rest is counted
_RAW_CHARACTERS = 200

# Every reason. A header is one as well: all records of a file are accounted for.
HEADER = "header"
ABOVE_TABLE = "above_table"  # titles, notes, comments
BELOW_TABLE = "below_table"  # notes at the end
BLANK = "blank"
DELIMITERS_ONLY = "delimiters_only"
TOTAL_ROW = "total_row"  # sums the rows above; only where somebody wanted such rows left out
REASONS = (ABOVE_TABLE, HEADER, BLANK, DELIMITERS_ONLY, TOTAL_ROW, BELOW_TABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRecord:
    """`line` is the physical line (or sheet row), from 1."""

    line: int
    reason: str
    raw: str


@dataclass(slots=True)
class Named:
    """What was left out so far."""

    counts: Counter[str] = field(default_factory=Counter)
    first: list[NamedRecord] = field(default_factory=list)

    def add(self, reason: str, line: int, raw: str = "") -> None:
        """Blank lines and headers are counted; the others are worth being shown."""
        self.counts[reason] += 1
        if raw.strip() and reason != HEADER and len(self.first) < _FIRST:
            self.first.append(
                NamedRecord(line=line, reason=reason, raw=shown_text(raw[:_RAW_CHARACTERS].rstrip("\r\n")))
            )

    def update(self, other: Named) -> None:
        self.counts.update(other.counts)
        self.first.extend(other.first[: _FIRST - len(self.first)])

    @property
    def total(self) -> int:
        return self.counts.total()

    def as_counts(self) -> dict[str, int]:
        """In a fixed order, without what does not occur."""
        return {reason: self.counts[reason] for reason in REASONS if self.counts[reason]}


def name_above(named: Named, line: int, raw: str, *, is_header: bool) -> None:
    """A row of a sheet that stands above the data."""
    if is_header:
        named.add(HEADER, line)
    elif raw.strip():
        named.add(ABOVE_TABLE, line, raw.strip())
    else:
        named.add(BLANK, line)
