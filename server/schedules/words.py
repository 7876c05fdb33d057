"""Common times as people say them, and back: each is one cron expression, and forms need no other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_MONDAY_FIRST = ("1", "2", "3", "4", "5", "6", "0")


class Pattern(StrEnum):
    """`OWN` is whatever people have no other words for."""

    DAILY = "daily"
    WEEKDAYS = "weekdays"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    LAST = "last"
    OWN = "own"


@dataclass(frozen=True, slots=True, kw_only=True)
class CronWords:
    """`time` is `08:00`; `weekday` counts from Monday, 0, and matters to `WEEKLY` alone, as `day` does to `MONTHLY`."""

    pattern: Pattern
    time: str = "08:00"
    weekday: int = 0
    day: int = 1
    cron: str = ""

    def as_cron(self) -> str:
        """Empty for what is no time of a day, which is then refused as no cron."""
        if self.pattern is Pattern.OWN:
            return self.cron
        found = _TIME.fullmatch(self.time)
        if found is None:
            return ""
        days = {
            Pattern.DAILY: "* * *",
            Pattern.WEEKDAYS: "* * 1-5",
            Pattern.WEEKLY: f"* * {_MONDAY_FIRST[self.weekday % 7]}",
            Pattern.MONTHLY: f"{self.day} * *",
            Pattern.LAST: "L * *",
        }
        return f"{int(found[2])} {int(found[1])} {days[self.pattern]}"


def words_of(cron: str) -> CronWords:
    """How people say it."""
    fields = cron.upper().split()
    if len(fields) != 5 or not all(each.isdecimal() for each in fields[:2]):
        return CronWords(pattern=Pattern.OWN, cron=cron)
    time = f"{int(fields[1]):02}:{int(fields[0]):02}"
    match fields[2:]:
        case ["*", "*", "*"]:
            return CronWords(pattern=Pattern.DAILY, time=time, cron=cron)
        case ["*", "*", "1-5" | "MON-FRI"]:
            return CronWords(pattern=Pattern.WEEKDAYS, time=time, cron=cron)
        case ["*", "*", day] if day in {*_MONDAY_FIRST, "7"}:
            return CronWords(pattern=Pattern.WEEKLY, time=time, weekday=(int(day) - 1) % 7, cron=cron)
        case ["L", "*", "*"]:
            return CronWords(pattern=Pattern.LAST, time=time, cron=cron)
        case [day, "*", "*"] if day.isdecimal():
            return CronWords(pattern=Pattern.MONTHLY, time=time, day=int(day), cron=cron)
    return CronWords(pattern=Pattern.OWN, cron=cron)
