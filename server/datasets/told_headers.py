"""Files that say themselves what their columns are called: W3C's logs of web servers, and TOA5 of data loggers."""

from __future__ import annotations

from collections.abc import Sequence

from server.datasets.dialect import BLANK, Dialect

DIRECTIVE = "#"  # how a line of a log begins that is none of its rows
_FIELDS = "#fields:"
_MOST_DIRECTIVES = 30
_LOGGER = "TOA5"
_TIME_AND_NUMBER = ("TS", "RN")  # where others have their unit
_FIRST_NAMES = ("TIMESTAMP", "RECORD")


def fields_at(lines: Sequence[str]) -> int | None:
    """The line that names the fields of a log, below other directives alone."""
    for place, line in enumerate(lines[:_MOST_DIRECTIVES]):
        if names_fields(line):
            return place
        if line.strip() and not line.startswith(DIRECTIVE):
            return None
    return None


def names_fields(line: str) -> bool:
    return line[: len(_FIELDS)].lower() == _FIELDS


def dialect_of_log(lines: Sequence[str], *, delimiter: str | None, quote: str | None) -> Dialect:
    """Tabs where its rows have some, else blanks; what is given stays as it is."""
    first = next((line for line in lines if line.strip() and not line.startswith(DIRECTIVE)), "")
    return Dialect(delimiter=delimiter or ("\t" if "\t" in first else BLANK), quote='"' if quote is None else quote)


def with_fields_named(records: Sequence[list[str]], place: int) -> list[list[str]]:
    """The line that names the fields as names alone; other directives as lines of nothing."""
    named = [[] if record and record[0].startswith(DIRECTIVE) else record for record in records]
    first, *others = records[place]
    first = first[len(_FIELDS) :].strip()
    named[place] = [first, *others] if first else others
    return named


def begins_as_logger(records: Sequence[Sequence[str]]) -> bool:
    """Whether the first line is that of a file of a data logger: station, model and program."""
    return len(records) > 1 and list(records[0][:1]) == [_LOGGER]


def names_of_logger(records: Sequence[Sequence[str]]) -> list[str] | None:
    """Names, below which stand units and how each value was made of several: the former belong to the names."""
    if len(records) < 3 or not {*_FIRST_NAMES}.intersection(records[0][:1]):
        return None
    names, units, processing = records[:3]
    if not {*_TIME_AND_NUMBER}.intersection(units[:1]) or not len(names) == len(units) == len(processing):
        return None
    return [
        f"{name} [{unit}]" if unit and unit not in _TIME_AND_NUMBER else name
        for name, unit in zip(names, map(str.strip, units), strict=True)
    ]
