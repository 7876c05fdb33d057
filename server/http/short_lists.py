"""Pages of lists that are at hand as a whole: one's tokens, sessions, connections; the settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from server.http.endpoint import ShortPage
from server.storage.pages import Listing

Item = TypeVar("Item")


def cut(found: Sequence[Item], query: ShortPage, text_of: Callable[[Item], str]) -> Listing[Item]:
    """The page that is asked for, of those whose text holds `q`. The cursor counts what came before."""
    wanted = (query.q or "").casefold()
    matching = [item for item in found if wanted in text_of(item).casefold()]
    begin = int(query.cursor or 0)
    end = begin + query.limit
    return Listing(
        items=matching[begin:end], next_cursor=str(end) if end < len(matching) else None, total=len(matching)
    )
