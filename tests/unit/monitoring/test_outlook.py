"""The day a disk is full: told when it fills steadily, and not made up otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from server.monitoring.outlook import full_at

DAY = 86_400
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)


def measured(*free: float, hours: int = 24) -> list[tuple[int, float]]:
    return [(int(BEGIN.timestamp()) + number * hours * 3_600, value) for number, value in enumerate(free)]


def test_what_fills_steadily_has_its_day() -> None:
    assert full_at(measured(100, 90, 80, 70)) == BEGIN + timedelta(days=10)


def test_a_single_jump_does_not_decide() -> None:
    found = full_at(measured(100, 90, 95, 70, 60, 50))
    assert found is not None
    assert BEGIN + timedelta(days=9) < found < BEGIN + timedelta(days=12)


def test_nothing_is_said_of_a_disk_that_empties_stands_or_fills_over_years() -> None:
    assert full_at(measured(50, 60, 70)) is None
    assert full_at(measured(50, 50, 50)) is None
    assert full_at(measured(1_000_000, 999_999, 999_998)) is None


def test_nothing_is_said_of_less_than_a_day() -> None:
    assert full_at(measured(100, 90, 80, hours=6)) is None
    assert full_at([]) is None
