"""Identifiers sort by time and do not repeat; moments are written as the protocol says."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from server.clock import new_id, rfc3339, rfc3339_now, utc_now


def test_identifiers_are_unique_and_26_characters_of_a_safe_alphabet() -> None:
    made = {new_id() for _ in range(10_000)}
    assert len(made) == 10_000
    assert all(re.fullmatch(r"[0-9a-hjkmnp-tv-z]{26}", identifier) for identifier in made)


def test_moments_are_utc_with_microseconds() -> None:
    moment = datetime(2026, 3, 1, 8, 0, 0, 125, tzinfo=timezone(timedelta(hours=8)))
    assert rfc3339(moment) == "2026-03-01T00:00:00.000125Z"


def test_now_is_written_as_any_moment_is() -> None:
    before, now, after = rfc3339(utc_now()), rfc3339_now(), rfc3339(utc_now())
    assert before <= now <= after
    assert len(now) == len(before)
