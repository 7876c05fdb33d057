"""The month of schedules shows what was delivered on each day of its reader."""

from __future__ import annotations

from datetime import UTC, date, datetime

from server.deliveries.delivery import BatchDelivered
from views.schedule_calendar import CalendarMonth, calendar_of, days_of

NOVEMBER = CalendarMonth(first=date(2026, 11, 1))


def test_deliveries_stand_on_the_day_of_the_reader_and_lead_to_what_needs_somebody() -> None:
    delivered = [
        BatchDelivered(batch_id="late", at=datetime(2026, 11, 9, 17, tzinfo=UTC), sent=12),
        BatchDelivered(batch_id="wrong", at=datetime(2026, 11, 10, 1, tzinfo=UTC), sent=3, troubled=2, skipped=1),
        BatchDelivered(batch_id="last", at=datetime(2026, 11, 10, 2, tzinfo=UTC), sent=1),
        BatchDelivered(batch_id="waits", at=datetime(2026, 11, 11, 2, tzinfo=UTC)),
    ]
    now = datetime(2026, 11, 28, tzinfo=UTC)
    weeks = calendar_of([], {}, NOVEMBER, now=now, time_zone="Asia/Shanghai", delivered=delivered)
    days = {day.day: day.delivered for week in weeks for day in week if not day.is_empty}
    (tenth,) = days.values()
    assert list(days) == [date(2026, 11, 10)]
    assert tenth is not None
    assert (tenth.batch_id, tenth.sent, tenth.troubled, tenth.skipped) == ("wrong", 16, 2, 1)


def test_a_month_spans_its_whole_weeks() -> None:
    begin, *days, end = days_of(NOVEMBER, "Asia/Shanghai")
    assert (begin, end) == (datetime(2026, 10, 25, 16, tzinfo=UTC), datetime(2026, 12, 6, 16, tzinfo=UTC))
    assert len(days) == 41
