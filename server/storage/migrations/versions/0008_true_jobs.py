"""places of rows that no clock decides, progress in fractions, and how a job ended"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from server.storage.tables import UtcDateTime

revision = "0008"
down_revision = "0007"

_NUMBERED = ("jobs", "uploads", "batches", "tokens")
_MISSING = {"data_import": "rejected_count", "batch_report": "failed"}  # what a result says of those left out
_AT_ONCE = 500


def upgrade() -> None:
    for table in _NUMBERED:
        op.add_column(table, sa.Column("sequence", sa.BigInteger(), nullable=True))
        op.execute(
            f"UPDATE {table} SET sequence = numbered.place "  # noqa: S608 – names of ours
            f"FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM {table}) AS numbered "
            f"WHERE numbered.id = {table}.id"
        )
    for table in ("uploads", "batches", "tokens"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.alter_column("sequence", existing_type=sa.BigInteger(), nullable=False)
            batch_op.create_index(batch_op.f(f"ix_{table}_sequence"), ["sequence"], unique=False)
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.alter_column("sequence", existing_type=sa.BigInteger(), nullable=False)
        batch_op.alter_column(
            "progress", existing_type=sa.BigInteger(), type_=sa.Double(), nullable=False, existing_server_default="0"
        )
        batch_op.alter_column("total", existing_type=sa.BigInteger(), type_=sa.Double(), nullable=True)
        batch_op.add_column(sa.Column("took_seconds", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("outcome", sa.String(length=16), nullable=True))
        batch_op.add_column(sa.Column("stalled_since", UtcDateTime(), nullable=True))
        batch_op.create_index(batch_op.f("ix_jobs_sequence"), ["sequence"], unique=False)
        batch_op.create_index("ix_jobs_owner_kind", ["owner_id", "kind", "sequence"], unique=False)
    _say_how_jobs_ended()


def _say_how_jobs_ended() -> None:
    connection = op.get_bind()
    jobs = sa.table(
        "jobs",
        *(sa.column(name) for name in ("id", "kind", "state", "outcome", "took_seconds")),
        sa.column("result", sa.JSON()),
        sa.column("started_at", UtcDateTime()),
        sa.column("finished_at", UtcDateTime()),
    )
    connection.execute(jobs.update().where(jobs.c.state == "succeeded").values(outcome="complete"))
    ended = sa.select(jobs).where(jobs.c.started_at.is_not(None), jobs.c.finished_at.is_not(None))
    changes = [_change(row) for row in connection.execute(ended)]
    for start in range(0, len(changes), _AT_ONCE):
        connection.execute(
            jobs.update()
            .where(jobs.c.id == sa.bindparam("the_id"))
            .values(outcome=sa.bindparam("how"), took_seconds=sa.bindparam("took")),
            changes[start : start + _AT_ONCE],
        )


def _change(row: Any) -> dict[str, Any]:
    is_partial = bool(isinstance(row.result, dict) and row.result.get(_MISSING.get(row.kind, "")))
    how = ("partial" if is_partial else "complete") if row.state == "succeeded" else None
    took = (row.finished_at - row.started_at).total_seconds()
    return {"the_id": row.id, "how": how, "took": took if took >= 0 else None}
