"""What a person should look at in a column before its values are relied on: a code, and what to do."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from server.datasets.cells import PERCENT
from server.datasets.notations import currencies_of
from server.datasets.schema import FileWarning

# Nothing is wrong with these: they say what was done, or chosen among several.
MERELY_TOLD = frozenset(
    {
        "encoding_not_verified", "short_rows_filled", "totals_left_out", "units_in_names", "hidden_sheets",
        "hidden_rows", "hidden_columns", "merged_cells", "other_lists", "other_sheets", "other_tables",
        "other_members", "list_in_document", "members_are_rows", "times_in_utc", "long_numbers", "reason_column",
    }
)  # fmt: skip

MESSAGES: dict[str, str] = {
    "ambiguous_dates": (
        "The dates in “{column}” could have day, month and year in another order; they are read as {format}. Check "
        "this."
    ),
    "other_calendar": (
        "The years in “{column}”, such as {value}, seem to be of another calendar (Hijri, Persian, Buddhist); they are "
        "kept as they are written. Turn them into common years, or keep the column as text."
    ),
    "short_years": (
        "In “{column}” years have two digits: {value} is read as {reading}, since those up to 68 are of this century. "
        "Write years with four digits if that is wrong."
    ),
    "ambiguous_numbers": (
        "Numbers like {value} in “{column}” could have three decimals or a thousand's mark; it is read as {reading}. "
        "Choose how numbers of this column are written."
    ),
    "mixed_currencies": (
        "The amounts in “{column}” are in several currencies ({currencies}), which a number does not tell apart. "
        "Put the currency into a column of its own, or keep the column as text."
    ),
    "mixed_percent": "“{column}” has percentages and plain numbers: 12% becomes 0.12, 12 stays 12. Check this.",
    "long_numbers": (
        "Numbers in “{column}” have more than 15 digits. They are kept exactly, but Excel, charts and JavaScript round "
        "them; choose text if they are names."
    ),
    "rounded_numbers": (
        "Numbers in “{column}” have more digits than a floating point number holds, such as {value}; it is rounded to "
        "{reading}. Choose decimal or text to keep them."
    ),
    "mixed_offsets": (
        "Some times in “{column}” have an offset from UTC and others have none, so the column is kept as text. Choose "
        "“date and time” to turn the first into UTC and leave the others as they are."
    ),
    "finer_than_microseconds": (
        "The times in “{column}” are finer than a microsecond, such as {value}, so the column is kept as text. Choose "
        "“date and time” to leave these digits out."
    ),
    "times_in_utc": "The times in “{column}” have offsets; they are kept as moments and shown in UTC.",
}


def doubt_count(codes: Iterable[str]) -> int:
    """How many of these warnings say more than what was done."""
    return sum(code not in MERELY_TOLD for code in codes)


def column_warning(code: str, name: str, parameters: dict[str, Any]) -> FileWarning:
    return FileWarning(code=code, message=MESSAGES[code], parameters={"column": name, **parameters})


Doubts = dict[str, Mapping[str, Any]]


def doubts_of_notations(notations: Collection[str]) -> Doubts:
    """Of how the numbers of a column were written (see notations.py)."""
    doubts: Doubts = {}
    currencies = currencies_of(notations)
    if len(currencies) > 1:
        doubts["mixed_currencies"] = {"currencies": ", ".join(currencies)}
    if PERCENT in notations and len(set(notations)) > 1:
        doubts["mixed_percent"] = {}
    return doubts
