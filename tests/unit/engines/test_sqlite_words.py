"""FTS5's words: what is asked is said in its language, damage is seen, and what is made anew is whole."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from server.clock import utc_now
from server.engines.sqlite import SqliteDatabase
from server.engines.sqlite_words import SqliteWords, text_of
from server.storage import findable
from server.storage.tables import findables, users
from server.storage.word_index import AllOf, AnyOf, WordPhrase


def test_what_is_asked_in_its_language() -> None:
    asked = AllOf([AnyOf([WordPhrase(("~a",)), WordPhrase(("~b",))]), WordPhrase(("^", "sales", "rep"), begins=True)])
    assert text_of(asked) == '(("~a" OR "~b") AND "^ sales rep"*)'


async def test_damage_is_seen_and_mended(tmp_path: Path) -> None:
    database, words = SqliteDatabase(tmp_path / "jindu.db"), SqliteWords()
    await database.migrate()
    async with database.write() as connection:
        row = {
            "id": "a",
            "name": "ada",
            "name_key": "ada",
            "password_hash": "",
            "role": "admin",
            "created_at": utc_now(),
        }
        await connection.execute(sa.insert(users).values(row | {"notifications": {}}))
        await findable.put(connection, [findable.of_user("a", "Ada Lovelace")])
        assert await words.problem(connection) is None
    found = words.newest(WordPhrase(("love",), begins=True), sa.true(), limit=5)
    async with database.read() as connection:
        await words.prepare(connection)
        assert len((await connection.scalars(found)).all()) == 1
    async with database.write() as connection:
        await connection.exec_driver_sql("DROP TRIGGER findables_gone")
        await connection.execute(sa.delete(findables))
        await findable.put(connection, [findable.of_user("a", "Somebody else")])
        assert "malformed" in str(await words.problem(connection))
        await words.rebuild(connection)
        assert await words.problem(connection) is None
        assert (await connection.scalars(found)).all() == []
    await database.close()
