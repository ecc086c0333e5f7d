"""Which unit may query which register."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE grants (
    id                         uuid         PRIMARY KEY,
    unit                       text         NOT NULL,
    source                     text         NOT NULL,
    purpose                    text         NOT NULL,
    reason                     text         NOT NULL,
    applied_by                 text         NOT NULL,
    applied_at                 timestamptz  NOT NULL,
    valid_until                date         NOT NULL,
    confidentiality_signed_by  text,
    confidentiality_signed_at  timestamptz,
    approved_by                text,
    approved_at                timestamptz,
    ended_by                   text,
    ended_at                   timestamptz,
    ended_because              text,
    CONSTRAINT ck_grants_approved CHECK (
        approved_at IS NULL OR (confidentiality_signed_at IS NOT NULL AND approved_by <> applied_by)
    )
);
CREATE INDEX ix_grants_unit_purpose ON grants (unit, purpose);
CREATE UNIQUE INDEX uq_grants_applied ON grants (unit, source, purpose, valid_until)
    WHERE approved_at IS NULL AND ended_at IS NULL;
COMMENT ON TABLE grants IS 'Which unit may query which register, for which life event and until when; never deleted.';
"""

# What was applied for is what was approved: it can be signed, approved and ended, never widened and never lost.
STAYS_AS_APPLIED_FOR = """
CREATE TRIGGER stays_as_applied_for
    BEFORE DELETE OR TRUNCATE
        OR UPDATE OF id, unit, source, purpose, reason, applied_by, applied_at, valid_until ON grants
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change();
ALTER TABLE grants ENABLE ALWAYS TRIGGER stays_as_applied_for;
"""


def upgrade() -> None:
    """Make the table, and keep what was applied for as it was."""
    for statements in (TABLES, STAYS_AS_APPLIED_FOR):
        op.execute(statements)
