"""Time zones to choose from, with the offset they have now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from server.operations.account_fields import time_zones

_REGIONS = ("Africa/", "America/", "Antarctica/", "Arctic/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/")
# A guess for whoever has no scripts: most readers of a language with one zone live there.
_LIKELY = {"zh-CN": "Asia/Shanghai"}


def time_zone_choices(now: datetime, *, chosen: str) -> list[tuple[str, str]]:
    """(name, `Asia/Shanghai (+08:00)`) pairs: places only, not the old aliases, but always the one in use."""
    offsets = dict(_offsets(now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)))
    offsets.setdefault(chosen, _offset(chosen, now))
    return [(name, f"{name.replace('_', ' ')} ({offsets[name]})") for name in sorted(offsets)]


@lru_cache(maxsize=1)
def _offsets(quarter: datetime) -> Mapping[str, str]:
    """Clocks are set at quarters of hours. To read all zones anew for each page takes 50 ms."""
    names = (name for name in time_zones() if name.startswith((*_REGIONS, "Pacific/")))
    return {name: _offset(name, quarter) for name in (*names, "UTC")}


def likely_time_zone(language: str) -> str:
    return _LIKELY.get(language, "UTC")


def _offset(name: str, now: datetime) -> str:
    text = now.astimezone(ZoneInfo(name)).strftime("%z")
    return f"{text[:3]}:{text[3:5]}"
