"""what can be found, and by which words"""

import sqlalchemy as sa
from alembic import op

from server.storage.findable_again import find_all_again

revision = "0036"
down_revision = "0035"
_TABLES = {
    "dataset_id": "datasets",
    "template_id": "templates",
    "batch_id": "batches",
    "report_id": "reports",
    "job_id": "jobs",
    "user_id": "users",
}
_OF_WORDS = {
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


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "findables",
        sa.Column("id", number, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        *(sa.Column(name, sa.String(length=26), nullable=True) for name in _TABLES),
        sa.Column("words", sa.Text(), nullable=False),
        *(
            sa.ForeignKeyConstraint(
                [name], [f"{table}.id"], name=op.f(f"fk_findables_{name}_{table}"), ondelete="CASCADE"
            )
            for name, table in _TABLES.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_findables")),
    )
    for name in _TABLES:
        is_there = sa.text(f"{name} IS NOT NULL")
        op.create_index(
            op.f(f"ix_findables_{name}"), "findables", [name], sqlite_where=is_there, postgresql_where=is_there
        )
    connection = op.get_bind()
    for statement in _OF_WORDS[connection.dialect.name]:
        connection.exec_driver_sql(statement)
    find_all_again(connection)
