"""dataset search"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    with op.batch_alter_table("datasets", schema=None) as batch_op:
        batch_op.add_column(sa.Column("search", sa.Text(), server_default="", nullable=False))
    connection = op.get_bind()
    rows = connection.execute(
        sa.text(
            "select d.id, d.name, d.description, v.columns, v.source from datasets d"
            " join dataset_versions v on v.dataset_id = d.id and v.number = d.version"
        )
    )
    for row in rows.all():
        columns, source = _decoded(row.columns), _decoded(row.source)
        texts = [row.name, row.description, str(source.get("name", "")), *(str(c.get("name", "")) for c in columns)]
        connection.execute(
            sa.text("update datasets set search = :search where id = :id"),
            {"search": "\n".join(texts).casefold(), "id": row.id},
        )


def _decoded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
