"""decimals are exact from now on: columns that were written as floating point numbers are called so"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_versions = sa.table(
    "dataset_versions",
    sa.column("dataset_id", sa.String()),
    sa.column("number", sa.Integer()),
    sa.column("columns", sa.JSON()),
)


def upgrade() -> None:
    connection = op.get_bind()
    places = connection.execute(sa.select(_versions.c.dataset_id, _versions.c.number)).all()
    for dataset_id, number in places:  # one by one: a version may have a thousand columns
        here = (_versions.c.dataset_id == dataset_id) & (_versions.c.number == number)
        columns = connection.execute(sa.select(_versions.c.columns).where(here)).scalar_one()
        renamed = [column | {"type": "float"} if column["type"] == "decimal" else column for column in columns]
        if renamed != columns:
            connection.execute(_versions.update().where(here).values(columns=renamed))
