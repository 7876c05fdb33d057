"""deliveries go to whoever tries them first"""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("trial_for", sa.String(320)))
