"""at which node something fires, and what each node was for: one that runs jobs alone serves nobody"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0029"


def upgrade() -> None:
    op.add_column("alerts", sa.Column("node", sa.String(100), server_default="", nullable=False))
    op.add_column("server_runs", sa.Column("role", sa.String(8), server_default="all", nullable=False))
