"""English texts that are translated where they are shown: a constant with `{placeholders}`, and what fills them."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from babel import Locale

from server.figures import figure

Translate = Callable[[str], str]
Phrase = dict[str, object]
_LONGEST_TOLD = 1_000  # characters of one value in a message
_LONGEST_COMPARED, _MOST_COMPARED = 100, 2_000


def phrase(message: str, **parameters: object) -> Phrase:
    """A text that fills a placeholder of another one and is translated with it. Plain JSON, since both are stored."""
    return {"phrase": message, "parameters": parameters}


def told(message: str, parameters: Mapping[str, Any], translate: Translate, *, locale: Locale | None = None) -> str:
    """`message` translated and filled; a translation that does not fit its values is better than none.

    With a `locale` its numbers are counts, and written as on pages (49,880); those of a phrase in it may be years.
    """
    text = translate(message)
    if not parameters:
        return text
    values = {name: _value(value, translate, locale) for name, value in parameters.items()}
    try:
        return text.format(**values)
    except (KeyError, IndexError, ValueError):
        return text


def near(text: str, options: Iterable[str]) -> str | None:
    """The option that `text` was perhaps meant to be; long texts and long lists are not compared, which is slow."""
    if len(text) > _LONGEST_COMPARED:
        return None
    few = [option for option in itertools.islice(options, _MOST_COMPARED) if len(option) <= _LONGEST_COMPARED]
    return next(iter(difflib.get_close_matches(text, few, 1)), None)


def plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as JSON can hold them: what it does not know becomes its text."""
    return {name: msgspec.to_builtins(value, enc_hook=str) for name, value in parameters.items()}


def _value(value: Any, translate: Translate, locale: Locale | None) -> Any:
    is_phrase = isinstance(value, dict) and value.keys() == {"phrase", "parameters"}
    if is_phrase:
        return told(value["phrase"], value["parameters"], translate)
    if locale is not None and isinstance(value, int | float) and not isinstance(value, bool):
        return figure(value, locale)
    return _shortened(value) if isinstance(value, str | int | list | dict) else value


def _shortened(value: Any) -> Any:
    """What somebody sent in place of a name or number may be megabytes, or lists in lists without end."""
    if isinstance(value, int) and value.bit_length() < _LONGEST_TOLD:
        return value
    try:
        text = str(value)
    except (ValueError, RecursionError):
        return "…"
    return text if len(text) <= _LONGEST_TOLD else text[:_LONGEST_TOLD] + "…"
