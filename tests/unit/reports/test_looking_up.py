"""Who gets a report is found by its key, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from server.datasets.query_session import QuerySession
from server.datasets.work import QueryLimits
from server.delivery.address_books import AddressBook, LookupProblem
from server.errors import InvalidInput
from server.reports.looking_up import looked_up
from server.reports.work import ExpandedReport

BOOK = AddressBook(dataset="contacts", key="region", column="mail")
ROWS = """
    ('North', 'n@example.com'), ('North', 'N@example.com'), ('South', 's@example.com'), ('South', 't@example.com'),
    ('West', null), ('华东', 'e@example.com, f@example.com'), (null, 'x@example.com'), ('12', 'twelve@example.com')
"""


@pytest.fixture
def contacts(tmp_path: Path) -> Path:
    path = tmp_path / "contacts.parquet"
    duckdb.sql(f"copy (select * from (values {ROWS}) as t(region, mail)) to '{path}' (format parquet)")
    return path


def found(contacts: Path, book: AddressBook = BOOK, *, rows: int = 100, **parameters: Any) -> dict[str, str]:
    with QuerySession({"addresses 0": [contacts]}, QueryLimits(rows=rows)) as session:
        reports = [ExpandedReport(parameters=parameters, carried={"beside": "kept"})]
        (report,) = looked_up(reports, {book: "addresses 0"}, session)
    assert report.carried["beside"] == "kept"
    return report.carried


@pytest.mark.parametrize(
    ("region", "address"),
    [("North", "n@example.com"), ("华东", "e@example.com, f@example.com"), (12, "twelve@example.com")],
)
def test_the_row_of_the_key_says_who(contacts: Path, region: object, address: str) -> None:
    """Written in several cases, it is one address; a number is the same as its text."""
    assert found(contacts, region=region)[BOOK.carried_as].casefold() == address


@pytest.mark.parametrize(
    ("region", "problem"),
    [
        ("South", LookupProblem.DIFFERS),
        ("West", LookupProblem.NOBODY),
        ("north", LookupProblem.UNKNOWN),
        ("", LookupProblem.EMPTY),
        (None, LookupProblem.EMPTY),
    ],
)
def test_what_is_unclear_names_nobody(contacts: Path, region: object, problem: LookupProblem) -> None:
    carried = found(contacts, region=region)
    assert (carried.get(BOOK.carried_as), carried[BOOK.problem_as]) == (None, problem)


def test_another_parameter_may_be_the_key(contacts: Path) -> None:
    book = AddressBook(dataset="contacts", key="region", column="mail", parameter="area")
    assert found(contacts, book, area="North", region="South")[book.carried_as].casefold() == "n@example.com"


def test_a_dataset_that_is_not_read_whole_says_nothing(contacts: Path) -> None:
    with pytest.raises(InvalidInput):
        found(contacts, rows=3, region="North")
