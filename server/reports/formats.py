"""How values are written: in a report's language for people, as Excel number formats for cells, as facts for charts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from babel import UnknownLocaleError
from babel.dates import format_date, format_datetime, format_skeleton
from babel.numbers import (
    UnknownCurrencyError,
    format_currency,
    format_percent,
    format_scientific,
    get_currency_precision,
    get_currency_symbol,
    is_currency,
)

from server.errors import InvalidInput
from server.figures import figure, is_beyond_digits, rounded
from server.languages import babel_locale
from server.reports import short_numbers
from server.reports.short_numbers import MAX_DECIMALS, places_of_little
from server.reports.years import LAST_YEAR, is_year

FORMATS = (
    "text", "integer", "decimal", "currency", "percent", "compact", "date", "month", "year", "datetime", "duration",
    "boolean",
)  # fmt: skip
NUMERIC = frozenset({"integer", "decimal", "currency", "percent", "compact", "year", "duration"})
_SIGN = re.compile("[-+]")
_ISOLATE, _END_OF_ISOLATE = "\u2068", "\u2069"
_LEFT_TO_RIGHT = "\u200e"
_SHORT_SCIENTIFIC = "0.######E0"
_YES_NO = {
    "zh": ("是", "否"), "en": ("yes", "no"), "de": ("ja", "nein"), "fr": ("oui", "non"), "es": ("sí", "no"),
    "it": ("sì", "no"), "pt": ("sim", "não"), "nl": ("ja", "nee"), "pl": ("tak", "nie"), "sv": ("ja", "nej"),
    "ru": ("да", "нет"), "tr": ("evet", "hayır"), "ja": ("はい", "いいえ"), "ko": ("예", "아니요"), "ar": ("نعم", "لا"),
    "he": ("כן", "לא"), "th": ("ใช่", "ไม่ใช่"),
}  # fmt: skip


class ValueFormat(msgspec.Struct, frozen=True, kw_only=True):
    """What a template says about one value; no `kind`: as its type suggests. `negative`: `brackets` or nothing."""

    kind: str = ""
    currency: str = ""
    decimals: int | None = None
    negative: str = ""

    @property
    def is_numeric(self) -> bool:
        return self.kind in NUMERIC


class Formats:
    """Values as texts of one language."""

    def __init__(self, language: str, time_zone: str = "UTC") -> None:
        try:
            self.locale = babel_locale(language)
        except (UnknownLocaleError, ValueError):
            self.locale = babel_locale("en")
        self.language = language
        self.zone = ZoneInfo(time_zone)

    def text(self, value: Any, format: ValueFormat | None = None) -> str:  # noqa: A002 – the word of the templates
        """Missing values are a dash, and what is no finite number says so (`NaN`, `∞`). A value that does not fit its
        format is written as it is."""
        if value is None:
            return "–"
        if isinstance(value, float | Decimal) and not Decimal(value).is_finite():
            return self.signed(figure(value, self.locale))
        wanted = format or ValueFormat()
        kind = "boolean" if isinstance(value, bool) else wanted.kind or self.kind_of(value)  # a truth is no number
        if kind in NUMERIC and isinstance(value, int | float | Decimal) and is_beyond_digits(value):
            return self._beyond_digits(value, wanted)
        writer = getattr(self, f"_{kind}", None)
        try:
            if wanted.negative and kind in NUMERIC and writer and value < type(value)(0):
                return self._in_brackets(value, wanted, writer)
            written = str(writer(value, wanted)) if writer else str(value)
            return self.signed(written) if kind in NUMERIC else written
        except (TypeError, ValueError, ArithmeticError, AttributeError):
            return figure(value, self.locale) if isinstance(value, int) else str(value)

    @staticmethod
    def _in_brackets(value: Any, wanted: ValueFormat, writer: Callable[[Any, ValueFormat], str]) -> str:
        """`(1,234.00)`, as accountants write what is below zero; what is rounded to zero has none."""
        written = str(writer(-value, wanted))
        return written if written == str(writer(type(value)(0), wanted)) else f"({written})"

    def signed(self, figure: str) -> str:
        """Its sign stays before it where writing runs from right to left."""
        if self.locale.text_direction == "ltr":
            return figure
        return _SIGN.sub(_LEFT_TO_RIGHT + r"\g<0>", figure)

    def isolated(self, text: str) -> str:
        """Read by itself where writing runs from right to left: what stands beside it does not turn its order."""
        return text if self.locale.text_direction == "ltr" else f"{_ISOLATE}{text}{_END_OF_ISOLATE}"

    def in_column(self, value: Any, column: str) -> str:
        """As its type and the name of its column suggest."""
        return self.text(value, ValueFormat(kind=self.kind_of(value, column)))

    @staticmethod
    def kind_of(value: Any, column: str = "") -> str:
        """The format that a value's type suggests; a whole number in a column `year` is no amount."""
        if column and isinstance(value, int) and is_year(value, column):
            return "year"
        for types, kind in (
            (bool, "boolean"),
            (int, "integer"),
            (float | Decimal, "decimal"),
            (datetime, "datetime"),
            (date, "date"),
            (timedelta, "duration"),
        ):
            if isinstance(value, types):
                return kind
        return "text"

    def listed(self, values: Iterable[Any]) -> str:
        """`North, South`; whole numbers are years and numbers of things, not amounts."""
        texts = (str(value) if type(value) is int else self.text(value) for value in values)
        return ("、" if self.locale.language in ("zh", "ja") else ", ").join(texts)

    def days(self, first: date, last: date) -> str:
        """From one day to another; a whole month or year by its name."""
        if first == last:
            return self.text(first)
        if first.day == 1 and (last + timedelta(days=1)).day == 1:
            if (first.year, first.month) == (last.year, last.month):
                return self.text(first, ValueFormat(kind="month"))
            if first.year == last.year and (first.month, last.month) == (1, 12):
                return f"{first.year}年" if self.locale.language in ("zh", "ja") else str(first.year)
        return f"{self.text(first)} – {self.text(last)}"

    def short_day(self, day: date) -> str:
        """`7 Oct`: for axes whose year is clear."""
        pattern = "M月d日" if self.locale.language == "zh" else "d MMM"
        return format_date(day, pattern, locale=self.locale)

    def short_month(self, day: date, *, with_year: bool) -> str:
        if self.locale.language == "zh":
            return format_date(day, "y年M月" if with_year else "M月", locale=self.locale)
        return format_date(day, "MMM y" if with_year else "MMM", locale=self.locale)

    def quarter(self, day: date) -> str:
        """`Q3`."""
        return format_date(day, "QQQ", locale=self.locale)

    def quarter_of_year(self, day: date) -> str:
        """`Q3 2026`."""
        return format_skeleton("yQQQ", day, locale=self.locale)

    def on_axis(self, value: float, format: ValueFormat, *, step: float = 0) -> str:  # noqa: A002
        """`12K` or `1.2万`: with as many digits as tell marks apart that lie `step` from each other, else with few."""
        if format.kind == "duration":
            return self.text(value, format)
        if format.kind == "year":
            return figure(value, self.locale, pattern="0.##")
        percent, factor = ("%", 100) if format.kind == "percent" else ("", 1)
        exact, apart = (Decimal(repr(float(each))) * factor for each in (value, step))
        mark = short_numbers.mark(exact, apart, self.locale)
        if mark is None:
            return format_scientific(value, locale=self.locale)
        whole = "0" if mark.unit else "#,##0"  # as `compact` numbers are written: 1200万
        pattern = f"{whole}." + "#" * mark.places if mark.places else whole
        digits = figure(abs(mark.number), self.locale, pattern=pattern)
        symbol = self.symbol(format) if format.kind == "currency" else ""
        return self.signed(f"{'-' if mark.number < 0 else ''}{symbol}{digits}{mark.unit}{percent}")

    def filters(self) -> dict[str, Any]:
        """For templates: `{{ value | currency("CNY") }}`."""

        def currency(value: Any, code: Any = "", decimals: int | None = None) -> str:
            wanted = ValueFormat(kind="currency", currency=_currency_code(code), decimals=_places(decimals))
            return self.text(value, wanted)

        def simple(kind: str) -> Any:
            def written(value: Any, decimals: int | None = None) -> str:
                return self.text(value, ValueFormat(kind=kind, decimals=_places(decimals)))

            return written

        kinds = ("integer", "decimal", "percent", "compact", "date", "month", "year", "datetime", "duration", "boolean")
        return {"currency": currency, "number": simple("decimal"), **{kind: simple(kind) for kind in kinds}}

    def symbol(self, format: ValueFormat) -> str:  # noqa: A002
        symbol: str = get_currency_symbol(format.currency, self.locale) if format.currency else ""
        return symbol.replace("CN¥", "¥")  # whoever writes CNY into a template has no yen in mind

    def decimals(self, format: ValueFormat, value: Any = None) -> int:  # noqa: A002
        """How many are written of `value`. Where nobody said, what is not zero does not look like it."""
        if format.decimals is not None:
            return format.decimals
        if format.kind == "decimal" and (places := places_of_little(value)):
            return places
        if format.kind == "currency":
            return get_currency_precision(format.currency) if format.currency else 2
        return {"decimal": 2, "percent": 1}.get(format.kind, 0)

    def _beyond_digits(self, value: float | Decimal, wanted: ValueFormat) -> str:
        """`¥1E25`: nobody counts so many digits, unless somebody keeps them: whole numbers and decimals have all."""
        if wanted.kind == "compact":
            return format_scientific(Decimal(value), _SHORT_SCIENTIFIC, locale=self.locale)
        if wanted.kind == "percent":
            return figure(value * 100 if isinstance(value, int) else Decimal(value) * 100, self.locale) + "%"
        text = figure(value, self.locale)
        return f"{self.symbol(wanted)} {text}" if wanted.kind == "currency" and wanted.currency else text

    def _text(self, value: Any, _format: ValueFormat) -> str:
        return str(value)

    def _integer(self, value: Any, _format: ValueFormat) -> str:
        return figure(rounded(value, 0), self.locale, pattern="#,##0")

    def _decimal(self, value: Any, wanted: ValueFormat) -> str:
        places = self.decimals(ValueFormat(kind="decimal", decimals=wanted.decimals), value)
        pattern = "#,##0" + ("." + "0" * places if places else "")
        return figure(rounded(value, places), self.locale, pattern=pattern)

    def _compact(self, value: Any, wanted: ValueFormat) -> str:
        places = short_numbers.DECIMALS if wanted.decimals is None else wanted.decimals
        return short_numbers.compact(value, self.locale, places=places)

    def _currency(self, value: Any, wanted: ValueFormat) -> str:
        if not wanted.currency:
            return self._decimal(value, wanted)
        places = self.decimals(wanted)
        pattern = self.locale.currency_formats["standard"].pattern
        if wanted.decimals is not None:
            pattern = pattern.replace("0.00", "0." + "0" * places if places else "0")
        try:
            text = format_currency(
                rounded(value, places),
                wanted.currency,
                pattern,
                locale=self.locale,
                currency_digits=wanted.decimals is None,
            )
            text = text.replace("CN¥", "¥")
            symbol = self.symbol(wanted)
            return text.replace(symbol, self.isolated(symbol)) if symbol else text
        except UnknownCurrencyError:
            return f"{wanted.currency} {self._decimal(value, wanted)}"

    def _percent(self, value: Any, wanted: ValueFormat) -> str:
        places = self.decimals(ValueFormat(kind="percent", decimals=wanted.decimals))
        return format_percent(
            rounded(value, places + 2), "#,##0" + ("." + "0" * places if places else "") + "%", locale=self.locale
        )

    def _date(self, value: Any, _format: ValueFormat) -> str:
        # English has the day first, as on axes: other orders are read wrong by half of those who read it.
        pattern = "d MMM y" if self.locale.language == "en" else "medium"
        return format_date(_as_date(value), pattern, locale=self.locale)

    def _month(self, value: Any, _format: ValueFormat) -> str:
        pattern = "y年M月" if self.locale.language == "zh" else "LLLL y"
        return format_date(_as_date(value), pattern, locale=self.locale)

    def _year(self, value: Any, wanted: ValueFormat) -> str:
        """`2026`, not `2,026`."""
        if isinstance(value, int | float | Decimal):
            return str(int(value)) if value == int(value) and 0 <= value <= LAST_YEAR else self._decimal(value, wanted)
        year: str = format_date(_as_date(value), "y", locale=self.locale)
        return year

    def _datetime(self, value: Any, wanted: ValueFormat) -> str:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        if moment.tzinfo is not None:
            moment = moment.astimezone(self.zone)
        if self.locale.language == "zh":
            return format_datetime(moment, "y-MM-dd HH:mm", locale=self.locale)
        return f"{self._date(moment, wanted)}, {format_datetime(moment, 'HH:mm', locale=self.locale)}"

    def _duration(self, value: Any, _format: ValueFormat) -> str:
        """Seconds or a time difference as hours, minutes and seconds."""
        seconds = int(rounded(value.total_seconds() if isinstance(value, timedelta) else value, 0))
        hours, rest = divmod(abs(seconds), 3600)
        minutes, seconds_left = divmod(rest, 60)
        sign = "-" if seconds < 0 else ""
        return f"{sign}{hours}:{minutes:02d}:{seconds_left:02d}"

    def _boolean(self, value: Any, _format: ValueFormat) -> str:
        yes, no = _YES_NO.get(self.locale.language, _YES_NO["en"])
        return yes if value else no


def _places(decimals: Any) -> int | None:
    """Raises `InvalidInput` for more decimals than any number has."""
    if decimals is None or (isinstance(decimals, int) and 0 <= decimals <= MAX_DECIMALS):
        return decimals
    raise InvalidInput(
        "A number is written with 0 to {limit} decimals, not with {decimals}.",
        code="format_wrong",
        limit=MAX_DECIMALS,
        decimals=str(decimals)[:20],
    )


def _currency_code(code: Any) -> str:
    """Nothing where a row has none. Raises `InvalidInput` for what is no currency."""
    found = "" if code is None else str(code).upper()
    if found and not is_currency_code(found):
        raise InvalidInput(
            "“{currency}” is no currency; use a code such as CNY, EUR or USD.",
            code="format_wrong",
            currency=found[:20],
        )
    return found


def is_currency_code(code: str) -> bool:
    return is_currency(code)


def _as_date(value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])
