"""which part of a file an Idempotency-Key stands for"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    with op.batch_alter_table("job_keys") as table:
        table.add_column(sa.Column("part_id", sa.String(26), nullable=False, server_default=""))
