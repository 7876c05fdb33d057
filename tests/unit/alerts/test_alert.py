"""From a first sign to an end: what has to last, what is not known, and that nothing flutters."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from server.alerts.alert import Alert, AlertRule, LastTold, moved
from server.alerts.store import DEFAULT_RULES

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
RULE = replace(DEFAULT_RULES["loop_lag"], threshold=100, seconds=120)
LOW = replace(DEFAULT_RULES["disk_left"], threshold=0.1, seconds=0)


def after(*looks: tuple[float, float | None], rule: AlertRule = RULE, alert: Alert | None = None) -> Alert | None:
    """What became of it by looks at values, at seconds since noon."""
    for seconds, value in looks:
        alert = moved(alert, rule, value, NOON + timedelta(seconds=seconds))
    return alert


def steady(begin: int, end: int, value: float) -> list[tuple[float, float]]:
    return [(at, value) for at in range(begin, end + 1, 15)]


def test_it_fires_once_it_has_lasted() -> None:
    pending = after(*steady(0, 105, 200))
    assert pending is not None
    assert (pending.is_firing, pending.is_untold) == (False, False)
    fired = after(*steady(0, 120, 200))
    assert fired is not None
    assert (fired.fired_at, fired.is_untold) == (NOON + timedelta(seconds=120), True)


def test_a_peak_that_passes_never_was() -> None:
    assert after(*steady(0, 60, 200), (75, 50)) is None


def test_time_in_which_nobody_looked_does_not_count() -> None:
    alert = after((0, 200), (600, 200), (690, 200))
    assert alert is not None
    assert not alert.is_firing
    assert after((0, 200), (-3_600, 200), (-3_500, 200)) is not None  # the clock was set back


def test_a_value_that_is_not_known_changes_nothing() -> None:
    assert after((0, None)) is None
    fired = after(*steady(0, 120, 200))
    assert after((500, None), (9_000, None), alert=fired) is fired


def test_it_is_over_once_it_has_been_well_for_as_long_and_by_a_margin() -> None:
    fired = after(*steady(0, 120, 200))
    assert after(*steady(135, 600, 95), alert=fired).is_firing  # type: ignore[union-attr]  # just below
    fluttering = after(*steady(135, 240, 50), (255, 150), *steady(270, 375, 50), alert=fired)
    assert fluttering is not None
    assert fluttering.is_firing
    over = after(*steady(135, 255, 50), alert=fired)
    assert over is not None
    assert (over.ended_at, over.worst, over.value) == (NOON + timedelta(seconds=255), 200, 50)


def test_after_a_restart_it_fires_on_and_is_well_only_as_seen_since() -> None:
    fired = after(*steady(0, 120, 200))
    alert = after((135, 50), (3_600, 50), alert=fired)
    assert alert is not None
    assert alert.is_firing
    assert after(*steady(3_615, 3_720, 50), alert=alert).ended_at is not None  # type: ignore[union-attr]


def test_less_may_be_worse() -> None:
    fired = after((0, 0.05), (15, 0.02), (30, 0.105), rule=LOW)
    assert fired is not None
    assert (fired.is_firing, fired.worst) == (True, 0.02)
    over = after(*steady(45, 120, 0.2), rule=LOW, alert=fired)
    assert over is not None
    assert over.ended_at is not None


@pytest.mark.parametrize(
    ("threshold", "value", "is_well"),
    [(0.999, 0.9990, False), (0.999, 0.9992, True), (0.1, 0.105, False), (0.1, 0.12, True)],
)
def test_a_share_near_all_has_its_margin_above(threshold: float, value: float, is_well: bool) -> None:
    subject = DEFAULT_RULES["availability_24h"].subject
    assert subject.is_well(value, threshold) is is_well


def test_what_is_told_is_compared_with_what_was_sent_last() -> None:
    fired = after(*steady(0, 120, 200))
    assert fired is not None
    over = after(*steady(135, 255, 50), alert=fired)
    assert over is not None
    assert not over.is_untold  # nobody was told that it began
    assert replace(over, told=LastTold.FIRING).is_untold
    assert not replace(over, told=LastTold.ENDED).is_untold
