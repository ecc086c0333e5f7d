"""Who is found without an application, and how far each scan has come."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE scan_runs (
    id           uuid         PRIMARY KEY,
    occasion     text         NOT NULL,
    month        integer      NOT NULL,
    district     text         NOT NULL,
    begun_at     timestamptz  NOT NULL,
    cursor       text         NOT NULL DEFAULT '',
    scanned      bigint       NOT NULL DEFAULT 0,
    found        integer      NOT NULL DEFAULT 0,
    finished_at  timestamptz
);
CREATE INDEX ix_scan_runs_occasion_month_district ON scan_runs (occasion, month, district, begun_at);
CREATE UNIQUE INDEX ux_scan_runs_under_way ON scan_runs (occasion, month, district) WHERE finished_at IS NULL;
COMMENT ON TABLE scan_runs IS 'Each reading of the register for one month and district, and how far it has come.';

CREATE TABLE scan_findings (
    run      uuid    NOT NULL,
    person   text    NOT NULL,
    outcome  text    NOT NULL,
    reasons  text[]  NOT NULL,
    PRIMARY KEY (run, person)
);
COMMENT ON TABLE scan_findings IS 'Whom a reading found, kept for the last two of each list: what differs between them.';

CREATE TABLE watch_list (
    occasion    text         NOT NULL,
    person      text         NOT NULL,
    month       integer      NOT NULL,
    months      integer[]    NOT NULL,
    district    text         NOT NULL,
    outcome     text         NOT NULL,
    reasons     text[]       NOT NULL,
    born        integer,
    rule        text         NOT NULL,
    last_run    uuid         NOT NULL,
    found_at    timestamptz  NOT NULL,
    gone_at     timestamptz,
    case_id     uuid,
    case_month  integer,
    tried_at    timestamptz,
    fault       text,
    PRIMARY KEY (occasion, person)
) WITH (fillfactor = 80);
CREATE INDEX ix_watch_list_occasion_month_district ON watch_list (occasion, month, district);
CREATE INDEX ix_watch_list_to_start ON watch_list (occasion, district, month)
    WHERE outcome = 'due' AND case_id IS NULL AND gone_at IS NULL;
COMMENT ON TABLE watch_list IS 'Who was found, once for each occasion; persons by the number that their register gave them.';
"""


def upgrade() -> None:
    """All are new."""
    op.execute(TABLES)
