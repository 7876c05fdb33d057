"""PostgreSQL cleans up early in tables that change all the time; SQLite has no such thing"""

from alembic import op

revision = "0027"
down_revision = "0026"
_TABLES = ("jobs", "leases", "outbox", "sessions", "streams", "stream_messages", "tokens", "uploads")


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for name in _TABLES:
        op.execute(
            f'ALTER TABLE "{name}" SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500)'
        )
