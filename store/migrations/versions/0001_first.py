"""The first tables: what happened, who was told, whose data is kept, who may sign in, and what pages show.

Who may do what with them is not a step of history: `store.schema` states it anew after every
upgrade, for whichever role the application runs as.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# A row of `streams` changes with every append and none of its changed columns is indexed: with room on its page the
# new version stays beside the old one and no index is touched. Read models change a few times each, likewise.
TABLES = """
CREATE TABLE streams (
    id            uuid     PRIMARY KEY,
    version       integer  NOT NULL DEFAULT 0,
    head          bytea    NOT NULL,
    access_count  integer  NOT NULL DEFAULT 0,
    access_head   bytea    NOT NULL
) WITH (fillfactor = 70);
COMMENT ON TABLE streams IS
    'One row per case (and per unit, for its access log): the lock of the write path and the chain heads.';

CREATE TABLE events (
    case_id         uuid         NOT NULL,
    version         integer      NOT NULL,
    position        bigint       NOT NULL GENERATED ALWAYS AS IDENTITY,
    transaction_id  xid8         NOT NULL DEFAULT pg_current_xact_id(),
    command_id      uuid         NOT NULL,
    type            text         NOT NULL,
    schema_version  smallint     NOT NULL,
    at              timestamptz  NOT NULL,
    body            json         NOT NULL,
    hash            bytea        NOT NULL,
    PRIMARY KEY (case_id, version),
    CONSTRAINT uq_events_position UNIQUE (position)
);
CREATE INDEX ix_events_feed ON events (transaction_id, position);
COMMENT ON TABLE events IS 'What happened; append-only, hash-chained per case.';

-- A queue: its rows live for milliseconds, so it is swept by their number and not by a share of an empty table.
CREATE TABLE outbox (
    id             bigint       PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    case_id        uuid         NOT NULL,
    first_version  integer      NOT NULL,
    last_version   integer      NOT NULL,
    created_at     timestamptz  NOT NULL,
    attempts       integer      NOT NULL DEFAULT 0,
    not_before     timestamptz,
    fault          text
) WITH (
    fillfactor = 80,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 10000
);
COMMENT ON TABLE outbox IS 'Events that a workflow has not been told yet.';

CREATE TABLE vault_keys (
    owner         uuid         PRIMARY KEY,
    key_id        text         NOT NULL,
    wrapped       bytea,
    made_at       timestamptz  NOT NULL,
    forgotten_at  timestamptz
);
COMMENT ON TABLE vault_keys IS
    'A data key per person and per case, wrapped; without it what it sealed is gone.';

CREATE TABLE vault_entries (
    case_id  uuid         NOT NULL,
    owner    uuid         NOT NULL,
    name     text         NOT NULL,
    sealed   bytea        NOT NULL,
    kept_at  timestamptz  NOT NULL,
    PRIMARY KEY (case_id, owner, name)
);
CREATE INDEX ix_vault_entries_owner ON vault_entries (owner);
COMMENT ON TABLE vault_entries IS 'Personal content, sealed with the owner''s data key.';

CREATE TABLE vault_lookups (
    digest  bytea  PRIMARY KEY,
    person  uuid   NOT NULL
);
CREATE INDEX ix_vault_lookups_person ON vault_lookups (person);
COMMENT ON TABLE vault_lookups IS 'Keyed hashes of identity numbers: one number, one person.';

CREATE TABLE vault_contacts (
    digest  bytea  NOT NULL,
    person  uuid   NOT NULL,
    PRIMARY KEY (digest, person)
);
CREATE INDEX ix_vault_contacts_person ON vault_contacts (person);
COMMENT ON TABLE vault_contacts IS 'Keyed hashes of names and phones, which several persons may share.';

CREATE TABLE access_log (
    stream     uuid         NOT NULL,
    number     integer      NOT NULL,
    position   bigint       NOT NULL GENERATED ALWAYS AS IDENTITY,
    at         timestamptz  NOT NULL,
    account    text         NOT NULL,
    unit       text         NOT NULL,
    action     text         NOT NULL,
    about      text[]       NOT NULL,
    recipient  text,
    case_id    uuid,
    purpose    text         NOT NULL,
    granted    boolean      NOT NULL,
    hash       bytea        NOT NULL,
    PRIMARY KEY (stream, number),
    CONSTRAINT uq_access_log_position UNIQUE (position)
);
CREATE INDEX ix_access_log_case_id ON access_log (case_id);
COMMENT ON TABLE access_log IS
    'Who saw or sent whose data, when, and what for; append-only, hash-chained per stream.';

CREATE TABLE request_keys (
    account      text         NOT NULL,
    key          text         NOT NULL,
    fingerprint  bytea        NOT NULL,
    case_id      uuid         NOT NULL,
    made_at      timestamptz  NOT NULL,
    PRIMARY KEY (account, key)
);
COMMENT ON TABLE request_keys IS 'Idempotency-Key of each creating request, kept for seven days.';

CREATE TABLE units (
    code        text  PRIMARY KEY,
    title       text  NOT NULL,
    division    text  NOT NULL,
    department  text
);
COMMENT ON TABLE units IS 'Bodies that have accounts.';

CREATE TABLE accounts (
    account        text  PRIMARY KEY,
    unit           text  NOT NULL,
    role           text  NOT NULL,
    password_hash  text,
    disabled_at    timestamptz
);
COMMENT ON TABLE accounts IS 'Who may sign in.';

CREATE TABLE tokens (
    digest      bytea        PRIMARY KEY,
    account     text         NOT NULL,
    label       text         NOT NULL,
    made_at     timestamptz  NOT NULL,
    expires_at  timestamptz,
    revoked_at  timestamptz
);
COMMENT ON TABLE tokens IS 'Bearer tokens of programs, by hash.';

CREATE TABLE sessions (
    digest      bytea        PRIMARY KEY,
    account     text         NOT NULL,
    csrf        text         NOT NULL,
    made_at     timestamptz  NOT NULL,
    expires_at  timestamptz  NOT NULL
);
COMMENT ON TABLE sessions IS 'Signed-in browsers, by hash of the cookie.';

CREATE TABLE breakers (
    service       text     PRIMARY KEY,
    failures      integer  NOT NULL,
    paused_since  timestamptz,
    next_try_at   timestamptz,
    paused_by     text,
    fault         text
) WITH (fillfactor = 50);
COMMENT ON TABLE breakers IS 'Services that failed again and again, or were paused by an operator.';
"""

READ_MODELS = """
CREATE TABLE cases (
    case_id          uuid         PRIMARY KEY,
    case_no          text         NOT NULL,
    bundle           text         NOT NULL,
    title            text         NOT NULL,
    title_en         text         NOT NULL,
    state            text         NOT NULL,
    outcome          text,
    version          integer      NOT NULL,
    unit             text         NOT NULL,
    opened_by        text         NOT NULL,
    division         text         NOT NULL,
    applicant        uuid         NOT NULL,
    circumstances    text[]       NOT NULL,
    warnings         text[]       NOT NULL,
    opened_at        timestamptz  NOT NULL,
    changed_at       timestamptz  NOT NULL,
    ended_at         timestamptz,
    next_due         timestamptz,
    items_in_play    integer      NOT NULL,
    items_concluded  integer      NOT NULL,
    in_hand          integer      NOT NULL,
    overdue          integer      NOT NULL,
    waits_for        text[]       NOT NULL,
    CONSTRAINT uq_cases_case_no UNIQUE (case_no)
) WITH (fillfactor = 80);
CREATE INDEX ix_cases_unit_opened ON cases (unit, opened_at);
CREATE INDEX ix_cases_division_due ON cases (division, state, next_due);
COMMENT ON TABLE cases IS 'Read model: one line per case.';

CREATE TABLE case_people (
    case_id  uuid     NOT NULL,
    section  text     NOT NULL,
    number   integer  NOT NULL,
    person   uuid     NOT NULL,
    PRIMARY KEY (case_id, section, number)
);
CREATE INDEX ix_case_people_person ON case_people (person);
COMMENT ON TABLE case_people IS 'Read model: whose case it is.';

CREATE TABLE case_keys (
    key      text  PRIMARY KEY,
    kind     text  NOT NULL,
    case_id  uuid  NOT NULL
);
CREATE INDEX ix_case_keys_case_id ON case_keys (case_id);
COMMENT ON TABLE case_keys IS 'Read model: keyed hashes of which no two open cases may share one.';

CREATE TABLE case_items (
    case_id            uuid         NOT NULL,
    item               text         NOT NULL,
    place              integer      NOT NULL,
    code               text         NOT NULL,
    number             integer,
    title              text         NOT NULL,
    title_en           text         NOT NULL,
    department         text         NOT NULL,
    state              text         NOT NULL,
    since              timestamptz  NOT NULL,
    accepted_at        timestamptz,
    promised_by        timestamptz,
    statutory_by       timestamptz,
    attempt            integer      NOT NULL,
    reference          text,
    products           text[]       NOT NULL,
    waits_for          text[]       NOT NULL,
    open_proofs        text[]       NOT NULL,
    reason_code        text,
    note               text,
    because            text,
    overdue_since      timestamptz,
    unreachable_since  timestamptz,
    fault              text,
    PRIMARY KEY (case_id, item)
) WITH (fillfactor = 80);
CREATE INDEX ix_case_items_department ON case_items (department, state);
COMMENT ON TABLE case_items IS 'Read model: the items of each case.';

CREATE TABLE case_proofs (
    case_id     uuid         NOT NULL,
    proof       text         NOT NULL,
    place       integer      NOT NULL,
    title       text         NOT NULL,
    title_en    text         NOT NULL,
    state       text         NOT NULL,
    since       timestamptz  NOT NULL,
    round       integer      NOT NULL,
    rung        integer      NOT NULL,
    asked       text,
    differing   text[]       NOT NULL,
    exhausted   text[]       NOT NULL,
    note        text,
    settled_by  text,
    PRIMARY KEY (case_id, proof)
) WITH (fillfactor = 80);
CREATE INDEX ix_case_proofs_state ON case_proofs (state, since);
COMMENT ON TABLE case_proofs IS 'Read model: the proofs of each case.';

CREATE SEQUENCE case_serial START 1 MAXVALUE 999999 CYCLE;
"""

# The second line behind the missing rights: it stops the owner too, and a restore or a replica that would switch
# ordinary triggers off. Whoever switches this one off has meant it; the hash chain then still tells.
APPEND_ONLY = """
CREATE FUNCTION refuse_to_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;
COMMENT ON FUNCTION refuse_to_change() IS 'What happened stays as it was written, even for the owner of the table.';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change();
ALTER TABLE events ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change();
ALTER TABLE access_log ENABLE ALWAYS TRIGGER append_only;
"""


def upgrade() -> None:
    """Make everything; there was nothing before."""
    for statements in (TABLES, READ_MODELS, APPEND_ONLY):
        op.execute(statements)
