"""what a schedule runs; files that one has taken"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    op.add_column("schedules", sa.Column("runs", sa.String(length=8), server_default="batch", nullable=False))
    op.add_column("schedule_runs", sa.Column("result", sa.JSON(), nullable=True))
    op.add_column("outbox", sa.Column("schedule_id", sa.String(length=26), nullable=True))
    op.create_table(
        "schedule_files",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("schedule_id", sa.String(length=26), nullable=False),
        sa.Column("place_key", sa.String(length=64), nullable=False),
        sa.Column("file_key", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("version", sa.Text(), server_default="", nullable=False),
        sa.Column("sha256", sa.String(length=64), server_default="", nullable=False),
        sa.Column("run_id", sa.String(length=26), nullable=False),
        sa.Column("upload_id", sa.String(length=26), server_default="", nullable=False),
        sa.Column("job_id", sa.String(length=26), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["schedules.id"], name=op.f("fk_schedule_files_schedule_id_schedules"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule_files")),
        sa.UniqueConstraint("schedule_id", "place_key", "file_key", name="uq_schedule_files_once"),
    )
    op.create_index(op.f("ix_schedule_files_run_id"), "schedule_files", ["run_id"])
