"""Every table, as the code knows it; a guard test holds it against the migrated schema."""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Sequence,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON
from sqlalchemy.types import UserDefinedType

metadata: Final = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
)

Moment = DateTime(timezone=True)


class Xid8(UserDefinedType[int]):
    """Postgres' 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """The name of the type in DDL."""
        return "xid8"


streams: Final = Table(
    "streams",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False, server_default=text("0")),
    Column("head", LargeBinary, nullable=False),
    Column("access_count", Integer, nullable=False, server_default=text("0")),
    Column("access_head", LargeBinary, nullable=False),
    comment="One row per case (and per unit, for its access log): the lock of the write path and the chain heads.",
)

events: Final = Table(
    "events",
    metadata,
    Column("case_id", Uuid, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("position", BigInteger, Identity(always=True), nullable=False, unique=True),
    # Positions are handed out before commit; readers of the feed go by transaction to miss none.
    Column("transaction_id", Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
    Column("command_id", Uuid, nullable=False),
    Column("type", Text, nullable=False),
    Column("schema_version", SmallInteger, nullable=False),
    Column("at", Moment, nullable=False),
    # json, not jsonb: the hash is over the very text that was written.
    Column("body", JSON, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index("ix_events_feed", "transaction_id", "position"),
    comment="What happened; append-only, hash-chained per case.",
)

outbox: Final = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("case_id", Uuid, nullable=False),
    Column("first_version", Integer, nullable=False),
    Column("last_version", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("not_before", Moment),
    Column("fault", Text),
    comment="Events that a workflow has not been told yet.",
)

vault_keys: Final = Table(
    "vault_keys",
    metadata,
    Column("owner", Uuid, primary_key=True),
    Column("key_id", Text, nullable=False),
    Column("wrapped", LargeBinary),
    Column("made_at", Moment, nullable=False),
    Column("forgotten_at", Moment),
    comment="A data key per person and per case, wrapped; without it what it sealed is gone.",
)

vault_entries: Final = Table(
    "vault_entries",
    metadata,
    Column("case_id", Uuid, primary_key=True),
    Column("owner", Uuid, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("kept_at", Moment, nullable=False),
    Index("ix_vault_entries_owner", "owner"),
    comment="Personal content, sealed with the owner's data key.",
)

vault_lookups: Final = Table(
    "vault_lookups",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("person", Uuid, nullable=False),
    Index("ix_vault_lookups_person", "person"),
    comment="Keyed hashes of identity numbers: one number, one person.",
)

vault_contacts: Final = Table(
    "vault_contacts",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("person", Uuid, primary_key=True),
    Index("ix_vault_contacts_person", "person"),
    comment="Keyed hashes of names and phones, which several persons may share.",
)

access_log: Final = Table(
    "access_log",
    metadata,
    Column("stream", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("position", BigInteger, Identity(always=True), nullable=False, unique=True),
    Column("at", Moment, nullable=False),
    Column("account", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("about", ARRAY(Text), nullable=False),
    Column("recipient", Text),
    Column("case_id", Uuid),
    Column("purpose", Text, nullable=False),
    Column("granted", Boolean, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index("ix_access_log_case_id", "case_id"),
    comment="Who saw or sent whose data, when, and what for; append-only, hash-chained per stream.",
)

request_keys: Final = Table(
    "request_keys",
    metadata,
    Column("account", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("case_id", Uuid, nullable=False),
    Column("made_at", Moment, nullable=False),
    comment="Idempotency-Key of each creating request, kept for seven days.",
)

units: Final = Table(
    "units",
    metadata,
    Column("code", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("division", Text, nullable=False),
    Column("department", Text),
    Column("community", Text),
    Column("office_hours", JSON(none_as_null=True)),
    Column("silence_rule", Text),
    Index("ix_units_community", "community", unique=True),
    Index("ix_units_department_division", "department", "division"),
    comment="Bodies that have accounts.",
)

accounts: Final = Table(
    "accounts",
    metadata,
    Column("account", Text, primary_key=True),
    Column("unit", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("password_hash", Text),
    Column("disabled_at", Moment),
    comment="Who may sign in.",
)

tokens: Final = Table(
    "tokens",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("account", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("revoked_at", Moment),
    comment="Bearer tokens of programs, by hash.",
)

sessions: Final = Table(
    "sessions",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("account", Text, nullable=False),
    Column("csrf", Text, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    comment="Signed-in browsers, by hash of the cookie.",
)

breakers: Final = Table(
    "breakers",
    metadata,
    Column("service", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("paused_since", Moment),
    Column("next_try_at", Moment),
    Column("paused_by", Text),
    Column("fault", Text),
    comment="Services that failed again and again, or were paused by an operator.",
)

grants: Final = Table(
    "grants",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("unit", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("applied_by", Text, nullable=False),
    Column("applied_at", Moment, nullable=False),
    Column("valid_until", Date, nullable=False),
    Column("confidentiality_signed_by", Text),
    Column("confidentiality_signed_at", Moment),
    Column("approved_by", Text),
    Column("approved_at", Moment),
    Column("ended_by", Text),
    Column("ended_at", Moment),
    Column("ended_because", Text),
    Index("ix_grants_unit_purpose", "unit", "purpose"),
    Index(
        "uq_grants_applied",
        "unit",
        "source",
        "purpose",
        "valid_until",
        unique=True,
        postgresql_where=text("approved_at IS NULL AND ended_at IS NULL"),
    ),
    comment="Which unit may query which register, for which life event and until when; never deleted.",
)

communities: Final = Table(
    "communities",
    metadata,
    Column("code", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("subdistrict", Text, nullable=False),
    Column("subdistrict_title", Text, nullable=False),
    Column("division", Text, nullable=False),
    Index("ix_communities_title", "title"),
    comment="Communities, with the subdistrict and the division they lie in.",
)

roster_lines: Final = Table(
    "roster_lines",
    metadata,
    Column("community", Text, primary_key=True),
    Column("person", Uuid, primary_key=True),
    Column("post", Text, primary_key=True),
    Column("valid_from", Date, primary_key=True),
    Column("valid_to", Date),
    Column("rank", SmallInteger, nullable=False),
    Column("account", Text),
    Column("kept_by", Text, nullable=False),
    Column("kept_at", Moment, nullable=False),
    Index("ix_roster_lines_person", "person"),
    comment="Who serves in which community, from when to when; names and numbers are in the vault.",
)

duties: Final = Table(
    "duties",
    metadata,
    Column("unit", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("post", Text, primary_key=True),
    Column("valid_from", Date, primary_key=True),
    Column("valid_to", Date),
    Column("weekdays", ARRAY(SmallInteger)),
    Column("rank", SmallInteger, nullable=False),
    comment="Which account of a unit is on duty, on which days.",
)

proof_listing: Final = Table(
    "proof_listing",
    metadata,
    Column("code", Text, primary_key=True),
    Column("effective_from", Date, primary_key=True),
    Column("title", Text, nullable=False),
    Column("title_en", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("basis", Text, nullable=False),
    Column("collected_by", ARRAY(Text), nullable=False),
    Column("issued_by", Text, nullable=False),
    Column("source", Text),
    Column("immediate", Boolean, nullable=False),
    Column("valid_days", Integer, nullable=False),
    Column("yearly_volume", Integer, nullable=False),
    Column("batch", SmallInteger, nullable=False),
    Column("effective_to", Date),
    Column("reason_kept", Text, nullable=False),
    Column("kept_by", Text, nullable=False),
    Column("kept_at", Moment, nullable=False),
    Column("about_two", Boolean, nullable=False, server_default=text("false")),
    comment="The listing of proofs: how each is settled, from which day on.",
)

cases: Final = Table(
    "cases",
    metadata,
    Column("case_id", Uuid, primary_key=True),
    Column("case_no", Text, nullable=False, unique=True),
    Column("bundle", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("title_en", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("outcome", Text),
    Column("version", Integer, nullable=False),
    Column("unit", Text, nullable=False),
    Column("opened_by", Text, nullable=False),
    Column("division", Text, nullable=False),
    Column("applicant", Uuid, nullable=False),
    Column("circumstances", ARRAY(Text), nullable=False),
    Column("warnings", ARRAY(Text), nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("next_due", Moment),
    Column("items_in_play", Integer, nullable=False),
    Column("items_concluded", Integer, nullable=False),
    Column("in_hand", Integer, nullable=False),
    Column("overdue", Integer, nullable=False),
    Column("waits_for", ARRAY(Text), nullable=False),
    Index("ix_cases_unit_opened", "unit", "opened_at"),
    Index("ix_cases_division_due", "division", "state", "next_due"),
    comment="Read model: one line per case.",
)

case_people: Final = Table(
    "case_people",
    metadata,
    Column("case_id", Uuid, primary_key=True),
    Column("section", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("person", Uuid, nullable=False),
    Index("ix_case_people_person", "person"),
    comment="Read model: whose case it is.",
)

case_keys: Final = Table(
    "case_keys",
    metadata,
    Column("key", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("case_id", Uuid, nullable=False),
    Index("ix_case_keys_case_id", "case_id"),
    comment="Read model: keyed hashes of which no two open cases may share one.",
)

case_items: Final = Table(
    "case_items",
    metadata,
    Column("case_id", Uuid, primary_key=True),
    Column("item", Text, primary_key=True),
    Column("place", Integer, nullable=False),
    Column("code", Text, nullable=False),
    Column("number", Integer),
    Column("title", Text, nullable=False),
    Column("title_en", Text, nullable=False),
    Column("department", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("since", Moment, nullable=False),
    Column("accepted_at", Moment),
    Column("promised_by", Moment),
    Column("statutory_by", Moment),
    Column("attempt", Integer, nullable=False),
    Column("reference", Text),
    Column("products", ARRAY(Text), nullable=False),
    Column("waits_for", ARRAY(Text), nullable=False),
    Column("open_proofs", ARRAY(Text), nullable=False),
    Column("reason_code", Text),
    Column("note", Text),
    Column("because", Text),
    Column("overdue_since", Moment),
    Column("unreachable_since", Moment),
    Column("fault", Text),
    Index("ix_case_items_department", "department", "state"),
    comment="Read model: the items of each case.",
)

case_proofs: Final = Table(
    "case_proofs",
    metadata,
    Column("case_id", Uuid, primary_key=True),
    Column("proof", Text, primary_key=True),
    Column("place", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("title_en", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("since", Moment, nullable=False),
    Column("round", Integer, nullable=False),
    Column("rung", Integer, nullable=False),
    Column("asked", Text),
    Column("differing", ARRAY(Text), nullable=False),
    Column("exhausted", ARRAY(Text), nullable=False),
    Column("note", Text),
    Column("settled_by", Text),
    Index("ix_case_proofs_state", "state", "since"),
    comment="Read model: the proofs of each case.",
)

verifications: Final = Table(
    "verifications",
    metadata,
    Column("case_id", Uuid, primary_key=True),
    Column("proof", Text, primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("rung", Integer, primary_key=True),
    Column("id", Uuid, nullable=False, unique=True),
    Column("case_no", Text, nullable=False),
    Column("division", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("title_en", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("community", Text),
    Column("immediate", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("owner", Text),
    Column("owner_since", Moment, nullable=False),
    Column("claimed", Boolean, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("due", Moment),
    Column("suspended", Boolean, nullable=False),
    Column("reminded", Integer, nullable=False),
    Column("answer", Text),
    Column("answered_by", Text),
    Column("by_phone", Boolean, nullable=False),
    Column("note", Text),
    Column("ended_at", Moment),
    Index("ix_verifications_unit_due", "unit", "state", "due"),
    Index("ix_verifications_division_due", "division", "state", "due"),
    comment="Read model: what each unit was asked.",
)

notices: Final = Table(
    "notices",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("id", Uuid, nullable=False, unique=True),
    Column("card", Uuid, nullable=False),
    Column("case_id", Uuid, nullable=False),
    Column("case_no", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("audience", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("account", Text),
    Column("division", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("title_en", Text, nullable=False),
    Column("due", Moment),
    Column("reminded", Integer, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("not_before", Moment),
    Column("fault", Text),
    Column("sent_at", Moment),
    Column("refusals", Integer, nullable=False, server_default=text("0")),
    Column("refused_at", Moment),
    Column("reached", Boolean),
    Index("ix_notices_unsent", "number", postgresql_where=text("sent_at IS NULL")),
    Index("ix_notices_card", "card"),
    comment="What people were told, or are about to be, about what waits for them.",
)

scan_runs: Final = Table(
    "scan_runs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("occasion", Text, nullable=False),
    Column("month", Integer, nullable=False),
    Column("district", Text, nullable=False),
    Column("begun_at", Moment, nullable=False),
    Column("cursor", Text, nullable=False, server_default=text("''")),
    Column("scanned", BigInteger, nullable=False, server_default=text("0")),
    Column("found", Integer, nullable=False, server_default=text("0")),
    Column("finished_at", Moment),
    Index("ix_scan_runs_occasion_month_district", "occasion", "month", "district", "begun_at"),
    Index(
        "ux_scan_runs_under_way",
        "occasion",
        "month",
        "district",
        unique=True,
        postgresql_where=text("finished_at IS NULL"),
    ),
    comment="Each reading of the register for one month and district, and how far it has come.",
)

scan_findings: Final = Table(
    "scan_findings",
    metadata,
    Column("run", Uuid, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("outcome", Text, nullable=False),
    Column("reasons", ARRAY(Text), nullable=False),
    comment="Whom a reading found, kept for the last two of each list: what differs between them.",
)

watch_list: Final = Table(
    "watch_list",
    metadata,
    Column("occasion", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("month", Integer, nullable=False),
    Column("months", ARRAY(Integer), nullable=False),
    Column("district", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reasons", ARRAY(Text), nullable=False),
    Column("born", Integer),
    Column("rule", Text, nullable=False),
    Column("last_run", Uuid, nullable=False),
    Column("found_at", Moment, nullable=False),
    Column("gone_at", Moment),
    Column("case_id", Uuid),
    Column("case_month", Integer),
    Column("tried_at", Moment),
    Column("fault", Text),
    Index("ix_watch_list_occasion_month_district", "occasion", "month", "district"),
    Index(
        "ix_watch_list_to_start",
        "occasion",
        "district",
        "month",
        postgresql_where=text("outcome = 'due' AND case_id IS NULL AND gone_at IS NULL"),
    ),
    comment="Who was found, once for each occasion; persons by the number that their register gave them.",
)

case_serial: Final = Sequence("case_serial", metadata=metadata, start=1, maxvalue=999_999, cycle=True)
"""The six serial digits of a case number; unique within a day up to a million cases."""

READ_MODELS: Final = (cases, case_people, case_keys, case_items, case_proofs, verifications)
"""Rebuilt from the events at any time."""

APPEND_ONLY: Final = (events, access_log)
"""The application role may read and add, never change or delete."""
