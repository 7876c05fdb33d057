"""English texts that are translated where they are shown: a constant with `{placeholders}`, and what fills them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

Translate = Callable[[str], str]
Phrase = dict[str, object]


def phrase(message: str, **parameters: object) -> Phrase:
    """A text that fills a placeholder of another one and is translated with it. Plain JSON, since both are stored."""
    return {"phrase": message, "parameters": parameters}


def told(message: str, parameters: Mapping[str, Any], translate: Translate) -> str:
    """`message` translated and filled; a translation that does not fit its values is better than none."""
    text = translate(message)
    if not parameters:
        return text
    values = {name: _value(value, translate) for name, value in parameters.items()}
    try:
        return text.format(**values)
    except (KeyError, IndexError, ValueError):
        return text


def plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as JSON can hold them: what it does not know becomes its text."""
    return {name: msgspec.to_builtins(value, enc_hook=str) for name, value in parameters.items()}


def _value(value: Any, translate: Translate) -> Any:
    is_phrase = isinstance(value, dict) and value.keys() == {"phrase", "parameters"}
    return told(value["phrase"], value["parameters"], translate) if is_phrase else value
