"""By what the words of `findables` are found: SQLite has a table of words beside it, PostgreSQL a column of them.

The database itself fills them, so that no row and its words ever differ, whatever deletes a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

WORDS_IN_SQLITE = "findable_words"
STATEMENTS: Mapping[str, Sequence[str]] = {
    "sqlite": (
        "CREATE VIRTUAL TABLE findable_words USING fts5(words, content='findables', content_rowid='id', "
        "columnsize=0, prefix='1 2', tokenize=\"ascii tokenchars '^$~='\")",
        "CREATE TRIGGER findables_added AFTER INSERT ON findables BEGIN "
        "INSERT INTO findable_words(rowid, words) VALUES (new.id, new.words); END",
        "CREATE TRIGGER findables_gone AFTER DELETE ON findables BEGIN "
        "INSERT INTO findable_words(findable_words, rowid, words) VALUES ('delete', old.id, old.words); END",
        "CREATE TRIGGER findables_changed AFTER UPDATE OF words ON findables BEGIN "
        "INSERT INTO findable_words(findable_words, rowid, words) VALUES ('delete', old.id, old.words); "
        "INSERT INTO findable_words(rowid, words) VALUES (new.id, new.words); END",
    ),
    "postgresql": (
        "CREATE OR REPLACE FUNCTION findable_vector(words text) RETURNS tsvector "
        "LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ SELECT coalesce(string_agg(word || ':' || place, ' '), '')"
        "::tsvector FROM unnest(string_to_array(words, ' ')) WITH ORDINALITY AS each(word, place) $$",
        "ALTER TABLE findables ADD COLUMN vector tsvector GENERATED ALWAYS AS (findable_vector(words)) STORED",
        "CREATE INDEX ix_findables_vector ON findables USING gin (vector)",
    ),
}


def is_beside_the_tables(name: str) -> bool:
    """Whether a table of SQLite holds nothing but words: FTS5 has several for its own."""
    return name == WORDS_IN_SQLITE or name.startswith(f"{WORDS_IN_SQLITE}_")
