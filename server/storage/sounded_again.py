"""Says of everything that is stored how its Chinese words sound: for a database that was filled before that was kept.

It reads columns by their names alone, since a migration does it in tables that are older than `tables`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa

from server.storage.findable import sounded, words_in
from server.storage.han_sounds import is_chinese, marked, sounds_of

_AT_ONCE = 500
_REPORT_CHARACTERS = 500  # the column's width
_OF_BATCH = "="


def sound_all_again(connection: sa.Connection) -> None:
    """Rows without Chinese stay as they are, and so does what was done before. Needs the only turn to write."""
    _each(connection, "findables", "id", lambda row: sounded(row["words"]), start=-1)
    _each(connection, "reports", "id", lambda row: _more(row["words"], [row["words"]])[:_REPORT_CHARACTERS])
    of_batches = sa.text("SELECT id, name, template_name FROM batches WHERE id = :id")
    of_reports = sa.text("SELECT words FROM reports WHERE batch_id = :id")

    def of_batch(row: sa.RowMapping) -> str:
        batch = connection.execute(of_batches, {"id": row["batch_id"]}).mappings().one()
        own = [_OF_BATCH + each for each in marked(_sounds([batch["name"], batch["template_name"]]))]
        told = (word for each in connection.scalars(of_reports, {"id": row["batch_id"]}) for word in each.split())
        return " ".join(dict.fromkeys([*row["words"].split(), *own, *(each for each in told if each.startswith("~"))]))

    _each(connection, "batch_words", "batch_id", of_batch)


def _each(
    connection: sa.Connection, table: str, key: str, words_of: Callable[[sa.RowMapping], str], *, start: Any = ""
) -> None:
    page = sa.text(f"SELECT {key}, words FROM {table} WHERE {key} > :last ORDER BY {key} LIMIT {_AT_ONCE}")  # noqa: S608
    known = sa.text(f"UPDATE {table} SET words = :words WHERE {key} = :key")  # noqa: S608
    last = start
    while rows := connection.execute(page, {"last": last}).mappings().all():
        last = rows[-1][key]
        chinese = [row for row in rows if is_chinese(row["words"])]
        changed = [{"key": row[key], "words": words_of(row)} for row in chinese]
        if changed:
            connection.execute(known, changed)


def _more(words: str, texts: Iterable[str]) -> str:
    return " ".join(dict.fromkeys([*words.split(), *marked(_sounds(texts))]))


def _sounds(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(sound for text in texts for sound in sounds_of(words_in(text))))
