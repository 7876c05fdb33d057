"""What msgspec says of a wrong value, as a field and a sentence that can be translated."""

from __future__ import annotations

import re

import msgspec

from server.errors import FieldError

# Its sentences, and ours. The pattern of a text is nothing to read aloud.
_SENTENCES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"(?:Invalid RFC3339 encoded datetime|Expected `datetime` with a timezone component)"),
        "This is no moment; write one with its zone, like 2026-11-28T00:00:00Z or 2026-11-28T08:00:00+08:00.",
    ),
    (
        re.compile(r"Expected `(?P<expected>[^`]+)`, got `(?P<found>[^`]+)`"),
        "The type is {expected}, not {found}.",
    ),
    (re.compile(r"Expected `str` of length (?P<count>\d+)"), "It must have {count} characters."),
    (re.compile(r"Expected `str` of length >= (?P<count>\d+)"), "It must have at least {count} characters."),
    (re.compile(r"Expected `str` of length <= (?P<count>\d+)"), "It may have at most {count} characters."),
    (re.compile(r"Expected `\w+` of length >= (?P<count>\d+)"), "There must be at least {count} of these."),
    (re.compile(r"Expected `\w+` of length <= (?P<count>\d+)"), "There may be at most {count} of these."),
    (re.compile(r"Expected `\w+` >= (?P<least>\S+)"), "It must be at least {least}."),
    (re.compile(r"Expected `\w+` <= (?P<most>\S+)"), "It may be at most {most}."),
    (re.compile(r"Expected `str` matching regex .*", re.DOTALL), "It is not written as this must be written."),
    (re.compile(r"Object missing required field `(?P<name>[^`]+)`"), "“{name}” is missing."),
    (
        re.compile(r"Object contains unknown field `(?P<name>[^`]*)`", re.DOTALL),
        "There is nothing called “{name}” here.",
    ),
    (re.compile(r"Invalid enum value (?P<value>.*)", re.DOTALL), "{value} is none of the possible values."),
)


def field_error(error: msgspec.ValidationError) -> FieldError:
    """`Expected `int`, got `str` - at `$.a[0].b`` as the field `a[0].b`, and what is wrong with it."""
    said, _, place = str(error).rpartition(" - at `")
    if not said:
        said, place = str(error), ""
    field = place.rstrip("`").removeprefix("$").removeprefix(".")
    for pattern, message in _SENTENCES:
        if found := pattern.fullmatch(said):
            return FieldError(field=field, message=message, parameters=dict(found.groupdict()))
    return FieldError(field=field, message=said)
