"""What people are told about what waits for them (提醒): written with the events that are its reason, sent later.

Whom a notice reaches is found when it is sent, so that it goes to whoever is on duty then; nothing personal is
kept with it. A notice is kept when it was sent: that somebody was told, and when, is part of the story.

A receiver that is away is tried for as long as it takes; one that refuses a notice again and again is not, so that
what follows about the card is told all the same. What became of such a notice is in `store.undelivered`.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never
from uuid import UUID

from sqlalchemy import BigInteger, Connection, any_, bindparam, exists, func, not_, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY

from domain.actors import THE_ENGINE
from domain.bundle import Confirmation
from domain.case_file import CaseFile
from domain.notices import Action, Audience, Notice, notices
from store.access_log import Access, note_for_case
from store.batch import Batch
from store.database import Database
from store.duty import ANSWERS, SETTLES, Contact, community_contacts, holder_in_community, superiors, who_settles
from store.outbox import Level
from store.tables import accounts, units, verifications
from store.tables import notices as notices_table
from store.vault import Vault

CHANNEL: Final = "notices"
"""LISTEN here to hear of new rows; polling finds them all the same."""
ATTEMPTS_APART_AT_MOST: Final = timedelta(seconds=60)
"""Limits are as short as half an hour: a receiver that comes back must not be left waiting for longer."""
REFUSALS_AT_MOST: Final = 5
"""So often the same notice is refused before it is given up: a receiver that is being mended has some seconds."""
CONTACT_FIELDS: Final = ("roster.name", "roster.phones")
CONFIRMATION: Final = "confirmation"


@dataclass(frozen=True, slots=True)
class Unsent:
    """One notice as it was written; no personal data."""

    number: int
    id: UUID
    card: UUID
    case_id: UUID
    case_no: str
    action: Action
    audience: Audience
    unit: str
    account: str | None
    division: str
    title: str
    title_en: str
    due: datetime | None
    reminded: int
    """Percent of the limit that was used up."""
    made_at: datetime
    attempts: int
    refusals: int
    """How many of the attempts the receiver has refused; the others did not get so far."""


def tell_people(batch: Batch, before: CaseFile | None, after: CaseFile, at: datetime) -> None:
    """Write what has to be told because of what changed, and wake whoever sends it."""
    if made := notices(before, after):
        batch.insert(notices_table, [_row(after, notice, at) for notice in made])
        batch.notify(CHANNEL)


def _row(file: CaseFile, notice: Notice, at: datetime) -> dict[str, object]:
    card = notice.card
    declared = file.declared_proof(card.proof)
    return {
        "id": notice.id,
        "card": card.id,
        "case_id": file.case_id,
        "case_no": file.opened.case_no,
        "action": notice.action,
        "audience": notice.audience,
        "unit": card.unit,
        "account": card.account,
        "division": file.opened.division,
        "title": declared.title,
        "title_en": declared.title_en,
        "due": card.due,
        "reminded": card.reminded,
        "made_at": at,
    }


# ── sending ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_EARLIER = notices_table.alias("earlier")
_TAKE = (
    select(*(notices_table.c[name] for name in Unsent.__dataclass_fields__))
    .where(
        notices_table.c.sent_at.is_(None),
        notices_table.c.refused_at.is_(None),
        or_(notices_table.c.not_before.is_(None), notices_table.c.not_before <= bindparam("at")),
        # A card must not be shown after it was withdrawn. Who holds the earlier one may be another sender: until it
        # commits, the earlier one is unsent for everybody.
        ~exists().where(
            _EARLIER.c.card == notices_table.c.card,
            _EARLIER.c.number < notices_table.c.number,
            _EARLIER.c.sent_at.is_(None),
            _EARLIER.c.refused_at.is_(None),
        ),
    )
    .order_by(notices_table.c.number)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, of=notices_table)
)


def take(connection: Connection, most: int, at: datetime) -> tuple[Unsent, ...]:
    """Up to `most` notices, oldest first and one of each card, held until the transaction ends."""
    return tuple(Unsent(*row) for row in connection.execute(_TAKE, {"most": most, "at": at}))


_SENT = (
    update(notices_table)
    .where(notices_table.c.number == any_(bindparam("numbers", type_=ARRAY(BigInteger))))
    .values(
        sent_at=bindparam("at"),
        attempts=notices_table.c.attempts + 1,
        not_before=None,
        fault=None,
        reached=not_(notices_table.c.number == any_(bindparam("to_nobody", type_=ARRAY(BigInteger)))),
    )
)


def sent(connection: Connection, taken: Sequence[Unsent], at: datetime, *, to_nobody: Collection[int] = ()) -> None:
    """The receiver has taken these; `to_nobody` are the numbers of those that nobody could be told."""
    if taken:
        numbers = [notice.number for notice in taken]
        connection.execute(_SENT, {"numbers": numbers, "at": at, "to_nobody": list(to_nobody)})


def put_off(connection: Connection, notice: Unsent, at: datetime, fault: str, *, refused: bool = False) -> None:
    """This one was not taken; it is tried again, later each time, and what follows about its card waits behind it.

    With the last of REFUSALS_AT_MOST it is given up, and nothing waits behind it any more.
    """
    refusals = notice.refusals + refused
    delay = min(ATTEMPTS_APART_AT_MOST, timedelta(seconds=2 ** min(notice.attempts, 10)))
    connection.execute(
        update(notices_table)
        .where(notices_table.c.number == notice.number)
        .values(
            attempts=notice.attempts + 1,
            not_before=at + delay,
            fault=fault[:200],
            refusals=refusals,
            refused_at=at if refusals >= REFUSALS_AT_MOST else None,
        )
    )


def level(connection: Connection) -> Level:
    """How many notices are still to be sent and since when, for `doctor`; those that were given up are not."""
    asked = select(func.count(), func.min(notices_table.c.made_at)).where(
        notices_table.c.sent_at.is_(None), notices_table.c.refused_at.is_(None)
    )
    row = connection.execute(asked).one()
    return Level(row[0], row[1])


# ── whom it reaches ─────────────────────────────────────────────────────────────────────────────────────────────────


def accounts_to_tell(connection: Connection, notice: Unsent, at: datetime) -> tuple[str, ...]:
    """The accounts on whose desks the card lies now; none where nobody has that task. Raises NaiveTime."""
    active = select(accounts.c.account).where(accounts.c.disabled_at.is_(None)).order_by(accounts.c.account)
    match notice.audience:
        case "owner" if notice.account is not None:
            return (notice.account,)
        case "owner":
            officers = active.where(accounts.c.unit == notice.unit, accounts.c.role.in_(ANSWERS))
            return tuple(connection.execute(officers).scalars())
        case "superior":
            return superiors(connection, notice.unit, at)
        case "caseworkers":
            return who_settles(connection, notice.division, SETTLES)
        case never:
            assert_never(never)


def community_to_call(connection: Connection, notice: Unsent, at: datetime) -> str | None:
    """The community whose first contact has to be sent a link, because nobody on its roster has an account.

    Raises NaiveTime.
    """
    if notice.audience != "owner" or notice.account is not None:
        return None
    asked = select(units.c.community).where(units.c.code == notice.unit)
    community: str | None = connection.execute(asked).scalar_one_or_none()
    if community is None:
        return None
    holder = holder_in_community(connection, community, at)
    return community if holder is None or holder.account is None else None


def contact_to_call(
    database: Database, vault: Vault, notice: Unsent, community: str, at: datetime, *, recipient: str
) -> Contact | None:
    """The first on the community's roster, with name and phones; None if the roster names nobody. Raises NaiveTime.

    The access is noted, and committed, before anybody has seen them: once for a notice, however often its sending is
    tried.
    """
    with database.begin() as connection:
        if notice.attempts == 0:
            access = access_to_notify(notice, CONTACT_FIELDS, at, recipient=recipient)
            note_for_case(connection, notice.case_id, [access])
        return next(iter(community_contacts(connection, vault, community, at)), None)


def access_to_notify(notice: Unsent, about: tuple[str, ...], at: datetime, *, recipient: str) -> Access:
    """That somebody's name and number were looked up, to tell them."""
    return Access(
        at=at,
        by=THE_ENGINE,
        action="notify",
        about=about,
        purpose=f"{notice.action} {notice.title}",
        recipient=recipient,
        case_id=notice.case_id,
    )


def confirmation_to_send(
    connection: Connection, files: Callable[[UUID], CaseFile], notice: Unsent
) -> Confirmation | None:
    """The form that the notice's card asks a person to confirm; None where something else is asked, or of a superior."""
    if notice.audience != "owner":
        return None
    asked = select(verifications.c.proof, verifications.c.rung).where(
        verifications.c.id == notice.card, verifications.c.route == CONFIRMATION
    )
    row = connection.execute(asked).one_or_none()
    if row is None:
        return None
    route = files(notice.case_id).declared_proof(row.proof).routes[row.rung]
    return route if isinstance(route, Confirmation) else None
