"""Which proofs of the listing are about the relation of two people."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What is listed already is about one person, until the data centre says otherwise with a later line."""
    op.execute("ALTER TABLE proof_listing ADD COLUMN about_two boolean NOT NULL DEFAULT false")
