"""Words found by PostgreSQL's text search; no configuration of it has a say in what a word is."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncConnection

from server.storage.tables import findables
from server.storage.word_index import AllOf, AskedWords, WordPhrase

_VECTOR: sa.ColumnElement[Any] = sa.literal_column("findables.vector")
_IS_WRONG = (
    "SELECT count(*) FROM findables WHERE vector IS DISTINCT FROM findable_vector(words)"  # after a damaged restore
)


class PostgresqlWords:
    """`WordIndex`: a column that PostgreSQL makes of the words itself, and a GIN index over it."""

    def newest(self, asked: AskedWords, where: sa.ColumnElement[bool], *, limit: int) -> sa.Select[int]:
        has_words = _VECTOR.op("@@", is_comparison=True)(sa.cast(sa.literal(text_of(asked)), TSQUERY))
        return sa.select(findables.c.id).where(has_words, where).order_by(findables.c.id.desc()).limit(limit)

    def newest_of_few(self, asked: AskedWords, where: sa.ColumnElement[bool], *, limit: int) -> sa.Select[int]:
        """By the index of words. Else, where those words are frequent among others, PostgreSQL expects to meet some
        soon, and goes through all there are."""
        return self.newest(asked, where, limit=limit).order_by(None).order_by((findables.c.id + 0).desc())

    async def prepare(self, connection: AsyncConnection) -> None:
        """How often a word is decides how it is best looked for: a plan for any word is a bad one."""
        await connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")

    async def problem(self, connection: AsyncConnection) -> str | None:
        wrong = await connection.scalar(sa.text(_IS_WRONG))
        return f"{wrong} rows have other words than their column says" if wrong else None

    async def rebuild(self, connection: AsyncConnection) -> None:
        await connection.exec_driver_sql("REINDEX INDEX ix_findables_vector")


def text_of(asked: AskedWords) -> str:
    """In the language of `tsquery`; words have no quotation marks or backslashes."""
    if isinstance(asked, WordPhrase):
        words = [f"'{word}'" for word in asked.words]
        return "(" + " <-> ".join(words) + (":*" if asked.begins else "") + ")"
    return "(" + (" & " if isinstance(asked, AllOf) else " | ").join(map(text_of, asked.parts)) + ")"
