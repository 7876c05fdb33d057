"""Names and other lines that people write: what cannot stand in one is said by its sign and its place."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from server.errors import FieldError


def line_problems(text: str, *, field: str, most: int) -> Iterator[FieldError]:
    """`most` characters. Signs that nobody sees, such as one that turns what follows around, are named."""
    if len(text) > most:
        message = "Write one line of at most {count} characters."
        yield FieldError(field=field, message=message, parameters={"count": most})
        return
    for place, sign in enumerate(text, start=1):
        if not sign.isprintable():
            yield _odd(field, sign, place)
            return


def _odd(field: str, sign: str, place: int) -> FieldError:
    code, name = f"U+{ord(sign):04X}", unicodedata.name(sign, "")
    if sign in "\n\r\u2028\u2029":
        message = "Write one line: a new line begins at character {place}."
    elif name:
        message = "Character {place} is {code} ({name}), which cannot be seen or stored here; delete it."
    else:
        message = "Character {place} is {code}, which cannot be seen or stored here; delete it."
    return FieldError(field=field, message=message, parameters={"place": place, "code": code, "name": name})
