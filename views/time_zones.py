"""Time zones to choose from, with the offset they have now."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from server.operations.account_fields import time_zones

_REGIONS = ("Africa/", "America/", "Antarctica/", "Arctic/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/")
# A guess for whoever has no scripts: most readers of a language with one zone live there.
_LIKELY = {"zh-CN": "Asia/Shanghai"}


def time_zone_choices(now: datetime, *, chosen: str) -> list[tuple[str, str]]:
    """(name, `Asia/Shanghai (+08:00)`) pairs: places only, not the old aliases, but always the one in use."""
    names = {name for name in time_zones() if name.startswith((*_REGIONS, "Pacific/"))} | {"UTC", chosen}
    return [(name, f"{name.replace('_', ' ')} ({_offset(name, now)})") for name in sorted(names)]


def likely_time_zone(language: str) -> str:
    return _LIKELY.get(language, "UTC")


def _offset(name: str, now: datetime) -> str:
    text = now.astimezone(ZoneInfo(name)).strftime("%z")
    return f"{text[:3]}:{text[3:5]}"
