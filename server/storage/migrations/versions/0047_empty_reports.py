"""reports know whether they show a row"""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"


def upgrade() -> None:
    op.add_column("reports", sa.Column("is_empty", sa.Boolean(), server_default=sa.false(), nullable=False))
