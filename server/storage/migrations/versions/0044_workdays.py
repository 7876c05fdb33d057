"""schedules that come on working days alone"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0042"


def upgrade() -> None:
    op.add_column("schedules", sa.Column("calendar", sa.String(length=2), server_default="", nullable=False))
    op.add_column("schedules", sa.Column("day_off", sa.String(length=8), server_default="skip", nullable=False))
    op.add_column("schedules", sa.Column("told_until", sa.String(length=10), server_default="", nullable=False))
