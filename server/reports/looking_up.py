"""Who gets each report, found in datasets by a key of it. Worker side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from server.datasets.query_session import QuerySession
from server.datasets.sql_text import quoted
from server.delivery.address_books import AddressBook, LookupProblem
from server.delivery.mail_addresses import parted_addresses
from server.errors import InvalidInput
from server.reports.parameter_texts import value_text
from server.reports.parameters import as_json
from server.reports.work import ExpandedReport


def looked_up(
    reports: Sequence[ExpandedReport], books: Mapping[AddressBook, str], session: QuerySession
) -> list[ExpandedReport]:
    """With what each book says of them among what they carry. `books` by what their datasets are called in `session`.

    Raises `InvalidInput` for a dataset with more rows than a query may have.
    """
    found = {book: _entries(book, view, session) for book, view in books.items()}
    return [
        msgspec.structs.replace(report, carried=report.carried | _carried(report, found) if found else report.carried)
        for report in reports
    ]


def _entries(book: AddressBook, view: str, session: QuerySession) -> dict[str, list[str]]:
    """The different texts that stand for each key."""
    key, column = quoted(book.key), quoted(book.column)
    query = f"select distinct {key}, {column} from {quoted(view)} where {key} is not null"  # noqa: S608 – names are quoted
    result = session.execute(query)
    if result.truncated:
        raise InvalidInput("“{dataset}” has too many rows to find addresses in.", dataset=book.dataset)
    found: dict[str, list[str]] = defaultdict(list)
    for value, said in result.rows:
        found[_key(value)].append("" if said is None else str(said))
    return found


def _carried(report: ExpandedReport, found: Mapping[AddressBook, Mapping[str, list[str]]]) -> dict[str, str]:
    carried: dict[str, str] = {}
    for book, entries in found.items():
        key = _key(report.parameters.get(book.by))
        answer = _answer(key, entries)
        carried[book.key_as] = key
        if isinstance(answer, LookupProblem):
            carried[book.problem_as] = answer.value
        else:
            carried[book.carried_as] = answer
    return carried


def _answer(key: str, entries: Mapping[str, list[str]]) -> str | LookupProblem:
    if not key:
        return LookupProblem.EMPTY
    if key not in entries:
        return LookupProblem.UNKNOWN
    different = {frozenset(address.casefold() for address in parted_addresses(said)) for said in entries[key]}
    if len(different) > 1:
        return LookupProblem.DIFFERS
    (addresses,) = different
    return entries[key][0] if addresses else LookupProblem.NOBODY


def _key(value: Any) -> str:
    """As a text that is the same for a number and the same number with a point."""
    if isinstance(value, Decimal | float) and value == int(value):
        value = int(value)
    return "" if value is None else value_text(as_json(value)).strip()
