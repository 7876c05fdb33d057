"""How values are written beside their digits: what a number or a time does not keep, and a dataset has to remember.

Of numbers that is `%` or a currency, of times without a zone whether an offset was turned into UTC. What differs in
these must not be put together unsaid, neither within a file nor beside the rows that a dataset has.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from server.datasets.cells import IN_UTC, PERCENT, PLAIN, TURNED_INTO_UTC
from server.datasets.schema import NUMERIC_TYPES, Column, ColumnType, FileWarning
from server.errors import FieldError

_OFFSETS = frozenset({IN_UTC, TURNED_INTO_UTC})

_SOME_OFFSETS = (
    "Some times in “{column}” have an offset from UTC and others have none: the first are turned into UTC, the others "
    "stay as they are. Check this."
)
_TURNED = (
    "The times in “{column}” have offsets: they are turned into UTC, and the offsets are not kept. Choose “date, time "
    "and offset” to keep moments."
)
# Beside rows that the dataset has.
_PLAIN_TO_PERCENT = (
    "“{column}” has percentages in the dataset, where 12% is 0.12, and plain numbers in this file, where 12 stays 12. "
    "Check this."
)
_PERCENT_TO_PLAIN = (
    "“{column}” has plain numbers in the dataset and percentages in this file, where 12% becomes 0.12. Check this."
)
_OTHER_CURRENCY = (
    "The amounts in “{column}” are in {before} in the dataset and in {currencies} in this file, which a number does "
    "not tell apart. Put the currency into a column of its own."
)
_OFFSETS_TO_NONE = (
    "The times in “{column}” have offsets from UTC in this file and none in the dataset: they are turned into UTC. "
    "Check this."
)
_NONE_TO_OFFSETS = (
    "The times in “{column}” were turned into UTC in the dataset and have no offsets in this file: they stay as they "
    "are. Check this."
)


def has_notations(kind: ColumnType) -> bool:
    """Whether values of this type lose how they were written."""
    return kind in NUMERIC_TYPES or kind == "datetime"


def has_decimal_mark(column: Column) -> bool:
    """Whether some number of it surely had one: `12%` has decimals without, and `1.234` could be 1234."""
    return (column.scale or 0) not in (0, 3) and PERCENT not in (column.notations or ())


def currencies_of(notations: Iterable[str]) -> list[str]:
    return sorted(set(notations) - {PLAIN, PERCENT, IN_UTC, TURNED_INTO_UTC})


def merged_notations(before: Collection[str] | None, added: Collection[str] | None) -> list[str] | None:
    """Of a column that has rows of both; None where nobody knows how all of them were written."""
    return None if before is None or added is None else sorted({*before, *added})


def differs(before: Collection[str] | None, written: Collection[str]) -> bool:
    """Whether values so `written` should not stand beside those of a dataset without a word."""
    if not before or not written or set(written) <= set(before):
        return False
    return (
        is_other_currency(before, written)
        or (PERCENT in written) != (PERCENT in before)
        or has_offsets(written) != has_offsets(before)
    )


def is_other_currency(before: Iterable[str], written: Iterable[str]) -> bool:
    known = set(currencies_of(before))
    return bool(known) and not known.issuperset(currencies_of(written))


def has_offsets(notations: Iterable[str]) -> bool:
    return not _OFFSETS.isdisjoint(notations)


def warnings_of_times(name: str, written: Collection[str]) -> Iterator[FileWarning]:
    """Of a column of times without a zone."""
    if PLAIN in written and has_offsets(written):
        yield _warning("mixed_offsets", _SOME_OFFSETS, name)
    elif TURNED_INTO_UTC in written:
        yield _warning("times_in_utc", _TURNED, name)


def warnings_beside(name: str, before: Collection[str] | None, written: Collection[str]) -> Iterator[FileWarning]:
    """Of a column whose dataset has it written as `before`."""
    if not before or not differs(before, written):
        return
    if is_other_currency(before, written):
        currencies = {"before": ", ".join(currencies_of(before)), "currencies": ", ".join(currencies_of(written))}
        yield _warning("mixed_currencies", _OTHER_CURRENCY, name, **currencies)
    if PERCENT in before and PERCENT not in written:
        yield _warning("mixed_percent", _PLAIN_TO_PERCENT, name)
    elif PERCENT in written and PERCENT not in before:
        yield _warning("mixed_percent", _PERCENT_TO_PLAIN, name)
    if has_offsets(written) != has_offsets(before):
        yield _warning("mixed_offsets", _OFFSETS_TO_NONE if has_offsets(written) else _NONE_TO_OFFSETS, name)


def error_beside(
    name: str, kind: ColumnType, before: Collection[str] | None, written: Collection[str]
) -> FieldError | None:
    """Why such values are not added to what is there, unless somebody says of which type they are.

    In one file they would be a column of texts.
    """
    if not before or not written:
        return None
    if is_other_currency(before, written):
        return FieldError(
            field="options.columns",
            message="The amounts in “{name}” are in {before} in the dataset and in {currencies} in the file. Give the "
            "column its type “{type}” to add their numbers all the same.",
            parameters={
                "name": name,
                "before": ", ".join(currencies_of(before)),
                "currencies": ", ".join(currencies_of(written)),
                "type": kind,
            },
        )
    if has_offsets(written) and not has_offsets(before):
        return FieldError(
            field="options.columns",
            message="The times in “{name}” have offsets from UTC, those in the dataset have none. Give the column its "
            "type “{type}” to turn them into UTC.",
            parameters={"name": name, "type": kind},
        )
    return None


def _warning(code: str, message: str, name: str, **parameters: str) -> FileWarning:
    return FileWarning(code=code, message=message, parameters={"column": name, **parameters})
