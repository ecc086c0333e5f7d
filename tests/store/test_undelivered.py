"""What reached nobody is told apart from what is on its way, and nothing comes back to a desk it was taken from."""

from threading import Thread
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from domain.notices import card_id
from store.cases import CaseStore
from store.database import Database
from store.notices import level, put_off, sent, take
from store.tables import notices
from store.undelivered import Retry, Standing, Undelivered, list_not_sent, refused_level, retry, undelivered
from tests.desk import MONDAY
from tests.notices import (
    LIMIT,
    PROOF,
    answer,
    ask,
    deliver,
    expire,
    provide_desks,
    remind,
    taken,
    turn_down,
    written,
)


@pytest.fixture(autouse=True)
def _desks(store: CaseStore) -> None:
    with store.database.begin() as connection:
        provide_desks(connection, store.vault)


def asked(store: CaseStore, number: int = 1) -> tuple[UUID, UUID]:
    """A question, and its card."""
    case_id = ask(store, number)
    return case_id, card_id(case_id, PROOF, 1, 1)


def retried(store: CaseStore, *ids: UUID) -> list[Retry]:
    with store.database.begin() as connection:
        return list(retry(connection, ids).values())


def standings(store: CaseStore) -> list[tuple[str, Standing]]:
    with store.database.reading() as connection:
        return [(one.action, one.standing) for one in list_not_sent(connection)]


def told(store: CaseStore) -> list[str]:
    """Everything that is still told, in its order."""
    found: list[str] = []
    while True:
        with store.database.begin() as connection:
            now = take(connection, 10, MONDAY)
            sent(connection, now, MONDAY)
        if not now:
            return found
        found += [notice.action for notice in now]


# ── put back ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_refused_notice_is_put_back_and_told_as_if_for_the_first_time(store: CaseStore, database: Database) -> None:
    _, card = asked(store)
    refused = turn_down(store, card)
    assert standings(store) == [("show", Standing.REFUSED)]

    assert retried(store, refused) == [Retry.PUT_BACK]

    assert standings(store) == [("show", Standing.UNSENT)]
    with database.begin() as connection:
        notice = taken(connection, card)
        assert (notice.id, notice.attempts, notice.refusals) == (refused, 0, 0)
    assert deliver(store, card) == refused
    assert standings(store) == []


def test_all_that_was_refused_about_a_card_is_put_back_in_its_order(store: CaseStore) -> None:
    case_id, card = asked(store)
    remind(store, case_id, 50)
    refused = [turn_down(store, card) for _ in range(2)]
    answer(store, asked(store, 2)[0])

    assert retried(store, *reversed(refused)) == [Retry.PUT_BACK] * 2
    assert told(store) == ["show", "show", "remind", "withdraw"]


def test_a_card_that_was_withdrawn_later_is_not_put_back(store: CaseStore) -> None:
    case_id, card = asked(store)
    refused = turn_down(store, card)
    answer(store, case_id)
    assert standings(store) == [("show", Standing.OVERTAKEN), ("withdraw", Standing.UNSENT)]
    assert retried(store, refused) == [Retry.OVERTAKEN], "while its withdrawal is on its way"

    deliver(store, card)

    assert retried(store, refused) == [Retry.OVERTAKEN]
    assert told(store) == []


def test_where_the_withdrawal_was_refused_too_it_alone_can_be_put_back(store: CaseStore) -> None:
    case_id, card = asked(store)
    deliver(store, card)
    remind(store, case_id, 50)
    answer(store, case_id)
    reminder, withdrawal = turn_down(store, card), turn_down(store, card)

    assert retried(store, reminder, withdrawal) == [Retry.OVERTAKEN, Retry.PUT_BACK]
    assert told(store) == ["withdraw"]


def test_what_a_later_notice_has_told_or_is_about_to_tell_is_not_told_after_it(store: CaseStore) -> None:
    case_id, card = asked(store)
    refused = turn_down(store, card)
    remind(store, case_id, 50)

    assert retried(store, refused) == [Retry.OVERTAKEN]
    deliver(store, card)
    assert retried(store, refused) == [Retry.OVERTAKEN]


def test_only_what_was_refused_is_put_back(store: CaseStore) -> None:
    _, untried = asked(store, 1)
    _, away = asked(store, 2)
    with store.database.begin() as connection:
        waiting = taken(connection, untried)
        put_off(connection, taken(connection, away), MONDAY, "http_503")
        unsent = [row.id for row in written(connection)]
    delivered = deliver(store, untried)

    assert retried(store, *unsent, uuid4()) == [Retry.NOT_REFUSED, Retry.NOT_REFUSED, Retry.UNKNOWN]
    assert waiting.id == delivered
    with store.database.reading() as connection:
        assert [row.attempts for row in written(connection)] == [1, 1], "nothing was changed"


def test_no_withdrawal_is_told_between_the_look_at_a_card_and_its_being_put_back(
    store: CaseStore, other_store: CaseStore
) -> None:
    case_id, card = asked(store)
    refused = turn_down(store, card)
    answering = Thread(target=answer, args=(other_store, case_id))

    with store.database.begin() as connection:
        assert retry(connection, [refused]) == {refused: Retry.PUT_BACK}
        answering.start()
        answering.join(0.7)
        with other_store.database.begin() as sender:
            assert take(sender, 10, MONDAY) == ()
    answering.join()

    assert told(store) == ["show", "withdraw"]


# ── what is said about it ───────────────────────────────────────────────────────────────────────────────────────────


def said(store: CaseStore, card: UUID) -> Undelivered | None:
    with store.database.reading() as connection:
        return undelivered(connection, [card]).get(card)


def test_a_card_is_undelivered_from_a_refusal_for_good_until_a_later_notice_is_taken(store: CaseStore) -> None:
    case_id, card = asked(store)
    assert said(store, card) is None, "it is on its way"

    turn_down(store, card, MONDAY + LIMIT)
    assert said(store, card) == Undelivered(MONDAY + LIMIT)
    remind(store, case_id, 50)
    assert said(store, card) == Undelivered(MONDAY + LIMIT), "the next one has not come there yet"
    deliver(store, card)
    assert said(store, card) is None


def test_a_card_that_nobody_could_be_told_of_is_undelivered_too(store: CaseStore, database: Database) -> None:
    _, card = asked(store, 1)
    _, other = asked(store, 2)
    deliver(store, card, nobody=True)
    deliver(store, other)

    assert (said(store, card), said(store, other)) == (Undelivered(None), None)
    with database.begin() as connection:
        connection.execute(update(notices).values(reached=None))
    assert said(store, card) is None, "of what was sent before this was kept, nothing is claimed"


def test_the_level_counts_what_can_be_mended_and_nothing_twice(store: CaseStore, database: Database) -> None:
    overtaken, card = asked(store, 1)
    turn_down(store, card)
    expire(store, overtaken)
    turn_down(store, asked(store, 2)[1], MONDAY + LIMIT)
    asked(store, 3)

    with database.begin() as connection:
        refused, unsent = refused_level(connection), level(connection)
    assert (refused.rows, refused.oldest) == (1, MONDAY + LIMIT)
    # The withdrawal and what the superior is told of the first, and the third question.
    assert [action for action, standing in standings(store) if standing is Standing.UNSENT][:2] == [
        "withdraw",
        "passed",
    ]
    assert unsent.rows == sum(standing is Standing.UNSENT for _, standing in standings(store))
