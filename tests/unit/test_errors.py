"""Errors keep their words on every way they travel: to people in two languages, and between processes."""

from __future__ import annotations

import pickle

import pytest

from server.errors import FieldError, FileProblem, InvalidInput, JinduError, NotFound, RateLimited
from server.texts import phrase


def all_errors(root: type[JinduError] = JinduError) -> list[type[JinduError]]:
    return [root, *(found for child in root.__subclasses__() for found in all_errors(child))]


@pytest.mark.parametrize("error_class", all_errors())
def test_every_error_has_words_for_people(error_class: type[JinduError]) -> None:
    assert error_class().text.endswith(".")
    assert error_class.code.replace("_", "").isalpha()


def test_placeholders_are_filled_in_the_reader_s_language() -> None:
    error = FileProblem("Line {line} is too long.", line=3)
    assert error.text == "Line 3 is too long."
    assert error.translated({"Line {line} is too long.": "第 {line} 行太长。"}.__getitem__) == "第 3 行太长。"


def test_braces_in_values_are_left_alone() -> None:
    assert FileProblem("Column {name} is empty.", name="{x}").text == "Column {x} is empty."


def test_errors_survive_the_way_between_processes() -> None:
    error = FileProblem("Line {line}.", code="too_long", errors=[FieldError(field="a", message="b")], line=3)
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is FileProblem
    assert (back.text, back.specific_code, back.errors) == (error.text, "too_long", error.errors)


def test_a_rate_limit_says_how_long_to_wait_after_a_journey_too() -> None:
    error = pickle.loads(pickle.dumps(RateLimited(retry_after_seconds=30)))
    assert error.retry_after_seconds == 30


def test_what_is_not_yours_reads_like_what_is_not_there() -> None:
    assert NotFound().text == "There is nothing here, or it is not yours."


def test_a_phrase_inside_a_text_is_translated_with_it() -> None:
    german = {"{where}: {reason}": "{reason} ({where})", "Division by {what}": "Division durch {what}"}
    error = InvalidInput("{where}: {reason}", where="Zeile 3", reason=phrase("Division by {what}", what="0"))
    assert error.text == "Zeile 3: Division by 0"
    assert error.translated(lambda text: german.get(text, text)) == "Division durch 0 (Zeile 3)"
