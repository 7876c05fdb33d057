"""What a reader of YAML trips over, as whoever wrote the text can mend it."""

from __future__ import annotations

from typing import Any

from ruamel.yaml.error import MarkedYAMLError

from server.texts import phrase

# The first whose words stand in what the reader says.
_SAID = (
    ("character '\\t'", phrase("a tab stands here; indent with spaces")),
    ("unexpected end of stream", phrase("the quotation mark that begins here is never closed")),
    (
        "mapping values are not allowed",
        phrase("here a colon is followed by a space: put a text that has this in quotes, or indent the line less"),
    ),
    ("cannot start any token", phrase("no text begins with this character unless it stands in quotes")),
    ("expected ',' or", phrase("a comma is missing before this place, or a bracket that was opened is not closed")),
    (
        "expected <block end>",
        phrase(
            "this does not follow from the lines above: what belongs together begins in the same column, and a "
            "text that begins with a quotation mark ends with it"
        ),
    ),
    (
        "could not find expected ':'",
        phrase("a key with a colon and a space is missing; the lines of a longer text are indented more than its key"),
    ),
    ("unknown escape", phrase("a backslash has a meaning within double quotes; write two of them, or single quotes")),
)


def problem_of(error: MarkedYAMLError) -> tuple[int, int, Any]:
    """Line and column (from 1) of the place to look at; what is wrong, as a phrase or in the reader's own words."""
    words = str(error.problem or error.context or "wrong")
    said = next((text for part, text in _SAID if part in words), words)
    # An open quotation mark is missed at the end of the text, but belongs where it begins.
    is_open = "unexpected end of stream" in words
    mark = (error.context_mark if is_open else None) or error.problem_mark or error.context_mark
    return (mark.line + 1, mark.column + 1, said) if mark else (1, 1, said)
