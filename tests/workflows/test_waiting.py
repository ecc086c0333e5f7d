"""Everything that waits: for a department's answer, a promised date, a caseworker, a worker that is away, for weeks."""

import asyncio
import json
import time
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus

from activities.messages import News
from domain.case_file import CaseFile, CaseState, ItemState, ProofState
from domain.commands import ResubmitItem, command_id
from domain.waiting import waits
from store.cases import Filed
from store.events import read
from tests.desk import CASEWORKER, CLERK, settle, withdraw
from tests.workflows.conftest import House, with_hours

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)


def on(file: CaseFile) -> set[str]:
    """Who is waited for."""
    return {wait.on for wait in waits(file)}


async def escalated(house: House) -> Filed:
    """A family whose marriage no register can show: everything else is done, and a caseworker is waited for."""
    filed = house.file("marriage_not_on_file")
    await house.until(filed, lambda file: on(file) == {"caseworker"})
    return filed


async def registration_is_late(house: House, promised: int = 24) -> Filed:
    """A family whose registration the police have taken and not answered yet."""
    house.city.answers_later.add("public_security")
    filed = house.file("family", bundle=with_hours(promised))
    await house.until(
        filed,
        lambda file: (
            file.items["household_registration"].state is ItemState.ACKNOWLEDGED
            and file.items["maternity_benefit"].state is ItemState.CONCLUDED
        ),
    )
    house.city.answers_later.clear()
    return filed


# ── departments ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_department_that_answers_days_later_by_callback_sets_the_rest_going(house: House) -> None:
    filed = await registration_is_late(house, promised=24 * 30)
    assert on(house.case(filed)) == {"department:public_security"}
    await house.later(filed, 3 * DAY)
    assert not house.case(filed).over

    await house.call_back(filed)

    assert await house.ended(filed) == "complete"
    assert set(house.city.effects(filed.case_no).values()) == {1}
    since = house.case(filed).items["household_registration"].since
    assert since is not None
    assert since >= house.case(filed).opened.at + 3 * DAY


async def test_the_same_callback_a_hundred_times_is_one_answer(house: House) -> None:
    filed = await registration_is_late(house)
    (owed,) = house.city.ledger.callbacks_due(time.time() + 10, 10)
    told = json.loads(owed.payload)

    handled = await asyncio.gather(
        *(
            asyncio.to_thread(house.city.tell, house.store, {filed.case_no: filed.case_id}, told, house.clock())
            for _ in range(100)
        )
    )

    assert len({answer.events for answer in handled}) == 1
    assert await house.ended(filed) == "complete"
    assert house.types(filed).count("item_concluded") == 8


async def test_b1_an_unreachable_department_is_shown_while_the_others_go_on_and_ends_by_itself(house: House) -> None:
    house.city.away.add("healthcare_security")
    filed = house.file("family")

    case = await house.until(
        filed,
        lambda file: all(
            live.unreachable_since is not None
            for item, live in file.items.items()
            if live.planned.department == "healthcare_security"
        ),
        within=30,
    )

    others = {item for item, live in case.items.items() if live.planned.department != "healthcare_security"}
    assert {item for item, live in case.items.items() if live.state is ItemState.CONCLUDED} == others
    assert on(case) == {"department:healthcare_security"}
    assert case.items["medical_insurance"].fault in {"http_503", "paused"}

    house.city.away.clear()

    assert await house.ended(filed, within=60) == "complete"
    assert set(house.city.effects(filed.case_no).values()) == {1}
    assert house.case(filed).items["medical_insurance"].unreachable_since is None


async def test_b2_a_silent_department_holds_up_nobody_who_does_not_wait_for_it(house: House) -> None:
    house.city.away.add("citizen_card_company")
    house.city.silent_for = 20.0
    cases = [house.file("family"), house.file("resident", key="2")]

    for filed in cases:
        case = await house.until(
            filed, lambda file: sum(live.state is ItemState.CONCLUDED for live in file.items.values()) == 7, within=10
        )
        assert case.items["citizen_card"].state is ItemState.SUBMITTED

    house.city.away.clear()


async def test_a_denial_ends_what_waits_for_it_and_the_case_in_part(house: House) -> None:
    house.city.says_no.add("public_security")
    filed = house.file("family")

    assert await house.ended(filed) == "partial"

    items = house.case(filed).items
    assert items["household_registration"].state is ItemState.DENIED
    assert {item for item, live in items.items() if live.state is ItemState.UNREACHABLE} == {
        "medical_insurance",
        "citizen_card",
    }
    reason = house.store.open_case_file(filed.case_id).note(items["household_registration"].note)
    assert reason == "不符合办理条件"


async def test_what_a_department_cannot_read_waits_for_a_caseworker_who_sends_it_again(house: House) -> None:
    house.city.cannot_read.add("healthcare_security")
    filed = house.file("family")
    case = await house.until(
        filed, lambda file: sum(live.state is ItemState.REJECTED for live in file.items.values()) == 2
    )
    assert on(case) == {"caseworker"}
    assert case.items["maternity_benefit"].fault == "http_422"
    house.city.cannot_read.clear()

    for item in ("medical_insurance", "maternity_benefit"):
        again = ResubmitItem(id=command_id("again", item), at=house.clock(), by=CASEWORKER, item=item)
        house.store.act(filed.case_id, again)

    assert await house.ended(filed) == "complete"
    assert house.case(filed).items["maternity_benefit"].attempt == 2


# ── the agenda ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_promised_date_that_passes_is_said_once_at_its_instant(house: House) -> None:
    filed = await registration_is_late(house)
    promised = house.case(filed).items["household_registration"].promised_by
    assert promised is not None
    await house.later(filed, timedelta(hours=23))
    await asyncio.sleep(1)
    assert "item_overdue" not in house.types(filed)

    await house.later(filed, timedelta(hours=2))
    await house.until(filed, lambda file: file.items["household_registration"].overdue_since is not None)
    await house.later(filed, 10 * DAY)
    await asyncio.sleep(1)

    assert house.types(filed).count("item_overdue") == 1
    with house.store.database.reading() as connection:
        (overdue,) = [e.event for e in read(connection, filed.case_id) if e.event.type == "item_overdue"]
    assert overdue.at == promised
    await house.call_back(filed)
    assert await house.ended(filed) == "complete"
    # Its answer sets two more clocks going, and both are in time.
    assert house.types(filed).count("item_overdue") == 1


async def test_a_date_that_passed_while_no_worker_was_there_is_said_at_its_instant_too(house: House) -> None:
    filed = await registration_is_late(house)
    promised = house.case(filed).items["household_registration"].promised_by
    await house.close()
    # The timer goes off and nobody comes; the server lets no more time pass before somebody does.
    passing = asyncio.create_task(house.later(filed, timedelta(hours=30)))
    await asyncio.sleep(1.5)

    await house.open()

    await passing
    case = await house.until(filed, lambda file: file.items["household_registration"].overdue_since is not None)
    assert case.items["household_registration"].overdue_since == promised


async def test_one_timer_serves_a_case_however_much_news_comes(house: House) -> None:
    filed = await registration_is_late(house)
    for number in range(5):
        house.store.amend(
            filed.case_id,
            {"mother": {"phone": f"1549900009{number}"}},
            reason="号码有误",
            by=CLERK,
            at=house.clock(),
            id=command_id(filed.case_id, "amend", number),
            seen=house.case(filed).version,
        )
        await house.heard(filed)

    past = await house.handle(filed).fetch_history()

    timers = [event for event in past.events if event.HasField("timer_started_event_attributes")]
    assert len(timers) <= 2


# ── caseworkers ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_proof_that_a_caseworker_settles_weeks_later_lets_the_case_go_on(house: House) -> None:
    filed = await escalated(house)
    assert house.case(filed).proofs["parents_marriage"].state is ProofState.ESCALATED
    await house.later(filed, 20 * DAY)

    settle(house.store, filed.case_id, "parents_marriage", at=house.clock())

    assert await house.ended(filed) == "complete"
    assert house.types(filed).count("item_overdue") == 1, "the registration's promised date has passed meanwhile"


async def test_a_proof_that_a_caseworker_finds_wanting_denies_its_item(house: House) -> None:
    filed = await escalated(house)

    settle(house.store, filed.case_id, "parents_marriage", met=False, at=house.clock())

    assert await house.ended(filed) == "partial"
    assert house.case(filed).items["household_registration"].reason_code == "proof_not_met:parents_marriage"


async def test_a_contested_proof_stops_its_item_and_nothing_else_until_it_is_settled(house: House) -> None:
    filed = house.file("name_differs")
    case = await house.until(filed, lambda file: on(file) == {"caseworker"})
    assert case.proofs["fathers_household"].state is ProofState.CONTESTED
    assert case.proofs["fathers_household"].differing == ("name",)
    assert case.items["birth_certificate"].state is ItemState.CONCLUDED

    settle(house.store, filed.case_id, "fathers_household", at=house.clock())

    assert await house.ended(filed) == "complete"


async def test_a_register_that_stays_away_hands_over_to_a_caseworker(house: House) -> None:
    house.gateways = house.gateways.model_copy(update={"register_tries": 2})
    await house.close()
    await house.open()
    house.city.away.add("prenatal_records")
    filed = house.file("family")

    case = await house.until(filed, lambda file: on(file) == {"caseworker"}, within=30)

    assert case.proofs["prenatal_record"].exhausted == (
        ("shared_data_query", "unreachable"),
        ("department_verification", "nobody_on_duty"),
    )
    settle(house.store, filed.case_id, "prenatal_record", at=house.clock())
    assert await house.ended(filed) == "complete"


# ── the family changes its mind ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_withdrawal_while_a_caseworker_is_waited_for_ends_the_case(house: House) -> None:
    filed = await escalated(house)

    withdraw(house.store, filed.case_id, at=house.clock())

    assert await house.ended(filed) == "withdrawn"
    items = house.case(filed).items
    assert items["birth_certificate"].state is ItemState.CONCLUDED, "what is done stays done"
    assert items["citizen_card"].state is ItemState.CANCELLED


async def test_a_withdrawal_waits_for_the_department_that_has_an_item_already(house: House) -> None:
    filed = await registration_is_late(house)
    withdraw(house.store, filed.case_id, at=house.clock())
    await house.heard(filed)
    assert house.case(filed).state is CaseState.WITHDRAWN
    assert not house.case(filed).over

    await house.call_back(filed)

    assert await house.ended(filed) == "withdrawn"
    assert house.case(filed).items["household_registration"].state is ItemState.CONCLUDED
    assert house.case(filed).items["citizen_card"].state is ItemState.CANCELLED
    assert "citizen_card" not in house.city.effects(filed.case_no)


async def test_a_withdrawn_family_is_asked_about_no_more(house: House) -> None:
    """A register that was away when they withdrew is not told their numbers when it comes back."""
    house.city.answers_later.add("delivery_institution")
    house.city.away.add("marriage_register")
    filed = house.file("family")
    await house.until(
        filed,
        lambda file: (
            file.items["birth_certificate"].state is ItemState.ACKNOWLEDGED
            and file.items["maternity_benefit"].state is ItemState.CONCLUDED
        ),
    )
    withdraw(house.store, filed.case_id, at=house.clock())
    await house.heard(filed)
    asked_before = [call for call in house.city.calls if call[0] == "marriage_register"]
    house.city.away.clear()
    await asyncio.sleep(3)

    assert [call for call in house.city.calls if call[0] == "marriage_register"] == asked_before


async def test_an_amendment_while_waiting_asks_again_and_goes_on_by_itself(house: House) -> None:
    filed = house.file("name_differs")
    await house.until(filed, lambda file: on(file) == {"caseworker"})
    seen = house.case(filed).version

    # The name as the household register has it; then the identity register would differ, had it not been met.
    house.store.amend(
        filed.case_id,
        {"father": {"name": "吕军毅"}},
        reason="按户口簿填写",
        by=CLERK,
        at=house.clock(),
        id=command_id(filed.case_id, "amend"),
        seen=seen,
    )
    case = await house.until(filed, lambda file: file.proofs["fathers_household"].state is ProofState.MET)

    assert case.proofs["fathers_household"].round == 2
    asked = [call for call in house.city.calls if call[0] == "household_register"]
    assert len(asked) == 2


# ── messages ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_news_may_come_twice_too_early_and_out_of_order(house: House) -> None:
    filed = await escalated(house)
    before = house.case(filed).version
    await house.close()
    # What happened, without the relay: it is told by hand below, in the worst of orders.
    settle(house.store, filed.case_id, "parents_marriage", at=house.clock())
    with house.store.database.reading() as connection:
        new = read(connection, filed.case_id, before)
        everything = read(connection, filed.case_id)
    handle = house.handle(filed)
    for events in ((new[-1],), everything, new[1:], (new[0],), new, everything[:3], new[::-1]):
        await handle.signal("events_happened", News(case_id=filed.case_id, events=events))

    await house.open()

    assert await house.ended(filed) == "complete"
    assert house.types(filed).count("item_concluded") == 8


async def test_news_told_backwards_is_heard_whole(house: House) -> None:
    """The last item's conclusion leaves nothing to do by which the workflow could learn what it missed."""
    house.city.answers_later.add("citizen_card_company")
    filed = house.file("family")
    await house.until(filed, lambda file: on(file) == {"department:citizen_card_company"})
    before = house.case(filed).version
    await house.close()
    await house.call_back(filed)
    await house.heard(filed)
    with house.store.database.reading() as connection:
        opening, new = read(connection, filed.case_id)[:before], read(connection, filed.case_id, before)
    assert [entry.event.type for entry in new] == ["item_concluded", "case_concluded"]
    # The relay has told it in the right order; here it is told once more to another run, by hand.
    again = await house.client.start_workflow(
        "NewbornBundle",
        News(case_id=filed.case_id, events=opening),
        id=f"{house.handle(filed).id}-again",
        task_queue=house.settings.task_queue,
    )
    for entry in reversed(new):
        await again.signal("events_happened", News(case_id=filed.case_id, events=(entry,)))

    await house.open()

    assert await asyncio.wait_for(again.result(), 15) == "complete"


async def test_news_that_comes_while_no_worker_is_there_is_heard_when_one_comes(house: House) -> None:
    filed = await registration_is_late(house)
    await house.close()
    await house.call_back(filed)
    await house.heard(filed)
    assert not house.case(filed).over

    await house.open()

    assert await house.ended(filed) == "complete"


async def test_a_case_filed_while_no_worker_is_there_begins_when_one_comes(house: House) -> None:
    await house.close()
    filed = house.file("family")
    await house.heard(filed)

    await house.open()

    assert await house.ended(filed) == "complete"


async def test_news_of_a_case_whose_workflow_has_ended_is_dropped_and_nothing_begins_anew(house: House) -> None:
    filed = await registration_is_late(house)
    (owed,) = house.city.ledger.callbacks_due(time.time() + 10, 10)
    told = json.loads(owed.payload)
    await house.call_back(filed)
    assert await house.ended(filed) == "complete"

    contradiction = {"submission": told["submission"], "outcome": "denied", "reference": "X1", "reason_code": "late"}
    house.city.tell(house.store, {filed.case_no: filed.case_id}, contradiction, house.clock())
    await house.heard(filed)

    assert house.case(filed).late_answers == 1
    assert house.case(filed).outcome == "complete"
    first = await house.handle(filed).describe()
    assert first.status is WorkflowExecutionStatus.COMPLETED


async def test_a_worker_that_forgot_every_workflow_goes_on_where_the_last_one_stopped(house: House) -> None:
    """Another process, with an empty cache: it reads the whole history again."""
    filed = await registration_is_late(house)
    await house.close()
    house.settings = house.settings.model_copy(update={"cached_workflows": 0})
    await house.open()

    await house.call_back(filed)

    assert await house.ended(filed) == "complete"
    past = await house.handle(filed).fetch_history()
    assert not [event for event in past.events if event.HasField("workflow_task_failed_event_attributes")]
