"""bytes on disk: of each version of a dataset alone, and of each batch, so that usage is a sum"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_versions = sa.table(
    "dataset_versions",
    sa.column("dataset_id", sa.String()),
    sa.column("number", sa.Integer()),
    sa.column("mode", sa.String()),
    sa.column("bytes", sa.BigInteger()),
    sa.column("own_bytes", sa.BigInteger()),
)
_batches = sa.table("batches", sa.column("id", sa.String()), sa.column("bytes", sa.BigInteger()))
_reports = sa.table("reports", sa.column("batch_id", sa.String()), sa.column("artifacts", sa.JSON()))


def upgrade() -> None:
    op.add_column("dataset_versions", sa.Column("own_bytes", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("batches", sa.Column("bytes", sa.BigInteger(), server_default="0", nullable=False))
    connection = op.get_bind()
    _count_versions(connection)
    _count_batches(connection)


def _count_versions(connection: sa.Connection) -> None:
    before: dict[str, int] = {}
    ordered = sa.select(_versions).order_by(_versions.c.dataset_id, _versions.c.number)
    for row in connection.execute(ordered).all():
        own = {"append": row.bytes - before.get(row.dataset_id, 0), "restore": 0}.get(row.mode, row.bytes)
        before[row.dataset_id] = row.bytes
        here = (_versions.c.dataset_id == row.dataset_id) & (_versions.c.number == row.number)
        connection.execute(_versions.update().where(here).values(own_bytes=own))


def _count_batches(connection: sa.Connection) -> None:
    sizes: dict[str, int] = {}
    for row in connection.execute(sa.select(_reports)):
        sizes[row.batch_id] = sizes.get(row.batch_id, 0) + sum(artifact["size"] for artifact in row.artifacts)
    for batch_id, size in sizes.items():
        connection.execute(_batches.update().where(_batches.c.id == batch_id).values(bytes=size))
