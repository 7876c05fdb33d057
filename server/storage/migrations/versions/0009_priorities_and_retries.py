"""the priority of a job, and when one that failed for a reason that may pass begins again"""

import sqlalchemy as sa
from alembic import op

from server.storage.tables import UtcDateTime

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("not_before", UtcDateTime()))
        batch_op.add_column(sa.Column("priority", sa.String(length=8), nullable=False, server_default="normal"))
