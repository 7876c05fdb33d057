"""Numbers, sizes, times and progress figures as a reader expects them: in their language and time zone."""

from __future__ import annotations

import datetime as dt
import gettext
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import cached_property
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, dates, numbers, units
from markupsafe import Markup, escape

from server.errors import JinduError
from server.figures import figure
from server.jobs.away import is_held_up
from server.jobs.job import Job, JobError, State
from server.jobs.kinds import JobKinds
from server.jobs.shown import state_text
from server.languages import babel_locale
from server.live.waiting_words import waiting_words
from server.schedules.schedule import ScheduleError
from server.texts import told

_SIZES = ("byte", "kilobyte", "megabyte", "gigabyte", "terabyte")
_LEAST_RATE = 0.05  # less rounds to nothing
_MOST_PERCENT, _MOST_BYTES, _MOST_SECONDS = 1e15, 1e30, 1e15  # beyond, nothing is known
_LARGE_CHANGE = 10  # times; nobody wants tenths of a percent of more
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}(-[0-9]{2})?")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@dataclass(frozen=True)
class ReaderFormats:
    """Everything that depends on who reads: the language, the time zone, and what time it is now."""

    language: str
    translations: gettext.NullTranslations
    time_zone: str
    now: dt.datetime
    reader_id: str = ""

    @cached_property
    def locale(self) -> Locale:
        return babel_locale(self.language)

    @cached_property
    def zone(self) -> ZoneInfo:
        try:
            return ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            return ZoneInfo("UTC")

    def gettext(self, text: str) -> str:
        return self.translations.gettext(text) if text else ""

    def pgettext(self, context: str, text: str) -> str:
        return self.translations.pgettext(context, text)

    def listed(self, names: Iterable[str]) -> str:
        """`PDF, Excel`, with the mark that the reader's language has between names."""
        return self.pgettext("between names", ", ").join(names)

    def ngettext(self, singular: str, plural: str, count: int) -> str:
        return self.translations.ngettext(singular, plural, count)

    def number(self, value: float | Decimal | None) -> str:
        """12400 → `12,400`; at most three decimals, but all that an exact one has."""
        return "–" if value is None else figure(value, self.locale)

    def fixed(self, value: float | Decimal | str, decimals: int) -> str:
        """12.5 with two decimals → `12.50`; a text is a number in digits."""
        number = Decimal(value) if isinstance(value, str) else value
        with localcontext(prec=100):  # 21 digits, and ten behind the mark
            return figure(number, self.locale, pattern="#,##0." + "0" * decimals if decimals else "#,##0")

    def marked(self, text: str, needles: Sequence[str], raw: object = "") -> Markup:
        """`text` with each of `needles` in it marked, whatever its case; as a whole when only `raw`, as it is stored,
        has it."""
        wanted = "|".join(re.escape(needle) for needle in needles if needle)
        if not wanted:
            return escape(text)
        pieces = re.split(f"({wanted})", text, flags=re.IGNORECASE)
        if len(pieces) == 1 and re.search(wanted, str(raw), re.IGNORECASE):
            return Markup("<mark>{}</mark>").format(text)
        mark = Markup("<mark>{}</mark>")
        return Markup("").join(mark.format(each) if n % 2 else escape(each) for n, each in enumerate(pieces))

    def percent(self, value: float | None) -> str:
        """42.5 → `42%`: of hundred, rounded down, so that 100 % means everything."""
        if value is None or not abs(value) < _MOST_PERCENT:
            return "–"
        return numbers.format_percent(int(value) / 100, locale=self.locale)

    def share(self, part: float | None) -> str:
        """0.99987 → `99.98%`: rounded down, so that 100 % means without an exception."""
        if part is None:
            return "–"
        pattern = "#,##0%" if part == 1 else "#,##0.00%"
        return numbers.format_percent(math.floor(part * 10_000) / 10_000, pattern, locale=self.locale)

    def change(self, part: float) -> str:
        """0.125 → `+12.5%`: of what it was before."""
        pattern = "+#,##0.0%;-#,##0.0%" if abs(part) < _LARGE_CHANGE else "+#,##0%;-#,##0%"
        return numbers.format_percent(part, pattern, locale=self.locale)

    def filesize(self, value: float | None) -> str:
        """1_234_567 → `1.2 MB`, in powers of 1000 as file managers and disks count."""
        if value is None or not abs(value) < _MOST_BYTES:
            return "–"
        size, step = float(value), 0
        while size >= 999.5 and step < len(_SIZES) - 1:
            size, step = size / 1000, step + 1
        pattern = "0" if step == 0 or size >= 100 else "0.0"
        length: Literal["long", "short"] = "short" if step else "long"  # the short `byte` has no plural
        return units.format_unit(size, f"digital-{_SIZES[step]}", length, format=pattern, locale=self.locale)

    def duration(self, seconds: float | None) -> str:
        """3725 → `1h 2m`: the two largest units that matter."""
        if seconds is None or not seconds < _MOST_SECONDS:
            return "–"
        if seconds < 1:
            return self._unit(round(max(seconds, 0), 1) or 0, "second")
        whole = round(seconds)
        parts: list[tuple[int, str]] = []
        for length, name in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute"), (1, "second")):
            count, whole = divmod(whole, length)
            if count or parts:
                parts.append((count, name))
        return " ".join(self._unit(count, name) for count, name in parts[:2] if count)

    def datetime(self, value: dt.datetime | None) -> str:
        """`Nov 24, 2026, 4:00:00 PM UTC+08:00`: with the zone, which may not be the one of the clock on the wall."""
        if value is None:
            return "–"
        moment = dates.format_datetime(value, "medium", tzinfo=self.zone, locale=self.locale)
        offset = dates.format_datetime(value, "XXX", tzinfo=self.zone, locale="en")
        return f"{moment} UTC{offset.removesuffix('Z')}"

    def until(self, value: dt.datetime | None) -> str:
        """`Nov 30, 2026, 24:00 UTC+08:00` where it is the end of a day, which 0:00 of the next one would not say."""
        if value is None:
            return self.gettext("no end")
        local = value.astimezone(self.zone)
        if local.time() != dt.time():
            return self.datetime(value)
        day = dates.format_date(local.date() - dt.timedelta(days=1), "medium", locale=self.locale)
        offset = dates.format_datetime(value, "XXX", tzinfo=self.zone, locale="en")
        joined = str(dates.get_datetime_format("medium", locale=self.locale))  # of a date {1} and a time {0}
        return f"{joined.format('24:00', day)} UTC{offset.removesuffix('Z')}"

    def time(self, value: dt.datetime | None) -> str:
        """Time of day with seconds, for log lines."""
        return "–" if value is None else dates.format_time(value, "medium", tzinfo=self.zone, locale=self.locale)

    def clock(self, value: dt.datetime) -> str:
        """`9:06:12 PM` of today, else with the date."""
        if self.date(value) == self.date(self.now):
            return self.time(value)
        return dates.format_datetime(value, "medium", tzinfo=self.zone, locale=self.locale)

    def date(self, value: dt.date | None) -> str:
        if value is None:
            return "–"
        moment = value.astimezone(self.zone) if isinstance(value, dt.datetime) else value
        return dates.format_date(moment, "medium", locale=self.locale)

    def month(self, value: dt.datetime) -> str:
        """`November 2026`, of the reader's zone."""
        return str(dates.format_skeleton("yMMMM", value.astimezone(self.zone), locale=self.locale))

    def value_in_words(self, text: str) -> str:
        """`2026-10` → `October 2026`, `2026-10-31` → `Oct 31, 2026`; what is no such text stays."""
        if not _ISO.fullmatch(text):
            return self.gettext(text) if text in ("yes", "no") else text
        try:
            day = dt.date.fromisoformat(f"{text}-01" if len(text) == len("2026-10") else text)
        except ValueError:
            return text
        return (
            self.date(day)
            if len(text) > len("2026-10")
            else str(dates.format_skeleton("yMMMM", day, locale=self.locale))
        )

    def exact(self, value: dt.datetime | None) -> str:
        """When it was, beside how long ago: `4:05 PM` of today, else `Nov 24, 2026, 4:05 PM`."""
        if value is None:
            return "–"
        if self.date(value) == self.date(self.now):
            return dates.format_time(value, "short", tzinfo=self.zone, locale=self.locale)
        joined = str(dates.get_datetime_format("medium", locale=self.locale))  # of a date {1} and a time {0}
        return joined.format(dates.format_time(value, "short", tzinfo=self.zone, locale=self.locale), self.date(value))

    def is_of_late(self, value: dt.datetime) -> bool:
        """Whether how long ago it was says more than when."""
        return abs(self.now - value.astimezone(dt.UTC)) < dt.timedelta(days=1)

    def relative(self, value: dt.datetime | None) -> str:
        """`5 minutes ago`; a date once that says more."""
        if value is None:
            return "–"
        age = self.now - value.astimezone(dt.UTC)
        if abs(age.total_seconds()) > 7 * _DAY:
            return self.date(value)
        if abs(age.total_seconds()) < 5:
            return self.gettext("just now")
        return dates.format_timedelta(-age, add_direction=True, locale=self.locale)

    def amount(self, value: float, unit: str) -> str:
        """A count of a job's unit, bytes as a file size."""
        if unit == "bytes":
            return self.filesize(value)
        return self.number(value if isinstance(value, int) else _rounded(value * 100) / 100)

    def counted(self, job: Job) -> str:
        """`12,400 of 50,000 rows`, `6 of 7 reports · 1 failed`. `static/js/figures.js` writes the same text."""
        if job.state == "queued" and not job.progress:
            return ""
        done, unit = self.amount(job.progress, job.unit), self.gettext(job.unit)
        if job.total is None:
            return done if job.unit == "bytes" else f"{done} {unit}"
        total = self.amount(job.total, job.unit)
        if job.unit == "bytes":
            return self.gettext("{done} of {total}").format(done=done, total=total)
        failed = _failed_reports(job)
        done = self.amount(job.progress - failed, job.unit)
        text = self.gettext("{done} of {total} {unit}").format(done=done, total=total, unit=unit)
        if not failed:
            return text
        return " · ".join((text, self.gettext("{count} failed").format(count=self.number(failed))))

    def pace(self, job: Job) -> str:
        """What follows it while it moves: ` · 8,120/s · 5s left`. A page that is not live hides it."""
        parts = [""]
        if job.pace and job.pace >= _LEAST_RATE:
            parts.append(self.gettext("{amount}/s").format(amount=self._rate(job.pace, job.unit)))
        if job.stalled_since is not None and job.state == "running":
            parts.append(self.gettext("nothing since {time}").format(time=self.clock(job.stalled_since)))
        if job.eta_seconds is not None:
            parts.append(self.gettext("{duration} left").format(duration=self.duration(max(1, job.eta_seconds))))
        return " · ".join(parts)

    def waiting_for(self, job: Job, kinds: JobKinds) -> str:
        """Why it does not move: `place 3 · waits for 2 reports of others, about 6 s`."""
        if job.waiting is None:
            return ""
        words = waiting_words(job.waiting, kinds, self.translations, is_readers=job.owner_id == self.reader_id)
        if is_held_up(job) and job.stalled_since is not None:
            return self.gettext("{words} since {time}").format(words=words, time=self.clock(job.stalled_since))
        if job.waiting.place is None:
            return words
        place = self.gettext("place {place} in line").format(place=self.number(job.waiting.place))
        return f"{place} · {words}"

    def state_text(self, job: Job, kinds: JobKinds) -> str:
        """`Stalled`, `Done · 1,200 left out`."""
        return state_text(job, kinds.shown(job.kind), self.gettext, self.locale)

    def value_text(self, job: Job, kinds: JobKinds) -> str:
        """What its bar says to who cannot see it: `Paused · 40 of 100 rows`."""
        return " · ".join(filter(None, (self.state_text(job, kinds), self.counted(job), self.waiting_for(job, kinds))))

    def error_text(self, error: JinduError | JobError | ScheduleError | dict[str, object] | None) -> str:
        """An error's message in the reader's language, its placeholders filled."""
        if error is None:
            return ""
        if isinstance(error, JinduError):
            return error.translated(self.gettext)
        message, parameters = _parts_of(error)
        return told(message, parameters, self.gettext)

    def warning_text(self, warning: Mapping[str, Any]) -> str:
        """Of a warning as results of jobs have it. Those of earlier versions are in English alone."""
        message = warning.get("template", warning["message"])
        return told(message, warning.get("parameters", {}), self.gettext)

    def _rate(self, value: float, unit: str) -> str:
        """Slow work has a decimal: 0.4 reports a second are not none."""
        if unit == "bytes":
            return self.filesize(value)
        return self.number(_rounded(value * 10) / 10 if value < 10 else _rounded(value))

    def _unit(self, count: float, name: str) -> str:
        text = units.format_unit(count, f"duration-{name}", "narrow", locale=self.locale)
        if "duration-" in text:  # Babel does not inherit missing lengths; CLDR's narrow is the short one then
            text = units.format_unit(count, f"duration-{name}", "short", locale=self.locale)
        return text


def _failed_reports(job: Job) -> int:
    """Of those that are over, of which none came."""
    failed = (job.detail | (job.result or {})).get("failed") if job.unit == "reports" else 0
    return failed if isinstance(failed, int) else 0


def _rounded(value: float) -> float:
    """Half up, as browsers round; what is no finite number stays."""
    return int(value + 0.5) if not isinstance(value, int) and math.isfinite(value) else value


def _parts_of(error: JobError | ScheduleError | dict[str, object]) -> tuple[str, dict[str, object]]:
    if not isinstance(error, dict):
        return error.message, error.parameters
    parameters = error.get("parameters")
    return str(error.get("message", "")), parameters if isinstance(parameters, dict) else {}


def is_repeated(job: Job) -> bool:
    """Whether an attempt came before this one, or the one that it waits for: then its message says why."""
    return job.attempt > 1 or (job.attempt == 1 and job.state is State.QUEUED)
