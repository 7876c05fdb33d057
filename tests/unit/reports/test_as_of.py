"""The moment that an order's reports speak of."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from server.errors import InvalidInput
from server.reports.as_of import moment_of


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        ("2026-10-31", datetime(2026, 10, 31, 15, 59, 59, tzinfo=UTC)),
        ("2026-10-31T08:00:00+08:00", datetime(2026, 10, 31, tzinfo=UTC)),
        ("2026-10-31T00:00:00.75Z", datetime(2026, 10, 31, tzinfo=UTC)),
    ],
)
def test_a_day_is_its_end_where_the_person_lives(given: str, moment: datetime) -> None:
    assert moment_of(given, "Asia/Shanghai") == moment


@pytest.mark.parametrize("given", ["soon", "31.10.2026", "2026-10-31T08:00:00", "1980-12-31", "2100-01-01"])
def test_what_is_none_says_how_to_write_one(given: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        moment_of(given, "UTC")
    [error] = caught.value.errors
    assert error.field == "as_of"
    assert "2026" in error.text or "2099" in error.text
