"""What administrators can ask of maintenance: windows in which nobody is told of what fires."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from server.alerts.windows import MOST_SECONDS, MaintenanceWindow, end_window, put_window, windows_since
from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.clock import Clock, new_id, utc_now
from server.errors import FieldError, InvalidInput, NotFound
from server.monitoring.uptime import UptimeSpan
from server.operations.account_fields import time_zones
from server.storage.database import Database

MOST_NOTE = 300
MOST_WINDOWS = 100
_FIRST_YEAR = 2000
_SHOWN = timedelta(days=7)  # that are over


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowStanding:
    """`next` is when it is under way or comes next, None of one that is over."""

    window: MaintenanceWindow
    is_under_way: bool
    next: UptimeSpan | None


class MaintenanceOperations:
    def __init__(self, *, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def windows(self, principal: Principal) -> list[WindowStanding]:
        """Those that come, that are under way, and that were over in the last week; what is next first."""
        principal.require_admin()
        now = self._clock()
        async with self._database.read() as connection:
            found = await windows_since(connection, now - _SHOWN)
        standings = [
            WindowStanding(window=window, is_under_way=window.is_under_way(now), next=window.next_span(now))
            for window in found
        ]
        return sorted(standings, key=lambda each: (each.next is None, each.next or (now, now), each.window.id))

    async def plan(
        self,
        principal: Principal,
        *,
        minutes: float,
        begin: str | None = None,
        time_zone: str | None = None,
        is_weekly: bool = False,
        note: str = "",
    ) -> MaintenanceWindow:
        """From `begin` (`2026-12-05T22:00`), by the clock on the wall of `time_zone`, else from now on."""
        principal.require_admin()
        zone = principal.time_zone if time_zone is None else time_zone
        now = self._clock()
        local = _local(begin)
        _require(minutes=minutes, is_time=begin is None or local is not None, zone=zone, note=note)
        window = MaintenanceWindow(
            id=new_id(),
            begin=local or now.astimezone(ZoneInfo(zone)).replace(tzinfo=None),
            time_zone=zone,
            seconds=minutes * 60,
            is_weekly=is_weekly,
            note=note.strip(),
            created_by=principal.user_name,
            created_at=now,
            ended_at=None,
        )
        if window.next_span(now) is None:
            message = "This is over already: choose a later time."
            raise InvalidInput(errors=[FieldError(field="begin", message=message)])
        async with self._database.write() as connection:
            if len(await windows_since(connection, now)) >= MOST_WINDOWS:
                raise InvalidInput("There may be at most {limit} windows at once.", limit=MOST_WINDOWS)
            await put_window(connection, window)
            detail = {"begin": str(window.begin), "zone": zone, "minutes": minutes, "weekly": is_weekly}
            await Audit.record(connection, principal, "maintenance.plan", window.note, detail, subject_id=window.id)
        return window

    async def end(self, principal: Principal, window_id: str) -> None:
        """From now on people are told again; one that has not begun never does."""
        principal.require_admin()
        async with self._database.write() as connection:
            if not await end_window(connection, window_id, self._clock()):
                raise NotFound
            await Audit.record(connection, principal, "maintenance.end", subject_id=window_id)


def _local(begin: str | None) -> datetime | None:
    """None for what is no time of a clock on a wall."""
    try:
        found = datetime.fromisoformat(begin or "")
    except ValueError:
        return None
    return found if found.tzinfo is None and found.year >= _FIRST_YEAR else None


def _require(*, minutes: float, is_time: bool, zone: str, note: str) -> None:
    problems: list[FieldError] = []
    if not 1 <= minutes <= MOST_SECONDS / 60:
        problems.append(FieldError(field="minutes", message="Choose from 1 minute to 6 days."))
    if zone not in time_zones():
        problems.append(FieldError(field="time_zone", message="Choose a time zone such as Europe/Berlin."))
    if not is_time:
        problems.append(FieldError(field="begin", message="Write a time as 2026-12-05T22:00; the zone stands apart."))
    if len(note) > MOST_NOTE or not note.isprintable():
        problems.append(FieldError(field="note", message="Write one line of at most 300 characters."))
    if problems:
        raise InvalidInput(errors=problems)
