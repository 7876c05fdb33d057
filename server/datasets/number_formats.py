"""What a person sees in a cell of numbers, by the format of Excel that the cell has (ECMA-376, 18.8.31)."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal

from server.datasets.cell_texts import as_text, seen_number

FormatKind = Literal["number", "percent", "mask", "date", "time", "moment", "duration"]

# Formats without a code of their own, as the standard numbers them; 27 to 58 are those of East Asia.
_BUILT_IN: dict[int, str] = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 5: "$#,##0", 6: "$#,##0", 7: "$#,##0.00", 8: "$#,##0.00", 9: "0%",
    10: "0.00%", 11: "0.00E+00", 12: "# ?/?", 13: "# ??/??", 14: "m/d/yyyy", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy",
    18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "m/d/yyyy h:mm", 45: "mm:ss",
    46: "[h]:mm:ss", 47: "mm:ss.0", 48: "##0.0E+0",
}  # fmt: skip
_EAST_ASIAN = {*range(27, 37), *range(50, 59)}
_ODDLY_NUMBERED_TIMES = {32, 33, 34, 35, 55, 56}  # a date in one country, a time in another
_TOKENS = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|[_*].|\[(?P<bracket>[^\]]*)\]|(?P<general>General)|(?P<half>AM/PM|A/P|上午/下午)'
    r"|(?P<exponent>E[+-])|(?P<digit>[0#?])|(?P<letter>[A-Za-z])|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d+)?)")
_COMPARED: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "<>": operator.ne,
}  # fmt: skip
_MONEY = re.compile(
    r"[$€£¥￥₩₹₽₺₫฿₴₪₱]|\b(?:USD|EUR|GBP|CNY|RMB|JPY|CHF|INR|BRL|HKD|TWD|SEK|NOK|DKK|PLN|CZK)\b|zł|kr\b|元"
)
_LAST_DAY = 2_958_466  # the first of January 10000
_SECTIONS = re.compile(r'((?:"[^"]*"?|\\.|\[[^\]]*\]|[^;])*);?', re.DOTALL)
_MOST_CHARACTERS = 255  # what Excel takes


@dataclass(frozen=True, slots=True)
class _Section:
    """Literals and placeholders (`0`, `#`, `?`) in order, and when the section counts."""

    parts: tuple[tuple[bool, str], ...]
    kind: FormatKind
    condition: tuple[str, float] | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """`is_unknown` to readers that look for the letters of dates alone."""

    sections: tuple[_Section, ...]
    is_unknown: bool = False

    @property
    def kind(self) -> FormatKind:
        return self.sections[0].kind

    @property
    def currency(self) -> str | None:
        return self.sections[0].currency

    @property
    def changes_what_is_seen(self) -> bool:
        """Whether the number that is stored is not what it stands for."""
        return self.kind == "mask" or self.is_unknown

    def seen(self, number: float, *, from_1904: bool = False) -> str:
        if self.kind == "mask":
            return self._masked(number)
        if self.kind in ("date", "time", "moment"):
            return seen_moment(number, from_1904=from_1904)
        return seen_number(number)

    def _masked(self, number: float) -> str:
        if not number.is_integer() or abs(number) >= 1e15:
            return seen_number(number)
        section = self._section_for(number)
        if section.kind != "mask":
            return seen_number(number)
        is_negative = number < 0 and section is self.sections[0] and section.condition is None
        return ("-" if is_negative else "") + _filled(section.parts, str(abs(int(number))))

    def _section_for(self, number: float) -> _Section:
        for section in self.sections:
            if section.condition is not None and _COMPARED[section.condition[0]](number, section.condition[1]):
                return section
        if any(section.condition for section in self.sections):
            return next((section for section in self.sections if section.condition is None), self.sections[0])
        place = 1 if number < 0 else 2 if number == 0 else 0
        return self.sections[place] if place < len(self.sections) else self.sections[0]


def _filled(parts: Sequence[tuple[bool, str]], digits: str) -> str:
    """The digits from the right, each in its placeholder; what is left over stands at the first of them."""
    first = next(place for place, (is_digit, _) in enumerate(parts) if is_digit)
    out: list[str] = []
    for place in range(len(parts) - 1, -1, -1):
        is_digit, text = parts[place]
        if not is_digit:
            out.append(text)
            continue
        out.append(digits[-1:] or ("0" if text == "0" else ""))
        digits = digits[:-1]
        if place == first and digits:
            out.append(digits)
    return "".join(reversed(out)).strip()


def seen_moment(number: float, *, from_1904: bool = False) -> str:
    """Days since 1900 (with the 29th of February that year did not have) or 1904; a part of a day alone is a time."""
    days = number + 1462 if from_1904 else number
    if not 0 <= days < _LAST_DAY:
        return seen_number(number)
    moment = datetime(1899, 12, 30 if days >= 60 else 31) + timedelta(milliseconds=round(days * 86_400_000))  # noqa: DTZ001
    return as_text(moment.time() if days < 1 else moment)


def format_numbered(number: int, code: str | None) -> NumberFormat:
    """`code` is the workbook's own for this number, if it has one."""
    if code is None and number in _EAST_ASIAN:
        kind: FormatKind = "moment" if number in _ODDLY_NUMBERED_TIMES else "date"
        return NumberFormat((_Section((), kind),), is_unknown=True)
    return number_format(code if code is not None else _BUILT_IN.get(number, "General"))


@lru_cache(maxsize=1000)
def number_format(code: str) -> NumberFormat:
    sections = [_section(text) for text in _SECTIONS.findall(code[:_MOST_CHARACTERS])[:4]]
    sections = sections[:-1] if len(sections) > 1 and not sections[-1].parts else sections
    letters = re.sub(r'"[^"]*"?|\\.|[_*].|\[(?!h|m|s)[^\]]*\]|General', "", code, flags=re.IGNORECASE).lower()
    is_date = sections[0].kind in ("date", "moment", "time")
    return NumberFormat(tuple(sections), is_unknown=is_date and not set(letters) & set("ymdhs"))


def _section(code: str) -> _Section:
    parts: list[tuple[bool, str]] = []
    letters, marks, bracket_words = "", set(), []
    for found in _TOKENS.finditer(code):
        if found["bracket"] is not None:
            bracket_words.append(found["bracket"])
        elif found["digit"]:
            parts.append((True, found["digit"]))
        elif found["letter"]:
            letters += found["letter"].lower()
            parts.append((False, found["letter"]))
        elif found["general"] or found["half"] or found["exponent"]:
            marks.add(next(name for name in ("general", "half", "exponent") if found[name]))
        else:
            text = found["quoted"] if found["quoted"] is not None else found["escaped"] or found["other"] or ""
            if found["other"]:
                marks.add(text)
            if text:
                parts.append((False, text))
    condition = next((match for word in bracket_words if (match := _CONDITION.fullmatch(word))), None)
    return _Section(
        parts=tuple(parts),
        kind=_kind(parts, letters, marks, bracket_words),
        condition=(condition[1], float(condition[2])) if condition else None,
        currency=_currency(parts, bracket_words),
    )


def _kind(parts: Sequence[tuple[bool, str]], letters: str, marks: set[str], brackets: Sequence[str]) -> FormatKind:
    if any(word and set(word.lower()) <= set("hms") for word in brackets):
        return "duration"
    has_digits = any(is_digit for is_digit, _ in parts)
    found = set(letters) & set("ymdhsgeab")
    if found and (not has_digits or found & set("ymdhs")):
        if found <= set("hms") and (found != {"m"} or "half" in marks):
            return "time"
        return "date"
    if "%" in marks:
        return "percent"
    return "mask" if _is_mask(parts, marks) else "number"


def _is_mask(parts: Sequence[tuple[bool, str]], marks: set[str]) -> bool:
    """Digits of a name, not of a number: filled up with zeros, or with more between them than groups thousands."""
    if marks & {".", ",", "exponent", "general"}:
        return False
    places = [place for place, (is_digit, _) in enumerate(parts) if is_digit]
    if len(places) < 2 or ("/" in marks and any(parts[place][1] == "?" for place in places)):
        return False
    inner = {text for is_digit, text in parts[places[0] : places[-1]] if not is_digit}
    return sum(parts[place][1] == "0" for place in places) > 1 or bool(inner - {" ", "'", "\xa0", "\u202f", "/"})


def _currency(parts: Sequence[tuple[bool, str]], brackets: Sequence[str]) -> str | None:
    for word in brackets:
        if word.startswith("$") and word[1:].partition("-")[0].strip():
            return word[1:].partition("-")[0].strip()
    found = _MONEY.search("".join(text for is_digit, text in parts if not is_digit))
    return found[0] if found else None
