"""Countries whose working days a schedule may keep to, by their names in the reader's language."""

from __future__ import annotations

from functools import lru_cache

from babel import Locale
from babel.core import get_global

from server.schedules.workdays import countries


@lru_cache(maxsize=16)
def country_choices(locale: Locale) -> tuple[tuple[str, str], ...]:
    """Two letters and name, sorted by name."""
    return tuple(sorted(((code, country_name(code, locale)) for code in countries()), key=lambda pair: pair[1]))


def country_name(code: str, locale: Locale) -> str:
    """The code itself where the language has no name for it."""
    return str(locale.territories.get(code, code))


def country_of_zone(time_zone: str) -> str:
    """Where the clocks show that time: what is proposed; empty for no country."""
    code = str(get_global("zone_territories").get(time_zone, ""))
    return code if code in countries() else ""
