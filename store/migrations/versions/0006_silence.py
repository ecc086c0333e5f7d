"""Each unit's rule for a form that nobody answers."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Units that have set no rule keep what the bundles declare."""
    op.execute("ALTER TABLE units ADD COLUMN silence_rule text")
