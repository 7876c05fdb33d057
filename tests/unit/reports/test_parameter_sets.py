"""Sets of parameters that mean the same at whatever time they are made."""

from __future__ import annotations

from typing import Any

import pytest

from server.reports.parameter_sets import repeated_sets
from server.reports.parameters import Parameter

PARAMETERS = (
    Parameter(name="region"),
    Parameter(name="month", type="month", default="last_month"),
    Parameter(name="year", type="integer", required=False),
    Parameter(name="shops", type="list", of="integer", required=False),
    Parameter(name="note", required=False),
)


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        ({"region": "North"}, {"region": "North", "month": "last_month"}, True),
        ({"region": "North"}, {"month": "", "region": "North", "year": None, "shops": []}, True),
        ({"year": "2026"}, {"year": 2026}, True),
        ({"shops": "1, 2"}, {"shops": [1, 2]}, True),
        ({"month": "2025-12"}, {"month": "2025-12-01"}, True),
        ({"month": "2025-12"}, {"month": "last_month"}, False),  # in January only
        ({"month": "last_month"}, {"month": "this_month"}, False),
        ({"region": "North"}, {"region": "north"}, False),
        ({"note": ""}, {}, False),
        ({"mail": "a@example.com"}, {"mail": "b@example.com"}, False),  # goes to somebody else
    ],
)
def test_words_and_defaults_are_what_they_stand_for(
    first: dict[str, Any], second: dict[str, Any], is_same: bool
) -> None:
    found = repeated_sets(PARAMETERS, [{"region": "South"}, {"region": "North"} | first, {"region": "North"} | second])
    assert [(each.field, each.parameters) for each in found] == [("parameters[2]", {"number": 2})] * is_same
