"""who brings an upload's bytes, where several nodes may"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.add_column("uploads", sa.Column("writer", sa.Integer(), server_default="0", nullable=False))
