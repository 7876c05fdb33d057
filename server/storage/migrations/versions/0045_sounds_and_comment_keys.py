"""Idempotency-Keys of comments; Chinese names are found by how they sound"""

import sqlalchemy as sa
from alembic import op

from server.storage.sounded_again import sound_all_again

revision = "0045"
down_revision = "0044"


def upgrade() -> None:
    op.add_column("comments", sa.Column("asked_key", sa.String(200), nullable=True))
    op.add_column("comments", sa.Column("asked_for", sa.String(64), nullable=True))
    op.create_index("ix_comments_asked_key", "comments", ["author_id", "asked_key"], unique=True)
    sound_all_again(op.get_bind())
