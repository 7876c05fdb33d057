"""What DuckDB says about a wrong query, in words for whoever wrote it: where it is, what is near, and no paths."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from server.datasets.dataset import path_of
from server.datasets.sql_text import quoted
from server.errors import InvalidInput
from server.texts import Phrase, near, phrase

_LONGEST_NAME = 200

_PLACE = re.compile(r"\n+LINE (\d+): (.*)\n( *)\^", re.DOTALL)
_UNKNOWN_TABLE = re.compile(r"Table with name (.+?) does not exist!(?:\nDid you mean .*)?", re.DOTALL)
_UNKNOWN_COLUMN = re.compile(
    r'Referenced column "(.+?)" not found in FROM clause!(?:\s*Candidate bindings: (.*))?', re.DOTALL
)
_KIND = re.compile(r"^(?:[A-Z]\w+ )+Error: ")
# A list is looked into for something of another type: in three ways of asking, two ways of saying so.
_OF_OTHER_TYPES = re.compile(
    r"Cannot deduce template type 'T' in function: '(?:list_)?(?:contains|has|position)\w*\(.*?"
    r"inferred to be:\s+- '(?P<first>[^']+)', from first occurrence\s+- '(?P<second>[^']+)'.*"
    r"|Cannot compare values of type (?P<one>.+?) and (?P<other>.+?) in IN/ANY/ALL clause.*",
    re.DOTALL,
)
_NOT_READ = re.compile(r'syntax error at or near "(.+)"', re.DOTALL)
_NOT_WHOLE = "syntax error at end of input"
_NOT_GROUPED = re.compile(r'column "(.+?)" must appear in the GROUP BY clause or must be part of an aggregate function')
_NO_SUCH_TYPES = re.compile(
    r"(?:No function) matches the given name and argument types '(.+?)\((.*?)\)'\. You might"
    r'|Could not choose a best candidate function for the function call "(.+?)\((.*?)\)"\. In order',
    re.DOTALL,
)
_NOT_CONVERTED = re.compile(r"(?:Could not) convert string '(.*?)' to (\w+)", re.DOTALL)
_NO_MOMENT = re.compile(
    r'(?:invalid (date|timestamp) field format|(date|timestamp) field value out of range): "(.*?)"', re.DOTALL
)
# Advice that does not apply here (settings are locked), and where files lie.
_SETTINGS_ADVICE = re.compile(r',? or SET [^.\n]*(?=[.\n]|$)|Use "?SET [^\n]*')
_PATH = re.compile(r"(?:/[^\s/'\":]+){2,}/?")


def query_error(message: str, sql: str, datasets: Collection[str], *, above: int = 0) -> InvalidInput:
    """An `InvalidInput` with the code `query_error`; `line` and `column` (1-based) are parameters when known.

    `above` are lines of ours that stood above those of `sql` in what ran.
    """
    return _error(_reason(message, sql, datasets), *_place(message, sql, above))


def at_place(reason: Phrase, sql: str, place: int | None) -> InvalidInput:
    """The same for what we found ourselves; `place` counts bytes of the statement, as DuckDB does."""
    if place is None:
        return _error(reason, 0, 0)
    before = sql.encode()[:place].decode(errors="ignore")
    return _error(reason, before.count("\n") + 1, len(before) - before.rfind("\n"))


def unknown_dataset(name: str, datasets: Collection[str]) -> Phrase:
    name = name[:_LONGEST_NAME]
    meant = near(name, datasets)
    if meant:
        return phrase("There is no dataset “{name}”. Did you mean “{meant}”?", name=name, meant=in_sql(meant))
    known = ", ".join(f"“{in_sql(dataset)}”" for dataset in sorted(datasets)[:10])
    if known:
        return phrase("There is no dataset “{name}”. You have: {known}.", name=name, known=known)
    return phrase("There is no dataset “{name}”.", name=name)


def several_datasets(name: str, meant: Collection[str]) -> Phrase:
    names = ", ".join(map(in_sql, sorted(meant)[:10]))
    message = "Several people share a dataset “{name}” with you; write whose you mean: {names}."
    return phrase(message, name=name, names=names)


def in_sql(name: str) -> str:
    """As it is written in a query: with its owner, of somebody else."""
    path = path_of(name)
    return name if len(path) == 1 else ".".join(map(quoted, path))


def unknown_function(name: str, functions: Collection[str]) -> Phrase:
    meant, name = near(name, sorted(functions)), name[:_LONGEST_NAME]
    if meant:
        return phrase("There is no function “{name}”. Did you mean “{meant}”?", name=name, meant=meant)
    return phrase("There is no function “{name}”.", name=name)


def _error(reason: Phrase | str, line: int, column: int) -> InvalidInput:
    if not line:
        return InvalidInput("The query is wrong: {reason}", code="query_error", reason=reason)
    return InvalidInput(
        "The query is wrong at line {line}, column {column}: {reason}",
        code="query_error",
        reason=reason,
        line=line,
        column=column,
    )


def _unknown_column(name: str, listed: str, sql: str) -> Phrase:
    known = re.findall(r'"((?:[^"]|"")+)"', listed)
    is_quoted, meant, name = f'"{name}"' in sql, near(name, known), name[:_LONGEST_NAME]
    if meant:
        return phrase("There is no column “{name}”. Did you mean “{meant}”?", name=name, meant=meant)
    names = ", ".join(known)
    if known and is_quoted:
        message = "There is no column “{name}”. There are: {names}. A text stands in single quotes: '{name}'."
        return phrase(message, name=name, names=names)
    if known:
        return phrase("There is no column “{name}”. There are: {names}.", name=name, names=names)
    if is_quoted:
        return phrase("There is no column “{name}”. A text stands in single quotes: '{name}'.", name=name)
    return phrase("There is no column “{name}”.", name=name)


def _reason(message: str, sql: str, datasets: Collection[str]) -> Phrase | str:
    """Of what is known; for all else DuckDB's own words."""
    text = _PLACE.split(message)[0] if _PLACE.search(message) else message
    text = _KIND.sub("", text.strip())
    unknown = _UNKNOWN_TABLE.search(text)
    if unknown:
        return unknown_dataset(unknown.group(1), datasets)
    if column := _UNKNOWN_COLUMN.search(text):
        return _unknown_column(column[1], column[2] or "", sql)
    if others := _OF_OTHER_TYPES.search(text):
        first, second = others["first"] or others["other"], others["second"] or others["one"]
        return phrase(
            "A list of {first} is looked into for {second}; make both the same. Of a parameter of a template that is "
            "a list say what its values are (of: integer, decimal, date), or cast what is looked for (year::varchar).",
            first=first,
            second=second,
        )
    if usual := _usual(text):
        return usual
    text = _SETTINGS_ADVICE.sub("", text)
    return " ".join(_PATH.sub("…", text).split())


def _usual(text: str) -> Phrase | None:
    """What happens to everybody who writes queries."""
    if found := _NOT_READ.fullmatch(text):
        return phrase(
            "There is a syntax error at “{word}”: there, or just before it, a comma, a bracket or a word is missing or "
            "too many. A name that is also a word of SQL stands in double quotes.",
            word=found[1][:_LONGEST_NAME],
        )
    if text == _NOT_WHOLE:
        return phrase("There is a syntax error at the end: something is missing there, such as a bracket.")
    if found := _NOT_GROUPED.search(text):
        return phrase(
            "“{name}” is neither grouped nor summed up: add it to GROUP BY, or write any_value({name}).",
            name=found[1][:_LONGEST_NAME],
        )
    if found := _NO_SUCH_TYPES.search(text):
        return phrase(
            "“{function}” is not there for {types}; convert what it gets, such as x::decimal or x::varchar.",
            function=(found[1] or found[3])[:_LONGEST_NAME],
            types=(found[2] or found[4] or "")[:_LONGEST_NAME],
        )
    if found := _NOT_CONVERTED.search(text):
        return _unreadable(found[1], found[2])
    if found := _NO_MOMENT.search(text):
        return _unreadable(found[3], (found[1] or found[2]).upper())
    return None


def _unreadable(text: str, type_: str) -> Phrase:
    message = "“{text}” cannot be read as {type}; try_cast(x as {type}) leaves such values empty."
    return phrase(message, text=text[:_LONGEST_NAME], type=type_)


def _place(message: str, sql: str, above: int) -> tuple[int, int]:
    """DuckDB prints the line, cut around the place, with a caret under it; wide characters count twice there."""
    found = _PLACE.search(message)
    if not found:
        return 0, 0
    number, shown, blanks = int(found.group(1)), found.group(2), found.group(3)
    offset = _characters(shown, len(blanks) - len(f"LINE {number}: "))
    number = max(number - above, 1)
    lines = sql.splitlines()
    if shown.startswith("...") and number <= len(lines):
        visible = shown.removeprefix("...").removesuffix("...")
        offset += lines[number - 1].find(visible) - 3
    return number, max(offset, 0) + 1


def _characters(text: str, width: int) -> int:
    count = 0
    for character in text:
        if width <= 0:
            break
        width -= 2 if unicodedata.east_asian_width(character) in "WF" else 1
        count += 1
    return count
