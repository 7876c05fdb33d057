"""Every operation has its page, and every error that an answer can be has its line."""

from __future__ import annotations

from server.errors import NotFound, QuotaExceeded
from views.api import ENDPOINTS
from views.reference_sections import SECTIONS, error_codes, section_of


def test_every_operation_is_in_a_section_and_no_section_is_empty() -> None:
    assert {section_of(endpoint.path) for endpoint in ENDPOINTS} == {section.name for section in SECTIONS}


def test_the_longest_beginning_counts() -> None:
    assert [section_of(path) for path in ("/admin/users/{id}", "/admin/usage", "/openapi.json", "/imports")] == [
        "users",
        "server",
        "live",
        "imports",
    ]


def test_errors_are_told_once_each_by_status() -> None:
    errors = error_codes()
    assert [error.status for error in errors] == sorted(error.status for error in errors)
    assert len({error.code for error in errors}) == len(errors)
    told = {(error.status, error.code): error.message for error in errors}
    assert told[404, "not_found"] == NotFound.__doc__
    assert (507, QuotaExceeded.code) in told


def test_no_error_promises_figures_that_are_not_there() -> None:
    assert [error.message for error in error_codes() if "{" in error.message] == []
