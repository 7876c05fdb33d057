"""What was found wrong: what, how bad, in a sentence, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

import msgspec

_SHOWN = 20


class Gravity(StrEnum):
    ERROR = "error"  # something does not work, or is lost
    WARNING = "warning"  # it works, and should be looked at
    NOTE = "note"  # worth knowing


class CareFinding(msgspec.Struct, frozen=True, kw_only=True):
    """`code` is stable. `repair` is the name under which `doctor --repair` mends it, if it can be."""

    code: str
    severity: Gravity
    text: str
    advice: str
    repair: str | None = None
    detail: dict[str, Any] = {}


def error(code: str, text: str, advice: str, **detail: Any) -> CareFinding:
    return CareFinding(code=code, severity=Gravity.ERROR, text=text, advice=advice, detail=detail)


def warning(code: str, text: str, advice: str, *, repair: str | None = None, **detail: Any) -> CareFinding:
    return CareFinding(code=code, severity=Gravity.WARNING, text=text, advice=advice, repair=repair, detail=detail)


def note(code: str, text: str, advice: str = "", **detail: Any) -> CareFinding:
    return CareFinding(code=code, severity=Gravity.NOTE, text=text, advice=advice, detail=detail)


def some(names: Iterable[object]) -> list[str]:
    """The first of many, for `detail`."""
    return sorted(map(str, names))[:_SHOWN]


def exit_status(findings: Sequence[CareFinding]) -> int:
    """0 fine, 1 warnings, 2 errors."""
    found = {finding.severity for finding in findings}
    return 2 if Gravity.ERROR in found else 1 if Gravity.WARNING in found else 0
