"""Communities and their rosters, who is on duty in a unit, and the listing of proofs."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE units ADD COLUMN community text, ADD COLUMN office_hours json;
CREATE UNIQUE INDEX ix_units_community ON units (community);
CREATE INDEX ix_units_department_division ON units (department, division);

CREATE TABLE communities (
    code               text  PRIMARY KEY,
    title              text  NOT NULL,
    subdistrict        text  NOT NULL,
    subdistrict_title  text  NOT NULL,
    division           text  NOT NULL
);
CREATE INDEX ix_communities_title ON communities (title);
COMMENT ON TABLE communities IS 'Communities, with the subdistrict and the division they lie in.';

CREATE TABLE roster_lines (
    community   text         NOT NULL,
    person      uuid         NOT NULL,
    post        text         NOT NULL,
    valid_from  date         NOT NULL,
    valid_to    date,
    rank        smallint     NOT NULL,
    account     text,
    kept_by     text         NOT NULL,
    kept_at     timestamptz  NOT NULL,
    PRIMARY KEY (community, person, post, valid_from)
);
CREATE INDEX ix_roster_lines_person ON roster_lines (person);
COMMENT ON TABLE roster_lines IS
    'Who serves in which community, from when to when; names and numbers are in the vault.';

CREATE TABLE duties (
    unit        text        NOT NULL,
    account     text        NOT NULL,
    post        text        NOT NULL,
    valid_from  date        NOT NULL,
    valid_to    date,
    weekdays    smallint[],
    rank        smallint    NOT NULL,
    PRIMARY KEY (unit, account, post, valid_from)
);
COMMENT ON TABLE duties IS 'Which account of a unit is on duty, on which days.';

CREATE TABLE proof_listing (
    code            text         NOT NULL,
    effective_from  date         NOT NULL,
    title           text         NOT NULL,
    title_en        text         NOT NULL,
    route           text         NOT NULL,
    basis           text         NOT NULL,
    collected_by    text[]       NOT NULL,
    issued_by       text         NOT NULL,
    source          text,
    immediate       boolean      NOT NULL,
    valid_days      integer      NOT NULL,
    yearly_volume   integer      NOT NULL,
    batch           smallint     NOT NULL,
    effective_to    date,
    reason_kept     text         NOT NULL,
    kept_by         text         NOT NULL,
    kept_at         timestamptz  NOT NULL,
    PRIMARY KEY (code, effective_from)
);
COMMENT ON TABLE proof_listing IS 'The listing of proofs: how each is settled, from which day on.';
"""


def upgrade() -> None:
    """Everything here is new; units that there are serve no community and keep natural hours."""
    op.execute(TABLES)
