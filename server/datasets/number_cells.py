"""What counts as a number in a cell, and how numbers may be written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from server.datasets.cells import PERCENT, plain

DecimalMark = Literal[".", ","]
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
BARE_EXPONENT = r"^[0-9０-９]+[eE][0-9]+$"
_CODE = re.compile(f"{ZEROS_FIRST}|{BARE_EXPONENT}")


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


def mark_of(number_format: str | None) -> DecimalMark:
    """The decimal mark of a format such as `1.234,5`: the last of both marks; `,` alone is a decimal comma."""
    places = {mark: (number_format or "").rfind(mark) for mark in ".,"}
    if number_format and number_format.strip() == ",":
        return ","
    if places["."] < 0 and places[","] >= 0:
        # `1,234` groups, `1,5` does not
        return "." if re.search(r",\d{3}$", number_format or "") else ","
    return "," if places[","] > places["."] else "."


NUMBER_FORMATS: dict[DecimalMark, str] = {".": "1,234.5", ",": "1.234,5"}
