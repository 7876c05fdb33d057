"""What Jinja trips over in expressions and texts, as whoever wrote them can mend it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from jinja2 import TemplateSyntaxError

from server.texts import Phrase, phrase

JinjaProblem = tuple[int, int, Phrase | str]
"""Line and column (from 1) in the text, and what is wrong."""

_CHARACTER = re.compile(r"unexpected char .+ at (\d+)", re.DOTALL)
_GOT = re.compile(r"expected token '(?P<wanted>.+)', got '(?P<got>.+)'", re.DOTALL)
_UNKNOWN_TAG = re.compile(r"unknown tag '(\w+)'")
_INNERMOST = re.compile(r"innermost block that needs to be closed is '(\w+)'")
_EXPRESSION = re.compile(r"\{\{(.*?)\}\}|\{%(.*?)%\}", re.DOTALL)
_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'", re.DOTALL)
_CLOSED_BY = {"(": ")", "[": "]", "{": "}"}
_WORDS = frozenset({"and", "or", "not", "in", "is", "if", "else", "true", "false", "none"})
_MEANT = {
    "&": phrase("write “and” in place of “&&”"),
    "!": phrase("write “not” before what is not to be so, and “!=” between what differs"),
    "?": phrase("write “a if b else c” in place of “b ? a : c”"),
    "$": phrase("names stand without $ here; only queries have it"),
    "'": phrase("the quotation mark that begins here is never closed"),
    '"': phrase("the quotation mark that begins here is never closed"),
}
_QUOTATION_MARKS = {"“": '"', "”": '"', "‘": "'", "’": "'"}


def problem_of(error: TemplateSyntaxError, source: str, *, is_value: bool) -> JinjaProblem:
    """`source` is as its author wrote it: of `is_value` one expression, else a text with such."""
    said = (error.message or "").rstrip(".")
    if found := _CHARACTER.search(said):
        begins = len("{{ (") if is_value else 0
        return _of_character(source, max(int(found[1]) - begins, 0))
    if unclosed := _unclosed(source, is_value=is_value):
        return unclosed
    return error.lineno, 1, _told(said, source, is_value=is_value)


def _told(said: str, source: str, *, is_value: bool) -> Phrase | str:
    if "||" in source and "'|'" in said:
        return phrase("write “or” in place of “||”")
    if found := _GOT.search(said):
        return _of_token(found["wanted"], found["got"])
    if found := _UNKNOWN_TAG.search(said):
        return _of_tag(found[1], said)
    if found := _INNERMOST.search(said):
        return phrase("“{begin}” is never closed; write “{end}” where it ends", **_ends_of(found[1]))
    if "end of comment" in said:
        return phrase("“{begin}” is never closed; write “{end}” where it ends", begin="{#", end="#}")
    if said.startswith("unexpected"):
        is_at_end = is_value or "end of print" in said
        return phrase("something is missing at its end") if is_at_end else phrase("something is missing, or too much")
    return said


def _of_character(source: str, at: int) -> JinjaProblem:
    before, character = source[:at], source[at : at + 1]
    plain = _QUOTATION_MARKS.get(character) or unicodedata.normalize("NFKC", character)
    if character in _MEANT:
        told = _MEANT[character]
    elif plain != character:
        told = phrase("“{character}” is a mark of Chinese texts; write {plain}", character=character, plain=plain)
    else:
        told = phrase("“{character}” means nothing here", character=character)
    return before.count("\n") + 1, at - before.rfind("\n"), told


def _unclosed(source: str, *, is_value: bool) -> JinjaProblem | None:
    """Of brackets that are open at the end of an expression, or close nothing."""
    for start, text in _expressions(source, is_value=is_value):
        open_ones: list[tuple[int, str]] = []
        for at, character in enumerate(_QUOTED.sub(lambda found: " " * len(found[0]), text), start):
            if character in _CLOSED_BY:
                open_ones.append((at, character))
            elif character in _CLOSED_BY.values():
                if not open_ones or _CLOSED_BY[open_ones[-1][1]] != character:
                    return _at(source, at, phrase("“{character}” closes nothing that is open", character=character))
                open_ones.pop()
        if open_ones:
            at, character = open_ones[-1]
            return _at(source, at, phrase("“{character}” is never closed", character=character))
    opened = source.rfind("{{")
    if not is_value and opened > source.rfind("}}"):
        return _at(
            source, opened, phrase("“{begin}” is never closed; write “{end}” where it ends", begin="{{", end="}}")
        )
    return None


def _expressions(source: str, *, is_value: bool) -> Iterator[tuple[int, str]]:
    """With where they begin."""
    if is_value:
        yield 0, source
        return
    for found in _EXPRESSION.finditer(source):
        number = 1 if found[1] is not None else 2
        yield found.start(number), found[number]


def _at(source: str, at: int, told: Phrase) -> JinjaProblem:
    before = source[:at]
    return before.count("\n") + 1, at - before.rfind("\n"), told


def _of_token(wanted: str, got: str) -> Phrase:
    if got == "=":
        return phrase("write “==” to compare")
    if got == "if" and wanted == "end of statement block":
        return phrase("write “elif” in place of “else if”")
    if got not in _WORDS and got.lower() in _WORDS:
        return phrase("write “{word}” in small letters", word=got.lower())
    if got.startswith("end of"):
        return phrase("something is missing at its end")
    if got in ("integer", "float"):
        return phrase("a number is not expected here; perhaps an operator, a comma or “|” is missing before it")
    if got == "string":
        return phrase("a text is not expected here; perhaps an operator, a comma or “|” is missing before it")
    return phrase("“{got}” is not expected here; perhaps an operator, a comma or “|” is missing before it", got=got)


def _of_tag(tag: str, said: str) -> Phrase:
    inner = _INNERMOST.search(said)
    written = f"{{% {tag} %}}"
    if inner:
        return phrase("“{tag}” stands here before “{end}”", tag=written, end=_ends_of(inner[1])["end"])
    if tag.startswith("end") or tag in ("else", "elif"):
        return phrase("“{tag}” stands here without what it belongs to", tag=written)
    return phrase("there is no “{tag}”; there are if, for and set", tag=written)


def _ends_of(tag: str) -> dict[str, str]:
    return {"begin": f"{{% {tag} %}}", "end": f"{{% end{tag} %}}"}
