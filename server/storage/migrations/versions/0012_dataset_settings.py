"""what people say of their datasets: tags, and a note on each column; queries that are kept, and those that ran"""

import sqlalchemy as sa
from alembic import op

from server.storage.tables import UtcDateTime

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("datasets", sa.Column("tags", sa.Text(), server_default="", nullable=False))
    op.add_column("datasets", sa.Column("column_notes", sa.JSON(), server_default=sa.text("'{}'"), nullable=False))
    op.create_table(
        "saved_queries",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("owner_id", sa.String(length=26), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("sql", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_saved_queries_owner_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_queries")),
        sa.UniqueConstraint("owner_id", "name", name=op.f("uq_saved_queries_owner_id")),
    )
    op.create_index(op.f("ix_saved_queries_owner_id"), "saved_queries", ["owner_id"])
    op.create_table(
        "query_runs",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("owner_id", sa.String(length=26), nullable=False),
        sa.Column("sql", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=True),
        sa.Column("truncated", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_query_runs_owner_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_query_runs")),
    )
    op.create_index(op.f("ix_query_runs_owner_id"), "query_runs", ["owner_id"])
