"""Notices that their receiver has refused for good, and whether there was anybody to tell."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of what was sent before, nobody knows any more whom it reached."""
    op.execute(
        "ALTER TABLE notices"
        " ADD COLUMN refusals integer NOT NULL DEFAULT 0,"
        " ADD COLUMN refused_at timestamptz,"
        " ADD COLUMN reached boolean"
    )
