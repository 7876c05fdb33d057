"""the requests that stand under an idempotency key, beside the jobs that they were about"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    keys = op.create_table(
        "job_keys",
        sa.Column("owner_id", sa.String(length=26), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("job_id", sa.String(length=26), nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_job_keys_owner_id_users"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["jobs.id"],
            name=op.f("fk_job_keys_job_id_jobs"),
            ondelete="CASCADE",
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.PrimaryKeyConstraint("owner_id", "key", name=op.f("pk_job_keys")),
    )
    op.create_index(op.f("ix_job_keys_job_id"), "job_keys", ["job_id"])
    names = ("id", "owner_id", "kind", "idempotency_key", "fingerprint")
    jobs = sa.table("jobs", *(sa.column(name) for name in names))
    known = sa.func.coalesce(jobs.c.fingerprint, jobs.c.kind)  # before 0006 only the kind is known
    old = sa.select(jobs.c.owner_id, jobs.c.idempotency_key, known, jobs.c.id)
    op.execute(
        keys.insert().from_select(
            ["owner_id", "key", "fingerprint", "job_id"], old.where(jobs.c.idempotency_key.is_not(None))
        )
    )
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_constraint("uq_jobs_owner_id", type_="unique")
        batch_op.drop_column("fingerprint")
        batch_op.drop_column("idempotency_key")
