"""Who gets what, decided before anything is sent: theirs, and nobody else's."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from server.deliveries.planning import DeliveryRules, key_of, planned_deliveries
from server.delivery.address_books import AddressBook, LookupProblem
from server.delivery.wishes import DeliveryVia, DeliveryWish
from server.texts import told

RULES = DeliveryRules(domains=("example.com",))


@dataclass(frozen=True)
class Report:
    id: str
    carried: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)


REPORTS = [
    Report("1", {"mail": "a@example.com"}),
    Report("2", {"mail": "A@example.com, b@example.com"}),
    Report("3", {"mail": ""}),
    Report("4", {"mail": "x@else.org"}),
]


def planned(**wish: object) -> list[tuple[str, list[str], bool]]:
    found = planned_deliveries([DeliveryWish(via=DeliveryVia.MAIL, **wish)], REPORTS, RULES)  # type: ignore[arg-type]
    return [(each.recipient, [report.id for report in each.reports], each.problem is None) for each in found]


def test_each_whom_a_column_names_gets_theirs_in_one() -> None:
    assert planned(to_column="mail") == [
        ("", ["3"], False),
        ("a@example.com", ["1", "2"], True),
        ("b@example.com", ["2"], True),
        ("x@else.org", ["4"], False),
    ]


def test_a_cell_parts_addresses_at_commas_and_semicolons_and_hides_none_behind_a_line() -> None:
    reports = [
        Report("1", {"mail": "h@example.com\nBcc: evil@example.com"}),
        Report("2", {"mail": "b@example.com；c@example.com、\n d@example.com ,"}),
        Report("3", {"mail": "e@example.com f@example.com"}),
    ]
    found = planned_deliveries([DeliveryWish(via=DeliveryVia.MAIL, to_column="mail")], reports, RULES)
    assert [each.recipient for each in found if each.problem is None] == [f"{name}@example.com" for name in "bcd"]
    assert [each.recipient for each in found if each.problem is not None] == [
        "h@example.com Bcc: evil@example.com",
        "e@example.com f@example.com",
    ]


def test_a_parameter_may_name_them_too() -> None:
    wish = DeliveryWish(via=DeliveryVia.MAIL, to_column="who")
    (found,) = planned_deliveries([wish], [Report("1", {}, {"who": "a@example.com"})], RULES)
    assert found.recipient == "a@example.com"


def test_who_gets_all_of_them_does_not_get_theirs_again() -> None:
    assert planned(to=["a@example.com"], to_column="mail")[0] == ("a@example.com", ["1", "2", "3", "4"], True)
    assert [who for who, _, _ in planned(to=["a@example.com"], to_column="mail")].count("a@example.com") == 1


def test_a_folder_has_each_report_by_itself() -> None:
    found = planned_deliveries([DeliveryWish(via=DeliveryVia.FOLDER, path="archive")], REPORTS, RULES)
    assert [each.report_id for each in found] == ["1", "2", "3", "4"]


@pytest.mark.parametrize("address", ["a@example.com", "A.b+c@mail.example.com"])
def test_addresses_that_may_be(address: str) -> None:
    assert RULES.problem_of(address) is None


@pytest.mark.parametrize(
    "address",
    ["", "a", "a@", "@example.com", "a@b@example.com", "a @example.com", "a@example.com\r\nBcc: b@example.com",
     "Anna <a@example.com>", "a@example.com,b@example.com", "a@notexample.com",
     "ä@example.com", f"{'a' * 65}@example.com"],
)  # fmt: skip
def test_addresses_that_may_not(address: str) -> None:
    assert RULES.problem_of(address) is not None


def test_the_case_of_an_address_makes_no_second_one() -> None:
    assert key_of(DeliveryVia.MAIL, "A@example.com") == key_of(DeliveryVia.MAIL, "a@example.com")
    assert key_of(DeliveryVia.MAIL, "a@example.com") != key_of(DeliveryVia.LINK, "a@example.com")


def test_a_dataset_says_who_gets_each_or_why_nobody_does() -> None:
    book = AddressBook(dataset="contacts", key="region", column="mail")
    reports = [
        Report("1", {book.key_as: "North", book.carried_as: "a@example.com"}),
        Report("2", {book.key_as: "South", book.problem_as: LookupProblem.DIFFERS.value}),
        Report("3", {book.key_as: "", book.problem_as: LookupProblem.EMPTY.value}),
        Report("4", {book.key_as: "West", book.carried_as: "x@else.org"}),
        Report("5", {book.key_as: "East", book.problem_as: LookupProblem.UNKNOWN.value, "mail": "b@example.com"}),
    ]
    wish = DeliveryWish(via=DeliveryVia.MAIL, to_dataset=book)
    found = planned_deliveries([wish], reports, RULES)
    told_of = {
        each.report_id: told(str(each.problem["phrase"]), each.problem["parameters"], str)
        for each in found
        if each.problem
    }  # type: ignore[arg-type]
    assert told_of == {
        "2": "“South” is several times in “contacts”, with different addresses.",
        "3": "Its “region” is empty, so nobody can be found in “contacts”.",
        "4": "Mail to “x@else.org” is not allowed here.",
        "5": "“East” is not in “contacts”.",
    }
    assert [(each.recipient, each.report_id) for each in found if each.problem is None] == [("a@example.com", "1")]
