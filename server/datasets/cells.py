"""Reading one cell: what counts as a number, a date, a moment or a truth value, and how each may be written."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from server.datasets.month_names import month_number

DecimalMark = Literal[".", ","]
DateOrder = Literal["YMD", "DMY", "MDY", "yMD"]  # "yMD": a year of two digits first

# How a value was written, as far as it does not keep that itself; a currency is another (see notations.py).
PLAIN, PERCENT, IN_UTC, TURNED_INTO_UTC = "", "%", "Z", "+"

# What stands for "nothing" in a column of numbers, dates or truth values; compared without regard to case.
NULL_WORDS = (
    "", "null", "n/a", "#n/a", "na", "n.a.", "none", "nan", "nil", "k.a.", "-", "--", "—", "–", "/", "\\n", "无", "空",
)  # fmt: skip
# In text only what nobody writes as text.
TEXT_NULLS = ("", "NULL", "N/A", "#N/A", "\\N")

# Each beside its opposite. No `si`, which is Slovenia beside Norway's `no`.
TRUTH_PAIRS = (
    ("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"), ("1", "0"), ("on", "off"),
    ("是", "否"), ("对", "错"), ("真", "假"), ("✓", "✗"), ("√", "×"), ("はい", "いいえ"), ("예", "아니요"),
    ("ja", "nein"), ("ja", "nee"), ("ja", "nej"), ("wahr", "falsch"), ("oui", "non"), ("vrai", "faux"), ("sí", "no"),
    ("verdadero", "falso"), ("verdadeiro", "falso"), ("vero", "falso"), ("sim", "não"), ("tak", "nie"),
    ("prawda", "fałsz"), ("ano", "ne"), ("evet", "hayır"), ("да", "нет"), ("истина", "ложь"),
)  # fmt: skip
TRUE_WORDS = frozenset(true for true, _ in TRUTH_PAIRS)
FALSE_WORDS = frozenset(false for _, false in TRUTH_PAIRS)

# How a currency is written, and what is the same one: amounts in several must not be added up.
_SAME_CURRENCY = {
    "US$": "$", "USD": "$", "EUR": "€", "Euro": "€", "GBP": "£", "JPY": "¥", "CNY": "¥", "RMB": "¥", "人民币": "¥",
    "元": "¥", "圆": "¥", "円": "¥", "CN¥": "¥", "INR": "₹", "Rs.": "₹", "Rs": "₹", "KRW": "₩", "원": "₩", "RUB": "₽",
    "руб.": "₽", "руб": "₽", "BRL": "R$", "TRY": "₺", "TL": "₺", "zł": "PLN", "Kč": "CZK", "Fr.": "CHF", "SFr.": "CHF",
    "HK$": "HKD", "NT$": "TWD", "CA$": "CAD", "C$": "CAD", "AU$": "AUD", "A$": "AUD", "S$": "SGD", "MX$": "MXN",
    "UAH": "₴", "NGN": "₦", "PHP": "₱", "THB": "฿", "VND": "₫", "đ": "₫", "ILS": "₪", "Ft": "HUF", "lei": "RON",
    "kr.": "kr", "Rp": "IDR", "RM": "MYR",
}  # fmt: skip
_CURRENCIES = {*_SAME_CURRENCY, *_SAME_CURRENCY.values(), "SEK", "NOK", "DKK", "ZAR", "NZD", "AED", "SAR"}
_CURRENCY = "(?:" + "|".join(map(re.escape, sorted(_CURRENCIES, key=len, reverse=True))) + ")"
_NUMBER = re.compile(
    rf"(?P<currency1>{_CURRENCY})?\s*(?P<open>\()?\s*(?P<sign1>[+▲△-])?\s*(?P<currency2>{_CURRENCY})?\s*(?P<sign2>[+-])?\s*"
    r"(?P<digits>\d[\d.,' ]*|[.,]\d+)(?P<exponent>[eE][+-]?\d{1,3})?\s*"
    r"(?P<myriads>[千百十]?[万萬][亿億]?|[亿億])?\s*"
    rf"(?P<percent>%)?\s*(?P<currency3>{_CURRENCY})?\s*(?P<sign3>--?|(?<=[.,]\d\d)\+)?(?P<close>\))?\s*(?P<currency4>{_CURRENCY})?"
)
_BARE_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?")  # as most are written: read sooner
_BELOW_ZERO = ("-", "▲", "△")  # triangles in Japanese accounts
_LONGEST_NUMBER = 400  # characters; a double has at most 309 digits before its point
_POWERS = {"十": 1, "百": 2, "千": 3, "万": 4, "萬": 4, "亿": 8, "億": 8}
# Groups of three, the first without a leading zero, all by the same mark; a space or an apostrophe groups in either
# notation. `1,23,456` is Indian.
_DIGITS: dict[str, re.Pattern[str]] = {
    ".": re.compile(
        r"(?P<whole>\d*|[1-9]\d{0,2}(?P<mark>[,' ])\d{3}(?:(?P=mark)\d{3})*|[1-9]\d?(?:,\d\d)+,\d{3})"
        r"(?:\.(?P<part>\d*))?"
    ),
    ",": re.compile(r"(?P<whole>\d*|[1-9]\d{0,2}(?P<mark>[.' ])\d{3}(?:(?P=mark)\d{3})*)(?:,(?P<part>\d*))?"),
}
# What accountants write for nothing: `$-`, `-  €`.
_NO_AMOUNT = re.compile(rf"{_CURRENCY}?\s*-+\s*{_CURRENCY}?")
# Digits that are a name: as a number `007` is 7 and `84E3` 84000. What is measured has a point or a sign beside its E.
ZEROS_FIRST = r"^-?[0０][0-9０-９]+$"
FINER_THAN_MICROSECONDS = r":\d\d[.,]\d{6}\d*[1-9]"
_FINER = re.compile(FINER_THAN_MICROSECONDS)
BARE_EXPONENT = r"^[0-9０-９]+[eE][0-9]+$"
_GUARD = re.compile(r'="([^"]*)"')
_CODE = re.compile(f"{ZEROS_FIRST}|{BARE_EXPONENT}")
_LOOKALIKES = str.maketrans(
    {"−": "-", "–": "-", "—": "-", "﹣": "-", "\u00a0": " ", "\u202f": " ", "’": "'", "￥": "¥"}
)


def plain(text: str) -> str:
    """Full-width digits and punctuation as their narrow twins, odd spaces and minus signs as the usual ones."""
    return text.strip() if text.isascii() else unicodedata.normalize("NFKC", text).translate(_LOOKALIKES).strip()


@dataclass(frozen=True, slots=True)
class Number:
    """A number and how it was written: `currency` as one name for all its spellings."""

    value: Decimal
    currency: str = ""
    is_percent: bool = False

    @property
    def notation(self) -> str:
        """What the value does not keep."""
        return PERCENT if self.is_percent else self.currency


def currency_named(written: str) -> str:
    """One name for all spellings of a currency."""
    return _SAME_CURRENCY.get(written, written)


def parse_number(text: str, mark: DecimalMark) -> Number | None:
    """`1,234.00`, `¥1,234`, `12%` (0.12), `(123)` (−123), `1.5e3`, `3.5万` (35000), `１２３`; None for no number.

    A dash behind a decimal mark is no minus: `5,-` has no cents.
    """
    bare = _BARE_NUMBER.fullmatch(text)
    if bare is not None and (mark == "." or bare[1] is None):
        return Number(Decimal(text))
    text = " ".join(plain(text).split()) if "  " in text else plain(text)  # many blanks could stand in many places
    found = _NUMBER.fullmatch(text) if len(text) <= _LONGEST_NUMBER else None
    if found is None or bool(found["open"]) != bool(found["close"]):
        return None
    written = found["digits"].rstrip()
    last_sign = None if written.endswith((".", ",")) else found["sign3"]
    signs = [sign for sign in (found["open"] and "-", found["sign1"], found["sign2"], last_sign) if sign]
    currencies = [found[name] for name in ("currency1", "currency2", "currency3", "currency4") if found[name]]
    digits = _DIGITS[mark].fullmatch(written)
    if digits is None or last_sign == "--" or len(signs) > 1 or len(currencies) > 1:
        return None
    whole = re.sub(r"\D", "", digits["whole"])
    if not whole and not digits["part"]:
        return None
    power = int((found["exponent"] or "e0")[1:]) + sum(_POWERS[letter] for letter in found["myriads"] or "")
    if found["percent"]:
        power -= 2
    # From its digits, since arithmetic of Decimals rounds to 28 of them.
    value = Decimal(f"{'-' if signs and signs[0] in _BELOW_ZERO else ''}{whole or 0}.{digits['part'] or ''}e{power}")
    currency = currency_named(currencies[0]) if currencies else ""
    return Number(value, currency, bool(found["percent"]))


def read_number(text: str, mark: DecimalMark) -> Decimal | None:
    number = parse_number(text, mark)
    return None if number is None else number.value


def is_no_amount(text: str) -> bool:
    """Whether a cell says that there is no amount, as `$-` does."""
    return _NO_AMOUNT.fullmatch(plain(text)) is not None


def is_code(text: str) -> bool:
    """Whether a number would lose how it is written, as `007` and `84E3` do."""
    return _CODE.match(text) is not None


def unguarded(text: str) -> str:
    """`="00123"` is how a text is kept from being a number in Excel."""
    guarded = _GUARD.fullmatch(text.strip())
    return guarded[1] if guarded else text


def read_truth(text: str) -> bool | None:
    word = plain(text).casefold()
    return True if word in TRUE_WORDS else False if word in FALSE_WORDS else None


_YEAR_FIRST = re.compile(
    r"(\d{4})\s?(?:[-/.年년]|\s)\s?(\d{1,2})\s?(?:[-/.月월]|\s)\s?(\d{1,2})(?:\s?[日일]|\.(?=\s|$))?"
)
_YEAR_LAST = re.compile(r"(\d{1,2})\s?[-/. ]\s?(\d{1,2})\s?[-/. ]\s?(\d{4}|\d{2})(?![\d:])")
# `10.1.2` is a section or a version.
_SHORT_YEAR_FIRST = re.compile(
    r"(\d{2})(?!\.\d\.|\.\d\d?\.\d(?!\d))\s?[-/. ]\s?(\d{1,2})\s?[-/. ]\s?(\d{1,2})(?![\d:])"
)
_COMPACT = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)")
_NAME = r"([^\W\d_][^\d\s,./_-]{1,14})"
_DAY_MONTH_NAME = re.compile(
    rf"(\d{{1,2}})(?:st|nd|rd|th|er|o|\.)?[-/ ]?\s?(?:de\s|of\s)?{_NAME}\.?"
    r"(?:[-/, ]+|\sdel?\s)(\d{4}|\d{2})(?![\d:])(?:\s[гр]\.?)?"
)
_MONTH_NAME_DAY = re.compile(rf"{_NAME}\.?[-/ ]?(\d{{1,2}})(?:st|nd|rd|th)?[-/, ]+(\d{{4}})")
_BARE_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?: [0-9]{2}:[0-9]{2}:[0-9]{2})?")  # as most are written
_DAY_MONTH_YEAR = re.compile(r"(\d{1,2})([A-Za-z]{3})(\d{4})(?!\d)")  # 26OCT2026, as SAS writes it
# `Mon`, `Montag, `, `Mo. ` before a day; not those that months are called as well, such as `mar`.
_WEEKDAY = re.compile(
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*|(?:Mon|Diens|Donners|Frei|Sams|Sonn)tag|Mittwoch|Sonnabend|Mo|Di|Mi|Do|Fr|Sa|So"
    r"|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|lunes|martes|miércoles|jueves|viernes|sábado|domingo"
    r"|(?:segunda|terça|quarta|quinta|sexta)(?:-feira)?|luned[iì]|marted[iì]|mercoled[iì]|gioved[iì]|venerd[iì]|sabato|domenica"
    r"|maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag|(?:星期|周)[一二三四五六日天])(?:\.?,\s*|\.\s*|\s+|(?<=[\u4e00-\u9fff]))(?=\w)",
    re.IGNORECASE,
)
_WEEKDAY_BEHIND = re.compile(
    r"\s*\((?:[月火水木金土日]|(?:星期|周)[一二三四五六日天]|[월화수목금토일]|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Mo|Di|Mi|Do|Fr|Sa|So)\.?)\)|\s*(?:星期|周)[一二三四五六日天]"
)
_CLOSE_TIME = re.compile(r"T(\d\d)(\d\d)(\d\d)?(?=[\dZ.,+-]|$)")  # of ISO 8601: T100000Z
_TIME = re.compile(
    r"(?:T|\s*,?\s+)(?P<half>上午|下午|AM|PM)?\s*(?P<hour>\d{1,2})(?::|时|點|点)(?P<minute>\d{2})"
    r"(?:(?::|分)(?:(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?秒?)?)?"
    r"\s*(?:(?P<half2>AM|PM|am|pm)|Uhr)?\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?"
)


def read_date(text: str, order: DateOrder) -> date | None:
    """A day; a time of midnight (as spreadsheets write it) is allowed behind it, any other is not."""
    moment = read_moment(text, order)
    if moment is None or moment.time() != time() or _FINER.search(text):
        return None
    return moment.date()


def read_moment(text: str, order: DateOrder) -> datetime | None:
    """A day with or without a time. With an offset it is turned into UTC; the result is always without a zone.

    Whatever begins with a four-digit year is year, month, day; `order` decides the rest.
    """
    moment = read_time(text, order)
    return moment and moment.replace(tzinfo=None)


def read_instant(text: str, order: DateOrder) -> datetime | None:
    """A day, a time and its offset, in UTC; None for what has no offset, since nobody knows when it was."""
    moment = read_time(text, order)
    return moment if moment is not None and moment.tzinfo is not None else None


def notation_of_time(text: str, time: datetime) -> str:
    """What the time that was read of a text does not keep of it."""
    if time.tzinfo is None:
        return PLAIN
    return IN_UTC if is_in_utc(text) else TURNED_INTO_UTC


def is_in_utc(text: str) -> bool:
    """Of a time with an offset: whether it is none."""
    return plain(text).endswith(("Z", "UTC", "GMT", "+00:00", "+0000", "+00"))


@lru_cache(16_384)  # while a column is judged, its cells are read for one type after the other
def read_time(text: str, order: DateOrder) -> datetime | None:
    """A day with or without a time: in UTC where it has an offset, else without a zone."""
    if _BARE_MOMENT.fullmatch(text) is not None:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            return None
    text = plain(text)
    if (weekday := _WEEKDAY.match(text)) is not None:
        text = text[weekday.end() :]
    found = _day(text, order)
    if found is None:
        return None
    day, rest = found
    if not rest:
        return datetime(day.year, day.month, day.day)  # noqa: DTZ001 – it has none
    return _at(day, rest)


def _day(text: str, order: DateOrder) -> tuple[date, str] | None:
    for pattern, places in (
        (_YEAR_FIRST, "YMD"),
        (_SHORT_YEAR_FIRST, "YMD") if order == "yMD" else (_YEAR_LAST, "DMY" if order == "YMD" else order),
        (_COMPACT, "YMD"),
        (_DAY_MONTH_NAME, "DMY"),
        (_DAY_MONTH_YEAR, "DMY"),
        (_MONTH_NAME_DAY, "MDY"),
    ):
        found = pattern.match(text)
        if found is None:
            continue
        if pattern is _YEAR_LAST and order == "YMD":
            return None
        parts = dict(zip(places, found.groups(), strict=True))
        month = int(parts["M"]) if parts["M"].isdecimal() else month_number(parts["M"]) or 0
        try:
            return date(_year(parts["Y"]), month, int(parts["D"])), _behind_day(text, found.end())
        except ValueError:
            return None
    return None


def _behind_day(text: str, end: int) -> str:
    """What stands behind a day, but for the name of its weekday."""
    rest = text[end:].rstrip()
    if rest and (weekday := _WEEKDAY_BEHIND.match(rest)) is not None:
        rest = rest[weekday.end() :]
    return f" {rest}" if rest and text[end - 1] in "日일" else rest


def _year(digits: str) -> int:
    # Two digits as POSIX reads them: 69 to 99 are of the last century.
    year = int(digits)
    return year if len(digits) == 4 else year + (1900 if year >= 69 else 2000)


def _at(day: date, text: str) -> datetime | None:
    found = _TIME.fullmatch(_CLOSE_TIME.sub(lambda part: "T" + ":".join(filter(None, part.groups())), text))
    if found is None:
        return None
    hour = int(found["hour"])
    half = (found["half"] or found["half2"] or "").upper()
    if half in ("PM", "下午") and hour < 12:
        hour += 12
    elif half in ("AM", "上午") and hour == 12:
        hour = 0
    microsecond = int((found["fraction"] or "").ljust(6, "0")[:6])
    try:
        moment = datetime(  # noqa: DTZ001 – its zone, if there is one, comes next
            day.year, day.month, day.day, hour, int(found["minute"]), int(found["second"] or 0), microsecond
        )
        return _in_utc(moment, found["zone"]) if found["zone"] else moment
    except (ValueError, OverflowError):
        return None


def _in_utc(moment: datetime, zone: str) -> datetime:
    if zone in ("Z", "UTC", "GMT"):
        return moment.replace(tzinfo=UTC)
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return moment.replace(tzinfo=timezone(-offset if zone[0] == "-" else offset)).astimezone(UTC)


def mark_of(number_format: str | None) -> DecimalMark:
    """The decimal mark of a format such as `1.234,5`: the last of both marks; `,` alone is a decimal comma."""
    places = {mark: (number_format or "").rfind(mark) for mark in ".,"}
    if number_format and number_format.strip() == ",":
        return ","
    if places["."] < 0 and places[","] >= 0:
        # `1,234` groups, `1,5` does not
        return "." if re.search(r",\d{3}$", number_format or "") else ","
    return "," if places[","] > places["."] else "."


_DAY_WITH_POINTS = re.compile(r"\d{1,2}\. ?\d{1,2}\. ?(?:\d{4}|\d{2})(?![\d.])")
_SHORT_YEAR = re.compile(r"(?:%y|[Yy]{2})(?![Yy])")


def is_day_with_points(text: str) -> bool:
    """`01.02.2026`, `1.2.26 10:00`."""
    return _DAY_WITH_POINTS.match(text.lstrip()) is not None


def has_short_year(text: str, order: DateOrder) -> bool:
    """Whether two digits of a day are its year."""
    text = plain(text)
    if (weekday := _WEEKDAY.match(text)) is not None:
        text = text[weekday.end() :]
    if _YEAR_FIRST.match(text) is not None:
        return False
    found = _YEAR_LAST.match(text) or _DAY_MONTH_NAME.match(text)
    return order == "yMD" or (found is not None and len(found[3]) == 2)


def could_begin_with_short_year(text: str) -> bool:
    return _SHORT_YEAR_FIRST.match(text.lstrip()) is not None


def order_of(date_format: str | None) -> DateOrder:
    """The order in a format such as `DD.MM.YYYY`, `%d/%m/%Y` or `yyyy年m月d日`: where each of the three stands."""
    if date_format and _SHORT_YEAR.match(date_format):
        return "yMD"
    letters = (date_format or "YMD").upper().replace("年", "Y").replace("月", "M").replace("日", "D")
    places = {letter: letters.find(letter) for letter in "YMD"}
    if -1 in places.values() or places["Y"] < places["D"]:
        return "YMD"
    return "DMY" if places["D"] < places["M"] else "MDY"


DATE_FORMATS: dict[DateOrder, str] = {
    "YMD": "YYYY-MM-DD", "DMY": "DD/MM/YYYY", "MDY": "MM/DD/YYYY", "yMD": "YY-MM-DD",
}  # fmt: skip
NUMBER_FORMATS: dict[DecimalMark, str] = {".": "1,234.5", ",": "1.234,5"}
