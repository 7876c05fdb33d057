"""What sheets are called: what they hold, within the 31 letters that Excel gives a name."""

from __future__ import annotations

import re

from server.reports.printable import printable

_FORBIDDEN = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_MOST = 31
_BETWEEN = " – "
_LEAST_WITHIN = 12  # letters of what a table is about that stay, however long its own name is


class SheetNames:
    """Gives each sheet a name of its own."""

    def __init__(self) -> None:
        self._taken = {"history"}  # Excel keeps it for itself
        self._last: dict[str, int] = {}  # number of a name that many sheets have

    def take(self, wanted: str, *, within: str = "") -> str:
        """`within` says which of several alike this is: `East – products`. Names differ whatever the case."""
        base = _joined(_clean(wanted) or "Sheet", _clean(within))
        name, number = base, self._last.get(base.casefold(), 1)
        if base.casefold() == "history":
            name = f"{base} 1"
        while name.casefold() in self._taken:
            number += 1
            suffix = f" {number}"
            name = cut(base, _MOST - _units(suffix)) + suffix
        self._last[base.casefold()] = number
        self._taken.add(name.casefold())
        return name


def cut(text: str, most: int) -> str:
    """Excel counts UTF-16 units; what is cut ends with an ellipsis."""
    if _units(text) <= most:
        return text
    while text and _units(text) > most - 1:
        text = text[:-1]
    return text.rstrip() + "…"


def _joined(name: str, within: str) -> str:
    if not within or within.casefold() in name.casefold():
        return cut(name, _MOST)
    room = max(_MOST - _units(_BETWEEN) - _units(name), _LEAST_WITHIN)
    return cut(f"{cut(within, room)}{_BETWEEN}{name}", _MOST)


def _clean(text: str) -> str:
    return " ".join(_FORBIDDEN.sub(" ", printable(text)).split()).strip(" '")


def _units(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)
