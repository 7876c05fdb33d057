"""Values of reports' parameters, each a row of its own: what lists are filtered by, and what they offer for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from server.reports.parameter_texts import value_text
from server.storage.findable import words_in as findable_words
from server.storage.han_sounds import marked, sounds_of

NAME_CHARACTERS = 64
VALUE_CHARACTERS = 200  # the columns' widths; nobody chooses longer texts from a list
WORDS_CHARACTERS = 500
OF_BATCH = "="  # before how the names of a batch sound, and not those of its reports
_MOST_OF_A_LIST = 50


def rows_of(report: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Of a report's row."""
    for name, value in report["parameters"].items():
        for text in _texts(value):
            if 0 < len(text) <= VALUE_CHARACTERS and len(name) <= NAME_CHARACTERS:
                yield {"report_id": report["id"], "name": name, "value": text, "batch_id": report["batch_id"]}


def words_of(title: str, parameters: Mapping[str, Any]) -> str:
    """What a text search looks for in a report: its words, and how those that are Chinese sound."""
    texts = [title, *(text for value in parameters.values() for text in _texts(value))]
    return " ".join([words_in(texts), *marked(_sounds(texts))])[:WORDS_CHARACTERS]


def words_of_batch(name: str, template_name: str) -> str:
    """What it looks for in a batch, before there are words of its reports."""
    return " ".join(
        [words_in([name, template_name]), *(OF_BATCH + each for each in marked(_sounds([name, template_name])))]
    )


def _sounds(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(sound for text in texts for sound in sounds_of(findable_words(text))))


def words_in(texts: Iterable[str]) -> str:
    """Each once, case-folded."""
    return " ".join(dict.fromkeys(word for text in texts for word in text.casefold().split()))


def _texts(value: Any) -> list[str]:
    each = value[:_MOST_OF_A_LIST] if isinstance(value, list) else [value]
    return list(dict.fromkeys("" if one is None else value_text(one) for one in each))
