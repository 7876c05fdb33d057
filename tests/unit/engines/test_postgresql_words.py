"""PostgreSQL's words: what is asked is said in its language, and no plan is made for words that nobody knows."""

from __future__ import annotations

import sqlalchemy as sa

from server.engines.postgresql import PostgresqlDatabase
from server.engines.postgresql_words import PostgresqlWords, text_of
from server.storage.word_index import AllOf, AnyOf, WordPhrase
from tests import postgresql


def test_what_is_asked_in_its_language() -> None:
    asked = AllOf([AnyOf([WordPhrase(("~a",)), WordPhrase(("~b",))]), WordPhrase(("^", "sales", "rep"), begins=True)])
    assert text_of(asked) == "((('~a') | ('~b')) & ('^' <-> 'sales' <-> 'rep':*))"


async def test_plans_know_the_words_and_the_index_can_be_made_anew(worker_id: str) -> None:
    database, words = PostgresqlDatabase(postgresql.new_database(f"words_{worker_id}")), PostgresqlWords()
    await database.migrate()
    async with database.read() as connection:
        await words.prepare(connection)
        assert await connection.scalar(sa.text("SHOW plan_cache_mode")) == "force_custom_plan"
        asked = WordPhrase(("nobody",))
        for newest in (words.newest, words.newest_of_few):
            assert (await connection.scalars(newest(asked, sa.true(), limit=5))).all() == []
    async with database.write() as connection:
        await words.rebuild(connection)
        assert await words.problem(connection) is None
    await database.close()
