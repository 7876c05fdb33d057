"""what people say of their datasets: tags, and a note on each column"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("datasets", sa.Column("tags", sa.Text(), server_default="", nullable=False))
    op.add_column("datasets", sa.Column("column_notes", sa.JSON(), server_default=sa.text("'{}'"), nullable=False))
