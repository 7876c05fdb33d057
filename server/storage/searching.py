"""What people type to find something in a list, as its conditions take it."""

from __future__ import annotations

from server.errors import InvalidInput

LONGEST = 300  # characters
MOST_WORDS = 20


def searched(text: str) -> list[str]:
    """Its words. Raises `InvalidInput` for too many."""
    words = text.split()
    require_few(text, len(words))
    return words


def require_few(text: str, count: int, *, most: int = MOST_WORDS) -> None:
    """`count` words of `text`: each is looked for in all rows, and no database takes a condition of thousands."""
    if len(text) > LONGEST:
        raise InvalidInput("Search for at most {limit} characters.", code="search_too_long", limit=LONGEST)
    if count > most:
        raise InvalidInput("Search for at most {limit} words.", code="search_too_long", limit=most)
