"""what the figures of a report were, to tell what moved since the batch before"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("reports", sa.Column("figures", sa.JSON(), server_default="[]", nullable=False))
