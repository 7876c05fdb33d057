"""Words found by FTS5, which is part of SQLite."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.storage.tables import findables
from server.storage.word_index import AllOf, AskedWords, WordPhrase
from server.storage.word_tables import WORDS_IN_SQLITE

_WORDS = sa.table(WORDS_IN_SQLITE, sa.column("rowid", sa.Integer), sa.column(WORDS_IN_SQLITE, sa.Text))

_CHECK = "INSERT INTO findable_words(findable_words, rank) VALUES ('integrity-check', 1)"
_REBUILD = "INSERT INTO findable_words(findable_words) VALUES ('rebuild')"


class SqliteWords:
    """`WordIndex`: a table beside `findables`, which triggers fill; FTS5 reads it from its newest row on."""

    def newest(self, asked: AskedWords, where: sa.ColumnElement[bool], *, limit: int) -> sa.Select[int]:
        # What is asked goes first, whatever the planner thinks of `where`: it knows nothing of how often words are.
        return (
            sa.select(_WORDS.c.rowid)
            .select_from(_WORDS.join(findables, findables.c.id == _WORDS.c.rowid))
            .where(_WORDS.c[WORDS_IN_SQLITE].op("MATCH")(text_of(asked)), where)
            .order_by(_WORDS.c.rowid.desc())
            .limit(limit)
        )

    def newest_of_few(self, asked: AskedWords, where: sa.ColumnElement[bool], *, limit: int) -> sa.Select[int]:
        return self.newest(asked, where, limit=limit)

    async def prepare(self, connection: AsyncConnection) -> None:
        pass

    async def problem(self, connection: AsyncConnection) -> str | None:
        """With 1 it reads the rows, too, and compares."""
        try:
            await connection.exec_driver_sql(_CHECK)
        except DatabaseError as error:
            return str(error.orig)
        return None

    async def rebuild(self, connection: AsyncConnection) -> None:
        await connection.exec_driver_sql(_REBUILD)


def text_of(asked: AskedWords) -> str:
    """In FTS5's language; words have no quotation marks."""
    if isinstance(asked, WordPhrase):
        return f'"{" ".join(asked.words)}"' + ("*" if asked.begins else "")
    return "(" + (" AND " if isinstance(asked, AllOf) else " OR ").join(map(text_of, asked.parts)) + ")"
