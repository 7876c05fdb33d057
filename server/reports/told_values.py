"""Values of several parts as texts of a template show them: `{{ regions }}` is `North, South`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from server.reports.formats import Formats


class ToldList(list[Any]):
    """A list as ever, but for what it is written as."""

    def __init__(self, values: Sequence[Any], text: str) -> None:
        super().__init__(values)
        self._text = text

    def __str__(self) -> str:
        return self._text


class ToldRange(dict[str, Any]):
    """From one day to another, with the words that people have for it."""

    def __init__(self, ends: Mapping[str, Any], text: str) -> None:
        super().__init__(ends)
        self._text = text

    def __str__(self) -> str:
        return self._text


def told_value(value: Any, formats: Formats) -> Any:
    if isinstance(value, list):
        return ToldList(value, formats.listed(value))
    if isinstance(value, dict) and set(value) == {"from", "to"}:
        return ToldRange(value, formats.days(value["from"], value["to"]))
    return value
