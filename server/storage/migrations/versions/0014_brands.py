"""brands of users and of the server, and that which a batch was ordered with"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "brands",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("owner_id", sa.String(length=26), nullable=True),
        sa.Column("brand", sa.JSON(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("logo_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_brands_owner_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_brands")),
        sa.UniqueConstraint("owner_id", name=op.f("uq_brands_owner_id")),
    )
    op.add_column("batches", sa.Column("brand", sa.JSON(), server_default=sa.text("'{}'"), nullable=False))
