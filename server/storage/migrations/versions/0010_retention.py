"""what each kind of thing needs to be kept for a time of its own"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("job_log", sa.Column("left_out", sa.Integer(), server_default="0", nullable=False))
    op.add_column("dataset_versions", sa.Column("rejects_bytes", sa.BigInteger(), nullable=True))
    op.execute("UPDATE dataset_versions SET rejects_bytes = 0 WHERE rejected_count = 0 OR job_id IS NULL")
    op.add_column("stream_messages", sa.Column("waits", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index("ix_stream_messages_type", "stream_messages", ["user_id", "type", "offset"])
