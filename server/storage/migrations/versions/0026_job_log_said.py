"""what a line of a job's log says, to be translated where it is read"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.add_column("job_log", sa.Column("said", sa.JSON(), nullable=True))
