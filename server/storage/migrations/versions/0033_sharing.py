"""who may see or change what is another's; groups of people; of which template a batch is"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"

_THINGS = ("dataset", "template", "batch")


def upgrade() -> None:
    op.create_table(
        "groups",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("name_key", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_groups")),
        sa.UniqueConstraint("name_key", name=op.f("uq_groups_name_key")),
    )
    op.create_table(
        "group_members",
        sa.Column("group_id", sa.String(26), nullable=False),
        sa.Column("user_id", sa.String(26), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["groups.id"], name=op.f("fk_group_members_group_id_groups"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_group_members_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("group_id", "user_id", name=op.f("pk_group_members")),
    )
    op.create_index(op.f("ix_group_members_user_id"), "group_members", ["user_id"])
    op.create_table(
        "grants",
        sa.Column("id", sa.String(26), nullable=False),
        *(sa.Column(f"{thing}_id", sa.String(26), nullable=True) for thing in _THINGS),
        sa.Column("user_id", sa.String(26), nullable=True),
        sa.Column("group_id", sa.String(26), nullable=True),
        sa.Column("everyone", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("may", sa.String(8), nullable=False),
        sa.Column("given_by", sa.String(64), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
        *(
            sa.ForeignKeyConstraint(
                [f"{name}_id"], [f"{table}.id"], name=op.f(f"fk_grants_{name}_id_{table}"), ondelete="CASCADE"
            )
            for name, table in (
                ("dataset", "datasets"),
                ("template", "templates"),
                ("batch", "batches"),
                ("user", "users"),
                ("group", "groups"),
            )
        ),
    )
    for name in (*_THINGS, "user", "group"):
        op.create_index(op.f(f"ix_grants_{name}_id"), "grants", [f"{name}_id"])
    op.add_column("batches", sa.Column("template_id", sa.String(26), nullable=True))
