"""What people type to find something in a list, as its conditions take it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement

from server.errors import InvalidInput

LONGEST = 300  # characters
MOST_WORDS = 8
ESCAPE = "/"


def searched(text: str) -> list[str]:
    """Its words. Raises `InvalidInput` for too many."""
    words = text.split()
    require_few(text, len(words))
    return words


def require_few(text: str, count: int) -> None:
    """`count` words of `text`: each is looked for in many places of all rows, and takes a condition of its own."""
    if len(text) > LONGEST:
        raise InvalidInput("Search for at most {limit} characters.", code="search_too_long", limit=LONGEST)
    if count > MOST_WORDS:
        raise InvalidInput("Search for at most {limit} words.", code="search_too_long", limit=MOST_WORDS)


# SQLAlchemy's `contains` says the same, and takes six times as long to write: it puts the pattern together in SQL.


def holds(text: ColumnElement[Any], words: str) -> ColumnElement[bool]:
    """Whether they stand in it as they are."""
    return text.like(f"%{escaped(words)}%", escape=ESCAPE)


def mentions(text: ColumnElement[Any], words: str) -> ColumnElement[bool]:
    """Whether they stand in it, in upper or lower case."""
    return text.ilike(f"%{escaped(words)}%", escape=ESCAPE)


def escaped(words: str) -> str:
    """For a pattern, in which they mean themselves."""
    for sign in (ESCAPE, "%", "_"):
        words = words.replace(sign, ESCAPE + sign)
    return words
