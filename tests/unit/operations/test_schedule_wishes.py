"""What a change of a schedule leaves as it was."""

from __future__ import annotations

import pytest

from server.errors import InvalidInput
from server.operations.schedule_wishes import ScheduleWish, require_right, whole_changes


def test_another_time_takes_the_place_of_the_one_before() -> None:
    assert whole_changes({"cron": "0 8 * * *", "enabled": True}) == {
        "cron": "0 8 * * *",
        "after_import": "",
        "after_schedule": "",
    }
    assert whole_changes({"template": "sales"}) == {"owner": None, "template": "sales"}
    assert whole_changes({"name": "Daily"}) == {"name": "Daily"}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({}, "cron"),
        ({"cron": "0 8 * * *", "after_import": "orders"}, "cron"),
        ({"cron": "0 8 * * *", "time_zone": "Mars/Base"}, "time_zone"),
        ({"cron": "0 8 * * *", "quiet_seconds": -1}, "quiet_seconds"),
        ({"cron": "0 8 * * *", "name": "a\nb"}, "name"),
        ({"cron": "soon"}, "cron"),
    ],
)
def test_each_wrong_field_is_named(wrong: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        require_right(ScheduleWish(template="sales", **({"time_zone": "UTC"} | wrong)))  # type: ignore[arg-type]
    assert [each.field for each in error.value.errors] == [field]
