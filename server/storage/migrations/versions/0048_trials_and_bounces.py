"""deliveries go to whoever tries them first, and come back by a tag; addresses that they came back from are held"""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("trial_for", sa.String(320)))
    op.add_column("deliveries", sa.Column("bounce_tag", sa.String(32), server_default="", nullable=False))
    op.create_index(op.f("ix_deliveries_bounce_tag"), "deliveries", ["bounce_tag"])
    op.create_table(
        "held_addresses",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("owner_id", sa.String(26), nullable=False),
        sa.Column("address", sa.String(320), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.String(26), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_held_addresses_owner_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_held_addresses")),
        sa.UniqueConstraint("owner_id", "address", name="uq_held_addresses_address"),
    )
    op.create_index(op.f("ix_held_addresses_owner_id"), "held_addresses", ["owner_id"])
