"""Verifications, and the notices that tell people of them."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE verifications (
    case_id      uuid         NOT NULL,
    proof        text         NOT NULL,
    round        integer      NOT NULL,
    rung         integer      NOT NULL,
    id           uuid         NOT NULL,
    case_no      text         NOT NULL,
    division     text         NOT NULL,
    title        text         NOT NULL,
    title_en     text         NOT NULL,
    route        text         NOT NULL,
    unit         text         NOT NULL,
    community    text,
    immediate    boolean      NOT NULL,
    state        text         NOT NULL,
    owner        text,
    owner_since  timestamptz  NOT NULL,
    claimed      boolean      NOT NULL,
    opened_at    timestamptz  NOT NULL,
    due          timestamptz,
    suspended    boolean      NOT NULL,
    reminded     integer      NOT NULL,
    answer       text,
    answered_by  text,
    by_phone     boolean      NOT NULL,
    note         text,
    ended_at     timestamptz,
    PRIMARY KEY (case_id, proof, round, rung),
    CONSTRAINT uq_verifications_id UNIQUE (id)
) WITH (fillfactor = 80);
CREATE INDEX ix_verifications_unit_due ON verifications (unit, state, due);
CREATE INDEX ix_verifications_division_due ON verifications (division, state, due);
COMMENT ON TABLE verifications IS 'Read model: what each unit was asked.';

CREATE TABLE notices (
    number      bigint       PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    id          uuid         NOT NULL,
    card        uuid         NOT NULL,
    case_id     uuid         NOT NULL,
    case_no     text         NOT NULL,
    action      text         NOT NULL,
    audience    text         NOT NULL,
    unit        text         NOT NULL,
    account     text,
    division    text         NOT NULL,
    title       text         NOT NULL,
    title_en    text         NOT NULL,
    due         timestamptz,
    reminded    integer      NOT NULL,
    made_at     timestamptz  NOT NULL,
    attempts    integer      NOT NULL DEFAULT 0,
    not_before  timestamptz,
    fault       text,
    sent_at     timestamptz,
    CONSTRAINT uq_notices_id UNIQUE (id)
);
CREATE INDEX ix_notices_unsent ON notices (number) WHERE sent_at IS NULL;
CREATE INDEX ix_notices_card ON notices (card);
COMMENT ON TABLE notices IS 'What people were told, or are about to be, about what waits for them.';
"""


def upgrade() -> None:
    """Both are new; running code knows neither."""
    op.execute(TABLES)
