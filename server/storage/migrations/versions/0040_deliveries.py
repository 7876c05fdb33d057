"""what goes out, and who wants no more of it"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    op.add_column("batches", sa.Column("deliveries", sa.JSON(), nullable=True))
    op.add_column("batches", sa.Column("delivery_state", sa.String(length=8), server_default="", nullable=False))
    op.create_index(op.f("ix_batches_delivery_state"), "batches", ["delivery_state"])
    op.add_column("reports", sa.Column("carried", sa.JSON(), server_default=sa.text("'{}'"), nullable=False))
    op.add_column("share_links", sa.Column("delivery_id", sa.String(length=26), nullable=True))
    op.create_index(op.f("ix_share_links_delivery_id"), "share_links", ["delivery_id"])
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("batch_id", sa.String(length=26), nullable=False),
        sa.Column("owner_id", sa.String(length=26), nullable=False),
        sa.Column("schedule_id", sa.String(length=26), nullable=True),
        sa.Column("round", sa.String(length=26), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("via", sa.String(length=16), nullable=False),
        sa.Column("recipient", sa.String(length=320), nullable=False),
        sa.Column("recipient_key", sa.String(length=64), nullable=False),
        sa.Column("report_id", sa.String(length=26), server_default="", nullable=False),
        sa.Column("report_count", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("holder", sa.String(length=200), nullable=True),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.Column("message_id", sa.String(length=300), nullable=False),
        sa.Column("receipt", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.id"], name=op.f("fk_deliveries_batch_id_batches"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_deliveries_owner_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("batch_id", "round", "position", "recipient_key", "report_id", name="uq_deliveries_once"),
    )
    for column in ("batch_id", "owner_id", "schedule_id"):
        op.create_index(op.f(f"ix_deliveries_{column}"), "deliveries", [column])
    op.create_index("ix_deliveries_state_next", "deliveries", ["state", "next_at"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            'ALTER TABLE "deliveries" SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500)'
        )
    op.create_table(
        "delivery_optouts",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("schedule_id", sa.String(length=26), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["schedule_id"],
            ["schedules.id"],
            name=op.f("fk_delivery_optouts_schedule_id_schedules"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_optouts")),
        sa.UniqueConstraint("schedule_id", "address", name="uq_delivery_optouts_address"),
    )
