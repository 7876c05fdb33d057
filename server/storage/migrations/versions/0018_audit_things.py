"""who did what in the audit log, by ids that can be searched for"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0016"

_NAMED_BY_ID = "(action LIKE 'job.%' OR action LIKE 'batch.%' OR action LIKE 'upload.%' OR action LIKE 'import.%' OR action LIKE 'token.%' OR action = 'session.end' OR action = 'query.change')"  # noqa: E501


def upgrade() -> None:
    op.add_column("audit", sa.Column("via", sa.String(length=16), server_default="session", nullable=False))
    op.add_column("audit", sa.Column("token_id", sa.String(length=26), nullable=True))
    op.add_column("audit", sa.Column("outcome", sa.String(length=16), server_default="done", nullable=False))
    op.add_column("audit", sa.Column("subject_id", sa.String(length=40), server_default="", nullable=False))
    op.execute("UPDATE audit SET via = 'system' WHERE user_id IS NULL")
    op.execute(f"UPDATE audit SET subject_id = subject WHERE length(subject) = 26 AND {_NAMED_BY_ID}")  # noqa: S608
    op.create_index("ix_audit_user_id", "audit", ["user_id", "id"])
    op.create_index("ix_audit_subject_id", "audit", ["subject_id", "id"])
    op.create_index("ix_audit_action", "audit", ["action", "id"])
