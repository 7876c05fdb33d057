"""values of reports to find them by; views of lists that are saved, in place of filters of jobs alone"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"

_AT_ONCE = 500
_NAME_CHARACTERS, _VALUE_CHARACTERS = 64, 200


def upgrade() -> None:
    op.create_table(
        "saved_views",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("owner_id", sa.String(26), nullable=False),
        sa.Column("list", sa.String(16), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("query", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("is_shared", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_saved_views_owner_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
        sa.UniqueConstraint("owner_id", "list", "name", name=op.f("uq_saved_views_owner_id")),
    )
    op.create_index(op.f("ix_saved_views_owner_id"), "saved_views", ["owner_id"])
    op.create_table(
        "report_values",
        sa.Column("report_id", sa.String(26), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("value", sa.String(200), nullable=False),
        sa.Column("batch_id", sa.String(26), nullable=False),
        sa.ForeignKeyConstraint(
            ["report_id"], ["reports.id"], name=op.f("fk_report_values_report_id_reports"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.id"], name=op.f("fk_report_values_batch_id_batches"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("report_id", "name", "value", name=op.f("pk_report_values")),
    )
    op.create_table(
        "batch_words",
        sa.Column("batch_id", sa.String(26), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.id"], name=op.f("fk_batch_words_batch_id_batches"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_batch_words")),
    )
    op.add_column("reports", sa.Column("words", sa.String(500), server_default="", nullable=False))
    _keep_filters()
    op.drop_table("job_filters")
    _note_values()
    _note_words()
    op.create_index("ix_report_values_batch_id", "report_values", ["batch_id", "name", "value"])
    op.create_index("ix_report_values_value", "report_values", ["name", "value", "batch_id", "report_id"])
    op.create_index("ix_reports_shown", "reports", ["batch_id", "state", "words"])


def _keep_filters() -> None:
    """Those of jobs become views of their list."""
    from server.clock import new_id

    filters = sa.table(
        "job_filters",
        *map(sa.column, ("owner_id", "name")),
        sa.column("fields", sa.JSON()),
        sa.column("created_at", sa.DateTime(timezone=True)),
    )
    connection = op.get_bind()
    found = connection.execute(sa.select(filters)).mappings().all()
    rows = [
        {
            "id": new_id(),
            "owner_id": row["owner_id"],
            "list": "jobs",
            "name": row["name"],
            "query": {name: [value] for name, value in row["fields"].items()},
            "created_at": row["created_at"],
            "updated_at": row["created_at"],
        }
        for row in found
    ]
    views = sa.table(
        "saved_views",
        *map(sa.column, ("id", "owner_id", "list", "name")),
        sa.column("query", sa.JSON()),
        *(sa.column(name, sa.DateTime(timezone=True)) for name in ("created_at", "updated_at")),
    )
    if rows:
        connection.execute(sa.insert(views), rows)


def _note_values() -> None:
    """Of the reports that there are."""
    connection = op.get_bind()
    columns = ("id", "batch_id", "title", "words", "parameters")
    reports = sa.table("reports", *(sa.column(name, sa.Text()) for name in columns))
    values = sa.table("report_values", *map(sa.column, ("report_id", "name", "value", "batch_id")))
    last = ""
    text = sa.cast(reports.c.parameters, sa.Text).label("parameters")
    query = sa.select(reports.c.id, reports.c.batch_id, reports.c.title, text)
    known = sa.update(reports).where(reports.c.id == sa.bindparam("report_id"))
    while True:
        page = connection.execute(query.where(reports.c.id > last).order_by(reports.c.id).limit(_AT_ONCE)).all()
        rows = [
            {"report_id": row.id, "name": name, "value": value, "batch_id": row.batch_id}
            for row in page
            for name, value in _values(json.loads(row.parameters))
        ]
        if rows:
            connection.execute(sa.insert(values), rows)
        words = [{"report_id": row.id, "words": _words_of(row.title, json.loads(row.parameters))} for row in page]
        if words:
            connection.execute(known, words)
        if len(page) < _AT_ONCE:
            return
        last = page[-1].id


def _note_words() -> None:
    connection = op.get_bind()
    batches = sa.table("batches", *map(sa.column, ("id", "name", "template_name")))
    reports = sa.table("reports", *map(sa.column, ("batch_id", "words")))
    words = sa.table("batch_words", *map(sa.column, ("batch_id", "words")))
    for batch in connection.execute(sa.select(batches)).all():
        found = connection.scalars(sa.select(reports.c.words).where(reports.c.batch_id == batch.id)).all()
        said = _words([batch.name, batch.template_name, *found])
        connection.execute(sa.insert(words).values(batch_id=batch.id, words=said))


def _words_of(title: str, parameters: dict[str, Any]) -> str:
    return _words([title, *(text for _, text in _values(parameters))])[:500]


def _words(texts: Iterable[str]) -> str:
    return " ".join(dict.fromkeys(word for text in texts for word in text.casefold().split()))


def _values(parameters: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """As `server.reports.report_values` noted them at this version."""
    for name, value in parameters.items():
        texts = [_text(each) for each in value[:50]] if isinstance(value, list) else [_text(value)]
        for text in dict.fromkeys(texts):
            if 0 < len(text) <= _VALUE_CHARACTERS and len(name) <= _NAME_CHARACTERS:
                yield name, text


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return f"{value['from']} – {value['to']}"
    return str(value)
