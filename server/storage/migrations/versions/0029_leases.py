"""which node runs a job and until when, and in which line it waits, where several nodes share them"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("lane", sa.String(8), server_default="", nullable=False))
    op.add_column("jobs", sa.Column("due_at", sa.DateTime(timezone=True)))
    op.add_column("jobs", sa.Column("node", sa.String(100), server_default="", nullable=False))
    op.add_column("jobs", sa.Column("lease_until", sa.DateTime(timezone=True)))
    op.create_table(
        "job_turns",
        sa.Column("owner_id", sa.String(26), nullable=False),
        sa.Column("lane", sa.String(8), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_job_turns_owner_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("owner_id", "lane", name=op.f("pk_job_turns")),
    )
