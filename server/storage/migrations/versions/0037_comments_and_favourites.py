"""comments on reports, favourites, and what somebody opened lately"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"

_THINGS = {"dataset": "datasets", "template": "templates", "batch": "batches", "report": "reports"}


def upgrade() -> None:
    op.create_table(
        "comments",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("report_id", sa.String(length=26), nullable=False),
        sa.Column("author_id", sa.String(length=26), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("mentions", sa.JSON(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["report_id"], ["reports.id"], name=op.f("fk_comments_report_id_reports"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["users.id"], name=op.f("fk_comments_author_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comments")),
    )
    op.create_index(op.f("ix_comments_sequence"), "comments", ["sequence"])
    op.create_index(op.f("ix_comments_author_id"), "comments", ["author_id"])
    op.create_index("ix_comments_report_id", "comments", ["report_id", "sequence"])
    op.create_table(
        "comment_bells",
        sa.Column("report_id", sa.String(length=26), nullable=False),
        sa.Column("author_id", sa.String(length=26), nullable=False),
        sa.Column("user_id", sa.String(length=26), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_mention", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["report_id"], ["reports.id"], name=op.f("fk_comment_bells_report_id_reports"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["users.id"], name=op.f("fk_comment_bells_author_id_users"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_comment_bells_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("report_id", "author_id", "user_id", name=op.f("pk_comment_bells")),
    )
    op.create_index(op.f("ix_comment_bells_author_id"), "comment_bells", ["author_id"])
    op.create_index(op.f("ix_comment_bells_user_id"), "comment_bells", ["user_id"])
    _of_things("favourites", "created_at")
    _of_things("recently_seen", "at")


def _of_things(name: str, when: str) -> None:
    op.create_table(
        name,
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("user_id", sa.String(length=26), nullable=False),
        *(sa.Column(f"{kind}_id", sa.String(length=26), nullable=True) for kind in _THINGS),
        sa.Column(when, sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f(f"fk_{name}_user_id_users"), ondelete="CASCADE"),
        *(
            sa.ForeignKeyConstraint(
                [f"{kind}_id"], [f"{table}.id"], name=op.f(f"fk_{name}_{kind}_id_{table}"), ondelete="CASCADE"
            )
            for kind, table in _THINGS.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )
    op.create_index(op.f(f"ix_{name}_user_id"), name, ["user_id"])
    for kind in _THINGS:
        op.create_index(op.f(f"ix_{name}_{kind}_id"), name, [f"{kind}_id"])
        op.create_index(f"uq_{name}_{kind}", name, ["user_id", f"{kind}_id"], unique=True)
