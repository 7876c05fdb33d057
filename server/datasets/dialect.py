"""How a text file separates and quotes its cells."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

_STAND_IN = "\x1f"  # Unicode's own separator of units: no table holds it
_LIGHT, _HEAVY = "│", "┃"  # the latter around names, where the former is between cells
OF_HIVE = "\x01"
BLANKS = "  "  # two blanks or more, or a tab
BLANK = " "  # one blank or more
# Quotes of typography, and those that end what they begin: of German, English and French, as people mix them.
SMART_QUOTES = {"“": "”“", "„": "“”", "«": "»", "»": "«"}
_QUOTE_STAND_IN = "\x1e"


_WRAPPED = re.compile(r'"((?:[^"\r\n]|"")*+)"(?=[\r\n]*$)')


def is_wrapped(line: str) -> bool:
    """Whether a line is one quoted cell, as programs write it that quote what is a line of CSV already."""
    return _WRAPPED.match(line) is not None


def unwrapped(line: str) -> str:
    found = _WRAPPED.match(line)
    return found[1].replace('""', '"') + line[found.end() :] if found else line


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """`quote` is empty for none. `escape` is a backslash where quotes are written `\\"` instead of doubled.

    A `delimiter` may have several characters; `BLANKS` and `BLANK` stand for runs of them. `is_spaced`: blanks around
    a quoted cell are no part of it. `is_framed`: a delimiter stands before the first cell and after the last one, too.
    `has_heads`: two of them stand around names. `is_wrapped`: lines stand in quotes as a whole.
    """

    delimiter: str = ","
    quote: str = '"'
    escape: str | None = None
    is_spaced: bool = False
    is_framed: bool = False
    has_heads: bool = False
    is_wrapped: bool = False

    def arguments(self) -> dict[str, Any]:
        """For `csv.reader`, which reads the lines as `prepared`."""
        return {
            "delimiter": self.delimiter if len(self.delimiter) == 1 and self.delimiter != BLANK else _STAND_IN,
            "quotechar": _QUOTE_STAND_IN if self.is_smart else self.quote or None,
            "quoting": csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            "escapechar": self.escape,
            "doublequote": self.escape is None,
            "skipinitialspace": self.is_spaced,
        }

    @property
    def is_smart(self) -> bool:
        return self.quote in SMART_QUOTES

    @property
    def is_usual(self) -> bool:
        """Whether lines are read as they stand."""
        is_odd = self.is_spaced or self.is_framed or self.is_wrapped or self.is_smart or self.delimiter == _LIGHT
        return len(self.delimiter) == 1 and self.delimiter != BLANK and not is_odd

    def prepared(self, lines: Sequence[str]) -> Sequence[str]:
        """Lines with one character between their cells, and no blanks around quotes."""
        if self.is_usual:
            return lines
        if self.is_wrapped:
            lines = list(map(unwrapped, lines))
        if self.delimiter == _LIGHT:
            lines = [line.replace(_HEAVY, _LIGHT) for line in lines]
        if self.is_framed:
            lines = [self._without_frame(line) for line in lines]
        if self.delimiter in (BLANKS, BLANK):
            lines = [self._without_runs(line) for line in lines]
        elif len(self.delimiter) > 1:
            lines = [line.replace(self.delimiter, _STAND_IN) for line in lines]
        if self.is_smart:
            marks = rf"{_QUOTE_STAND_IN}\1{_QUOTE_STAND_IN}"
            return [self._smart.sub(marks, line) if self.quote in line else line for line in lines]
        if not self.is_spaced or not self.quote:
            return lines
        return [self._spaced.sub(r"\1\2", line) if self.quote in line else line for line in lines]

    def restored(self, rows: list[list[str]]) -> list[list[str]]:
        """Cells that held the delimiter in quotes hold it again."""
        if len(self.delimiter) == 1 or self.delimiter == BLANKS:
            return rows
        return [
            [cell.replace(_STAND_IN, self.delimiter) if _STAND_IN in cell else cell for cell in row] for row in rows
        ]

    def _without_frame(self, line: str) -> str:
        cells = line.rstrip("\r\n")
        within = cells.strip(" \t")
        if len(within) < 2 or not within.startswith(self.delimiter) or not within.endswith(self.delimiter):
            return line
        if self.has_heads and within.startswith(2 * self.delimiter) and within.endswith(2 * self.delimiter):
            within = within.replace(2 * self.delimiter, self.delimiter)
        return within[1:-1] + line[len(cells) :]

    def _without_runs(self, line: str) -> str:
        cells = line.rstrip("\r\n")
        ended = line[len(cells) :]
        return self._runs.sub(lambda run: run["quoted"] or _STAND_IN, cells.strip(" \t")) + ended

    @cached_property
    def _runs(self) -> re.Pattern[str]:
        runs = r" *\t[ \t]*| {2,}" if self.delimiter == BLANKS else r"[ \t]+"
        quote = re.escape(self.quote)
        return re.compile(rf"(?P<quoted>{quote}[^{quote}]*{quote})|{runs}" if quote else rf"(?P<quoted>(?!))|{runs}")

    @cached_property
    def _spaced(self) -> re.Pattern[str]:
        """A quoted cell between two delimiters, as a whole: what stands within is not looked at."""
        mark, quote = re.escape(self.arguments()["delimiter"]), re.escape(self.quote)
        within = rf"(?:[^{quote}\\]|\\.)*" if self.escape else rf"(?:[^{quote}]|{quote}{quote})*"
        return re.compile(rf"(^|{mark})[ \t]*({quote}{within}{quote})[ \t]*(?={mark}|\r?\n?$)")

    @cached_property
    def _smart(self) -> re.Pattern[str]:
        """A cell between such quotes, with blanks around them. What looks like an end within is none."""
        mark, closing = re.escape(self.arguments()["delimiter"]), SMART_QUOTES[self.quote]
        return re.compile(rf"(?:(?<={mark})|^)[ \t]*{self.quote}([^\r\n]*?)[{closing}][ \t]*(?={mark}|\r?\n?$)")
