"""A card's notices are told in the order in which they were written, to whoever is to be told when they are sent."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Connection, func, select, text

from domain.notices import card_id
from domain.roster import Post
from domain.scopes import Role
from store.access_log import verify
from store.accounts import add_account, disable_account
from store.cases import CaseStore
from store.database import Database
from store.duty import Duty, DutyPost, add_duty
from store.notices import (
    ATTEMPTS_APART_AT_MOST,
    REFUSALS_AT_MOST,
    Unsent,
    accounts_to_tell,
    community_to_call,
    contact_to_call,
    level,
    put_off,
    sent,
    take,
)
from store.rosters import apply
from store.tables import access_log, notices, roster_lines
from tests import rosters
from tests.desk import MONDAY, family
from tests.domain import telling
from tests.notices import LIMIT, MINGYUE, POLICE, PROOF, act, answer, ask, expire, provide_desks, remind, taken, written

SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _desks(store: CaseStore) -> None:
    with store.database.begin() as connection:
        provide_desks(connection, store.vault)


def all_taken(connection: Connection, most: int = 100) -> list[tuple[str, str]]:
    return [(notice.action, notice.audience) for notice in take(connection, most, MONDAY)]


def the_one(store: CaseStore) -> Unsent:
    with store.database.begin() as connection:
        (notice,) = take(connection, 10, MONDAY)
    return notice


# ── order ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_card_is_told_of_one_notice_at_a_time(store: CaseStore, database: Database) -> None:
    case_id = ask(store)
    remind(store, case_id, 50)
    answer(store, case_id)

    told = []
    for _ in range(4):
        with database.begin() as connection:
            taken = take(connection, 10, MONDAY)
            sent(connection, taken, MONDAY)
            told.append([notice.action for notice in taken])

    assert told == [["show"], ["remind"], ["withdraw"], []]


def test_the_oldest_cards_come_first(store: CaseStore, database: Database) -> None:
    cases = [ask(store, number) for number in range(1, 5)]

    with database.begin() as connection:
        assert [notice.case_id for notice in take(connection, 3, MONDAY)] == cases[:3]


def test_what_one_sender_holds_the_next_passes_over_with_all_that_follows(
    store: CaseStore, other_store: CaseStore
) -> None:
    held, free = ask(store, 1), ask(store, 2)
    remind(store, held, 50)

    with store.database.begin() as first, other_store.database.begin() as second:
        assert [notice.case_id for notice in take(first, 1, MONDAY)] == [held]
        assert [notice.case_id for notice in take(second, 10, MONDAY)] == [free]


def test_two_senders_racing_tell_every_card_in_its_order_and_nothing_twice(
    store: CaseStore, other_store: CaseStore
) -> None:
    for number in range(1, 7):
        case_id = ask(store, number)
        remind(store, case_id, 50)
        remind(store, case_id, 80)
        answer(store, case_id)
    told: list[tuple[UUID, int]] = []

    def send(sender: CaseStore) -> None:
        turns = 0
        while turns < 2_000:
            turns += 1
            with sender.database.begin() as connection:
                taken = take(connection, 2, MONDAY)
                told.extend((notice.card, notice.number) for notice in taken)
                sent(connection, taken, MONDAY)
                if not taken and level(connection).rows == 0:
                    return

    with ThreadPoolExecutor(4) as senders:
        list(senders.map(send, (store, other_store, store, other_store)))

    with store.database.reading() as connection:
        expected = [(row.card, row.number) for row in written(connection)]
    assert sorted(told) == sorted(expected)
    for card in {card for card, _ in expected}:
        numbers = [number for told_of, number in told if told_of == card]
        assert numbers == sorted(numbers)


def test_one_that_is_put_off_keeps_back_its_own_card_only(store: CaseStore, database: Database) -> None:
    poisoned, healthy = ask(store, 1), ask(store, 2)
    remind(store, poisoned, 50)
    with database.begin() as connection:
        first, _ = take(connection, 10, MONDAY)
        put_off(connection, first, MONDAY, "http_422")

    with database.begin() as connection:
        assert [notice.case_id for notice in take(connection, 10, MONDAY)] == [healthy]
        again = take(connection, 10, MONDAY + SECOND)

    assert [(notice.case_id, notice.action, notice.attempts) for notice in again] == [
        (poisoned, "show", 1),
        (healthy, "show", 0),
    ]


def test_attempts_grow_apart_but_never_by_more_than_a_minute(store: CaseStore, database: Database) -> None:
    ask(store)
    apart, at = [], MONDAY
    for _ in range(12):
        with database.begin() as connection:
            (notice,) = take(connection, 10, at)
            put_off(connection, notice, at, "connection:ConnectError")
            not_before = connection.execute(select(notices.c.not_before)).scalar_one()
        apart.append(not_before - at)
        at = not_before

    assert apart[:4] == [SECOND, 2 * SECOND, 4 * SECOND, 8 * SECOND]
    assert apart == sorted(apart)
    assert apart[-1] == ATTEMPTS_APART_AT_MOST


def test_what_was_taken_in_the_end_shows_no_fault_and_says_when(store: CaseStore, database: Database) -> None:
    ask(store)
    with database.begin() as connection:
        (notice,) = take(connection, 1, MONDAY)
        put_off(connection, notice, MONDAY, "connection:ConnectError")
    with database.begin() as connection:
        sent(connection, take(connection, 1, MONDAY + SECOND), MONDAY + SECOND)
        (row,) = written(connection)

    assert (row.sent_at, row.fault, row.not_before, row.attempts) == (MONDAY + SECOND, None, None, 2)


def test_a_notice_that_is_refused_again_and_again_is_given_up_and_what_follows_goes_on(
    store: CaseStore, database: Database
) -> None:
    case_id = ask(store)
    answer(store, case_id)
    card = card_id(case_id, PROOF, 1, 1)
    for attempt in range(REFUSALS_AT_MOST):
        with database.begin() as connection:
            notice = taken(connection, card, MONDAY + attempt * LIMIT)
            assert (notice.action, notice.refusals) == ("show", attempt)
            put_off(connection, notice, MONDAY + attempt * LIMIT, "http_422", refused=True)

    with database.begin() as connection:
        assert taken(connection, card).action == "withdraw"
        sent(connection, [taken(connection, card)], MONDAY)
        show, withdraw = written(connection)
        assert level(connection).rows == 0
    assert (show.refused_at, show.sent_at, show.fault) == (MONDAY + (REFUSALS_AT_MOST - 1) * LIMIT, None, "http_422")
    assert (withdraw.refused_at, withdraw.sent_at) == (None, MONDAY)


def test_a_receiver_that_is_away_is_never_given_up_and_only_refusals_count(
    store: CaseStore, database: Database
) -> None:
    case_id = ask(store)
    card = card_id(case_id, PROOF, 1, 1)
    refusals = [True] * (REFUSALS_AT_MOST - 1) + [False] * 40
    for attempt, refused in enumerate(refusals):
        with database.begin() as connection:
            at = MONDAY + attempt * LIMIT
            put_off(connection, taken(connection, card, at), at, "http_422" if refused else "http_503", refused=refused)

    with database.begin() as connection:
        notice = taken(connection, card, MONDAY + len(refusals) * LIMIT)
        assert (notice.attempts, notice.refusals) == (len(refusals), REFUSALS_AT_MOST - 1)
        assert level(connection).rows == 1


def test_the_level_says_how_many_wait_and_since_when(store: CaseStore, database: Database) -> None:
    ask(store, 1)
    case_id = ask(store, 2)
    remind(store, case_id, 50)
    with database.begin() as connection:
        assert (level(connection).rows, level(connection).oldest) == (3, MONDAY)
        sent(connection, take(connection, 10, MONDAY), MONDAY)
        assert (level(connection).rows, level(connection).oldest) == (1, MONDAY + LIMIT / 2)


# ── whom it reaches ─────────────────────────────────────────────────────────────────────────────────────────────────


def reached(store: CaseStore) -> tuple[str, ...]:
    notice = the_one(store)
    with store.database.begin() as connection:
        return accounts_to_tell(connection, notice, MONDAY)


def test_a_card_is_its_owners(store: CaseStore) -> None:
    ask(store, owner="officer-2")

    assert reached(store) == ("officer-2",)


def test_without_an_owner_it_is_every_officers_of_the_unit_and_no_programs(store: CaseStore) -> None:
    ask(store, owner=None)
    with store.database.begin() as connection:
        disable_account(connection, "officer-2", MONDAY)

    assert reached(store) == ("chief", "officer-1")


def test_a_limit_that_passed_is_told_to_the_superior(store: CaseStore, database: Database) -> None:
    expire(store, ask(store))

    reached: list[tuple[str, str, tuple[str, ...]]] = []
    for _ in range(3):
        with database.begin() as connection:
            for notice in (taken := take(connection, 10, MONDAY)):
                reached.append((notice.action, notice.audience, accounts_to_tell(connection, notice, MONDAY)))
            sent(connection, taken, MONDAY)

    assert reached == [
        ("show", "owner", ("officer-1",)),
        ("withdraw", "owner", ("officer-1",)),
        ("passed", "superior", ("chief",)),
    ]


def test_whoever_is_superior_is_found_when_it_is_sent_not_when_it_was_written(store: CaseStore) -> None:
    notice = passed(store)
    with store.database.begin() as connection:
        add_duty(connection, Duty(POLICE, "officer-2", DutyPost.SUPERIOR, MONDAY.date()))

        assert accounts_to_tell(connection, notice, MONDAY) == ("officer-2",)


def passed(store: CaseStore) -> Unsent:
    expire(store, ask(store))
    with store.database.begin() as connection:
        for _ in range(2):
            sent(connection, take(connection, 10, MONDAY), MONDAY)
        (notice,) = take(connection, 10, MONDAY)
    return notice


def test_a_doubtful_proof_is_told_to_the_caseworkers_of_the_division(store: CaseStore) -> None:
    case_id = ask(store)
    act(store, case_id, lambda case: telling.answers(case, PROOF, "contradicts"))
    with store.database.begin() as connection:
        for_caseworkers = [notice for notice in take(connection, 10, MONDAY) if notice.audience == "caseworkers"]

        assert [accounts_to_tell(connection, notice, MONDAY) for notice in for_caseworkers] == [
            ("caseworker-1", "supervisor-1")
        ]


# ── people without an account ───────────────────────────────────────────────────────────────────────────────────────


def called(store: CaseStore, notice: Unsent) -> str | None:
    with store.database.begin() as connection:
        return community_to_call(connection, notice, MONDAY)


def test_where_nobody_on_the_roster_has_an_account_the_first_is_called(store: CaseStore) -> None:
    ask(store, unit=MINGYUE, owner=None)
    notice = the_one(store)

    assert called(store, notice) == rosters.MINGYUE
    contact = contact_to_call(store.database, store.vault, notice, rosters.MINGYUE, MONDAY, recipient="notices")

    assert contact is not None
    assert (contact.post, contact.name, contact.phones) == (
        Post.SECRETARY,
        "尉迟㛃",
        ("15498000001", "15497000001"),
    )


def test_nobody_is_called_about_a_departments_question_or_one_that_somebody_has(store: CaseStore) -> None:
    ask(store, 1, owner=None)
    assert called(store, the_one(store)) is None


def test_nobody_is_called_where_somebody_on_the_roster_has_an_account(store: CaseStore) -> None:
    ask(store, unit=MINGYUE, owner=None)
    with store.database.begin() as connection:
        add_account(connection, "community-1", unit=MINGYUE, role=Role.COMMUNITY_WORKER)
        known = rosters.file({**rosters.SECRETARY, "account": "community-1"}, rosters.DIRECTOR)
        apply(connection, store.vault, known, rosters.CENTRE, MONDAY)

    notice = the_one(store)
    assert called(store, notice) is None
    with store.database.begin() as connection:
        assert accounts_to_tell(connection, notice, MONDAY) == ("community-1",)


def test_whoever_was_forgotten_is_not_called(store: CaseStore) -> None:
    ask(store, unit=MINGYUE, owner=None)
    with store.database.begin() as connection:
        for person in connection.execute(select(roster_lines.c.person)).scalars():
            store.vault.forget(connection, person, MONDAY)

    contact = contact_to_call(store.database, store.vault, the_one(store), rosters.MINGYUE, MONDAY, recipient="notices")
    assert contact is None


def noted(store: CaseStore, case_id: UUID) -> list[tuple[str, Sequence[str], str | None]]:
    with store.database.reading() as connection:
        assert list(verify(connection)) == []
        asked = select(access_log).where(access_log.c.case_id == case_id, access_log.c.action == "notify")
        return [(row.action, row.about, row.recipient) for row in connection.execute(asked)]


def test_the_access_to_a_contacts_phone_is_on_record_before_anybody_has_it(
    store: CaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = ask(store, unit=MINGYUE, owner=None)
    notice = the_one(store)
    assert noted(store, case_id) == []

    contact_to_call(store.database, store.vault, notice, rosters.MINGYUE, MONDAY, recipient="notices")

    assert noted(store, case_id) == [("notify", ["roster.name", "roster.phones"], "notices")]


def test_however_often_its_sending_is_tried_a_notice_is_one_access(store: CaseStore) -> None:
    case_id = ask(store, unit=MINGYUE, owner=None)
    for attempt in range(3):
        with store.database.begin() as connection:
            (notice,) = take(connection, 1, MONDAY + attempt * LIMIT)
            put_off(connection, notice, MONDAY, "connection:ConnectError")
        contact_to_call(store.database, store.vault, notice, rosters.MINGYUE, MONDAY, recipient="notices")

    assert len(noted(store, case_id)) == 1


def test_a_notice_at_rest_names_nobody(store: CaseStore, database: Database) -> None:
    people = []
    for number, unit in ((1, POLICE), (2, MINGYUE)):
        case_id = ask(store, number, unit=unit, owner=None)
        remind(store, case_id, 50)
        expire(store, case_id)
        form = family(number)
        people += [form["mother"][name] for name in ("name", "citizen_id", "phone")]
    people += [rosters.SECRETARY["name"], *rosters.SECRETARY["phones"].split("、")]

    with database.reading() as connection:
        dump = "\n".join(connection.execute(text("SELECT n::text FROM notices n")).scalars())
        assert connection.execute(select(func.count()).select_from(notices)).scalar_one() >= 8
    assert [person for person in people if person in dump] == []
