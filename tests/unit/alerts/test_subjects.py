"""What alerts look at, as it is measured."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from server.alerts.subject import Measurements
from server.alerts.subjects import SUBJECTS

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
BACKUP = next(each for each in SUBJECTS if each.name == "backup_age")


@pytest.mark.parametrize(
    ("keeps", "known", "age"),
    [
        (1, {"backup_age": 90.0}, 90.0),
        (1, {"backup_age": 90.0, "scheduled_backup_age": 20.0}, 20.0),
        (0, {"backup_age": 90.0}, None),  # nobody is to make one each night any more
        (0, {"backup_age": 90.0, "scheduled_backup_age": 200.0}, 200.0),
        (1, {}, None),
    ],
)
def test_the_newest_proven_backup_counts_whoever_made_it(keeps: int, known: dict[str, float], age: float) -> None:
    found = Measurements(five_minutes={"keeps_backups": [1, keeps, keeps, keeps]}, hour={}, known=known, now=NOON)
    assert BACKUP.measure is not None
    assert BACKUP.measure(found, "") == age
