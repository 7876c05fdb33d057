"""uploads that come in parts"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    with op.batch_alter_table("uploads", schema=None) as batch_op:
        batch_op.add_column(sa.Column("concat", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("part_of", sa.String(length=26), nullable=True))
        batch_op.create_index(batch_op.f("ix_uploads_part_of"), ["part_of"], unique=False)
