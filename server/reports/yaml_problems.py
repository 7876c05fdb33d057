"""What a reader of YAML trips over, as whoever wrote the text can mend it."""

from __future__ import annotations

import re
from typing import Any

from ruamel.yaml.error import MarkedYAMLError

from server.texts import phrase

_END = "but found '<stream end>'"
_OPEN = phrase("a bracket that was opened is not closed; what follows “ #” is a comment unless it stands in quotes")
_COMMENT_WITHIN = re.compile(r"[\[{,:].*?\s(#)")

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
    ("found another document", phrase("a template is one document; “---” begins another one")),
    (
        "expected a comment or a line break",
        phrase("nothing may follow “|” or “>” in their line; the text begins in the next one, indented"),
    ),
    (_END, _OPEN),
    ("expected the node content", phrase("a value is missing here, or a bracket or comma is too much")),
    ("unknown escape", phrase("a backslash has a meaning within double quotes; write two of them, or single quotes")),
)


_CHINESE_COLON = re.compile(r"\s*(?:- )?[A-Za-z_]\w*(：)")
_COLON = phrase("the colon behind this key is one of Chinese texts; write “: ”")


def problem_of(error: MarkedYAMLError, source: str) -> tuple[int, int, Any]:
    """Line and column (from 1) of the place to look at; what is wrong, as a phrase or in the reader's own words."""
    mark = error.problem_mark or error.context_mark
    for number in (mark.line - 1, mark.line) if mark else ():
        line = source.splitlines()[number : number + 1] if number >= 0 else []
        if line and (found := _CHINESE_COLON.match(line[0])):
            return number + 1, found.start(1) + 1, _COLON
    words = str(error.problem or error.context or "wrong")
    if _END in words and (open_at := _comment_within(source)):
        return (*open_at, _OPEN)
    said = next((text for part, text in _SAID if part in words), words)
    # An open quotation mark is missed at the end of the text, but belongs where it begins.
    is_open = "unexpected end of stream" in words
    mark = (error.context_mark if is_open else None) or error.problem_mark or error.context_mark
    return (mark.line + 1, mark.column + 1, said) if mark else (1, 1, said)


def _comment_within(source: str) -> tuple[int, int] | None:
    """Of the last comment that begins amid brackets, as a colour does that nobody put in quotes."""
    lines = list(enumerate(source.splitlines(), 1))
    found = ((number, _COMMENT_WITHIN.search(line)) for number, line in reversed(lines))
    return next(((number, comment.start(1) + 1) for number, comment in found if comment), None)
