"""What is asked of the words of `findables`, and what an engine that keeps them answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class WordPhrase:
    """Words that follow one another; of the last one `begins` is only how it begins."""

    words: Sequence[str]
    begins: bool = False


@dataclass(frozen=True, slots=True)
class AllOf:
    """Each of them, wherever it stands."""

    parts: Sequence[AskedWords]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of them."""

    parts: Sequence[AskedWords]


AskedWords = WordPhrase | AllOf | AnyOf


class WordIndex(Protocol):
    """Words are those of `findable.words_in`, and its marks: nothing in them means anything to an engine."""

    def newest(self, asked: AskedWords, where: sa.ColumnElement[bool], *, limit: int) -> sa.Select[int]:
        """Ids of the rows of `findables` that have what is asked and for which `where` holds, the newest first."""
        ...

    def newest_of_few(self, asked: AskedWords, where: sa.ColumnElement[bool], *, limit: int) -> sa.Select[int]:
        """The same where what is asked names kinds of which there are few, whatever else it asks."""
        ...

    async def prepare(self, connection: AsyncConnection) -> None:
        """Before the first question of a transaction."""
        ...

    async def problem(self, connection: AsyncConnection) -> str | None:
        """Why its words are not those of the rows, in a transaction that may write; None when they are."""
        ...

    async def rebuild(self, connection: AsyncConnection) -> None:
        """Make it anew from the rows."""
        ...
