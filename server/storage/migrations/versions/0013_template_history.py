"""who saved a version of a template, what they said of it, how much it changed, and which one it brought back"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("template_versions", sa.Column("saved_by", sa.String(length=26), nullable=True))
    op.add_column("template_versions", sa.Column("note", sa.Text(), server_default="", nullable=False))
    op.add_column("template_versions", sa.Column("lines_added", sa.Integer(), nullable=True))
    op.add_column("template_versions", sa.Column("lines_removed", sa.Integer(), nullable=True))
    op.add_column("template_versions", sa.Column("restored_from", sa.Integer(), nullable=True))
    # until now only its owner could save a template
    op.execute(
        "UPDATE template_versions SET saved_by = "
        "(SELECT owner_id FROM templates WHERE templates.id = template_versions.template_id)"
    )
