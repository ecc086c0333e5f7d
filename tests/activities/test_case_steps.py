"""The engine's own steps, tried by hand: what they lead to when offices answer, do not answer, or answer nonsense."""

import asyncio
import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import case_steps
from activities.case_steps import CaseSteps
from activities.faults import NotAccepted
from activities.messages import PatientStep, Progress, Wave
from activities.settings import GatewaySettings
from activities.submissions import submission
from domain.case_file import CaseFile, ItemState, ProofState
from domain.commands import ResubmitItem, command_id
from domain.department_answers import Concluded
from domain.steps import AskRegister, FindVerifier, LetExpire, RemindOwner, SayOverdue, Step, SubmitItem, steps
from store.breakers import all_breakers, pause_by_hand, resume_by_hand
from store.cases import CaseStore, Filed
from store.database import StoreUnavailable
from tests.city import City
from tests.desk import CASEWORKER, MONDAY, case_file, example, file, settle, withdraw
from tests.grants import take_away
from tests.workflows.officers import OFFICER, answer, asked, man_department

pytestmark = pytest.mark.anyio

SETTINGS = GatewaySettings(at_once_seconds=1.0)
PATIENTLY = GatewaySettings(at_once_seconds=1.0, breaker_failures=1_000)


class Engine:
    """The steps of one worker, without Temporal around them; its clock stands still until it is moved."""

    def __init__(self, store: CaseStore, settings: GatewaySettings = SETTINGS) -> None:
        self.store, self.city = store, City()
        self.now = MONDAY
        self.steps = CaseSteps(store, self.city, self.city, settings, lambda: self.now)

    async def wave(self, filed: Filed, asked: Sequence[Step] | None = None, version: int | None = None) -> Progress:
        """Everything that is due, or these."""
        case = case_file(self.store, filed.case_id)
        due = steps(case) if asked is None else tuple(asked)
        heard = case.version if version is None else version
        told: Progress = await ActivityEnvironment().run(
            self.steps.carry_out, Wave(case_id=filed.case_id, steps=due, version=heard)
        )
        return told

    async def persist(self, filed: Filed, step: Step, attempt: int = 1) -> Progress:
        """One try of the patient activity."""
        environment = ActivityEnvironment()
        environment.info = dataclasses.replace(
            ActivityEnvironment.default_info(), attempt=attempt, scheduled_time=MONDAY
        )
        told: Progress = await environment.run(self.steps.persist, PatientStep(case_id=filed.case_id, step=step))
        return told

    def case(self, filed: Filed) -> CaseFile:
        return case_file(self.store, filed.case_id)

    def step(self, filed: Filed, key: str) -> Step:
        (found,) = [step for step in steps(self.case(filed)) if step.key == key]
        return found

    def breakers(self) -> dict[str, bool]:
        """Service -> whether it is paused."""
        with self.store.database.reading() as connection:
            return {one.service: one.paused_since is not None for one in all_breakers(connection)}


@pytest.fixture
def engine(store: CaseStore) -> Engine:
    return Engine(store)


def states(case: CaseFile) -> dict[str, str]:
    return {item: live.state.value for item, live in case.items.items()}


# ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_is_answered_at_once_is_done_in_one_go(engine: Engine) -> None:
    filed = file(engine.store)

    told = await engine.wave(filed)

    assert told.unanswered == ()
    assert [entry.version for entry in told.events] == list(range(filed.version + 1, engine.case(filed).version + 1))
    assert set(states(engine.case(filed)).values()) == {"concluded"}
    assert engine.case(filed).outcome == "complete"


async def test_questions_to_one_register_go_in_one_call(engine: Engine) -> None:
    filed = file(engine.store)

    await engine.wave(filed)

    asked = [service for service, _ in engine.city.calls]
    assert asked.count("identity_register") == 1


async def test_a_denial_is_taken_with_its_reason_and_not_tried_again(engine: Engine) -> None:
    engine.city.says_no.add("public_security")
    filed = file(engine.store)

    await engine.wave(filed)

    case = engine.case(filed)
    denied = case.items["household_registration"]
    assert (denied.state, denied.reason_code) == (ItemState.DENIED, "denied")
    assert engine.store.open_case_file(filed.case_id).note(denied.note) == "不符合办理条件"
    assert states(case)["citizen_card"] == states(case)["medical_insurance"] == "unreachable"
    assert case.outcome == "partial"
    assert [service for service, _ in engine.city.calls].count("public_security") == 1


async def test_an_answer_that_comes_later_by_callback_concludes_once(engine: Engine) -> None:
    engine.city.answers_later.add("public_security")
    filed = file(engine.store)
    await engine.wave(filed)
    assert engine.case(filed).items["household_registration"].state is ItemState.ACKNOWLEDGED
    (handled,) = engine.city.call_back(engine.store, {filed.case_no: filed.case_id})

    assert handled.events[0].event.type == "item_concluded"
    assert engine.store.open_case_file(filed.case_id).product("citizen_id")
    assert {step.key for step in steps(engine.case(filed))} == {"submit medical_insurance 1", "submit citizen_card 1"}


async def test_a_callback_that_overtakes_its_own_acknowledgement_is_the_answer(engine: Engine) -> None:
    engine.city.answers_later.add("public_security")
    filed = file(engine.store)
    engine.city.away.add("public_security")
    await engine.wave(filed)
    step = engine.step(filed, "submit household_registration 1")
    assert isinstance(step, SubmitItem)
    engine.city.away.clear()

    submitting = engine.city.submit

    async def overtaken(department: str, key: str, body: Any) -> Any:
        answer = await submitting(department, key, body)
        engine.city.call_back(engine.store, {filed.case_no: filed.case_id})
        return answer

    engine.city.submit = overtaken  # type: ignore[method-assign]
    told = await engine.persist(filed, step)

    assert told.events == ()
    assert engine.case(filed).items["household_registration"].state is ItemState.CONCLUDED


async def test_what_a_department_cannot_read_goes_to_a_caseworker_and_a_second_try_has_its_own_key(
    engine: Engine,
) -> None:
    engine.city.cannot_read.add("public_security")
    filed = file(engine.store)
    await engine.wave(filed)
    rejected = engine.case(filed).items["household_registration"]
    assert (rejected.state, rejected.fault) == (ItemState.REJECTED, "http_422")
    assert engine.breakers() == {}, "it has answered, so it works"

    engine.city.cannot_read.clear()
    again = ResubmitItem(id=command_id("again"), at=MONDAY, by=CASEWORKER, item="household_registration")
    engine.store.act(filed.case_id, again)
    await engine.wave(filed)

    assert engine.case(filed).outcome == "complete"
    keys = [key for service, key in engine.city.calls if service == "public_security"]
    assert keys == [f"{filed.case_no}/household_registration/{attempt}" for attempt in (1, 2)]


async def test_a_conclusion_without_what_others_wait_for_is_no_conclusion(engine: Engine) -> None:
    submitting = engine.city.submit

    async def without_product(department: str, key: str, body: Any) -> Any:
        answer = await submitting(department, key, body)
        return answer.model_copy(update={"products": {}}) if department == "public_security" else answer

    engine.city.submit = without_product  # type: ignore[method-assign]
    filed = file(engine.store)

    told = await engine.wave(filed)

    assert told.unanswered == ("submit household_registration 1",)
    assert engine.case(filed).items["household_registration"].state is ItemState.SUBMITTED
    with pytest.raises(ApplicationError) as fault:
        await engine.persist(filed, engine.step(filed, "submit household_registration 1"))
    assert fault.value.type == "product_missing:citizen_id"


async def test_products_that_nobody_declared_are_not_kept(engine: Engine) -> None:
    submitting = engine.city.submit

    async def more(department: str, key: str, body: Any) -> Any:
        answer = await submitting(department, key, body)
        assert isinstance(answer, Concluded)
        return answer.model_copy(update={"products": {**answer.products, "mothers_maiden_name": "尉迟"}})

    engine.city.submit = more  # type: ignore[method-assign]
    filed = file(engine.store)
    await engine.wave(filed)

    dossier = engine.store.open_case_file(filed.case_id).dossier
    assert not [name for _, name in dossier.entries if "maiden" in name]
    assert engine.case(filed).outcome == "complete"


# ── registers ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("form", "proof", "reason"),
    [
        ("marriage_not_on_file", "parents_marriage", "not_found"),
        ("fifteen_digit", "parents_marriage", "unreadable"),
    ],
)
async def test_a_register_that_cannot_show_it_hands_over_to_the_next_rung(
    engine: Engine, form: str, proof: str, reason: str
) -> None:
    filed = file(engine.store, example(form))
    await engine.wave(filed)

    live = engine.case(filed).proofs[proof]
    assert (live.state, live.exhausted[0]) == (ProofState.ESCALATED, ("shared_data_query", reason))


async def test_a_register_that_says_otherwise_stops_the_item_and_names_what_differs_not_how(engine: Engine) -> None:
    filed = file(engine.store, example("name_differs"))
    told = await engine.wave(filed)

    live = engine.case(filed).proofs["fathers_household"]
    assert (live.state, live.differing) == (ProofState.CONTESTED, ("name",))
    assert "吕" not in told.model_dump_json()
    assert engine.store.open_case_file(filed.case_id).evidence("fathers_household")["name"] == "吕军毅"
    assert engine.case(filed).items["household_registration"].state is ItemState.ACCEPTED


async def test_an_unreachable_register_is_given_up_after_its_tries_and_a_caseworker_is_asked(store: CaseStore) -> None:
    engine = Engine(store, PATIENTLY)
    engine.city.away.add("prenatal_records")
    filed = file(store)
    told = await engine.wave(filed)
    assert told.unanswered == ("ask prenatal_record 1.0",)
    step = engine.step(filed, "ask prenatal_record 1.0")

    for attempt in range(1, PATIENTLY.register_tries):
        with pytest.raises(ApplicationError, match="prenatal_records: http_503"):
            await engine.persist(filed, step, attempt)
    told = await engine.persist(filed, step, PATIENTLY.register_tries)

    assert [entry.event.type for entry in told.events] == ["route_exhausted", "route_opened"]
    assert engine.case(filed).proofs["prenatal_record"].asked == "health"
    await engine.wave(filed)
    assert engine.case(filed).proofs["prenatal_record"].state is ProofState.ESCALATED
    settle(store, filed.case_id, "prenatal_record")
    await engine.wave(filed)
    assert engine.case(filed).outcome == "complete"


async def test_a_platform_that_cannot_read_the_question_hands_over_too(engine: Engine) -> None:
    asking = engine.city.ask

    async def refusing(source: str, purpose: str, queries: Any) -> Any:
        if source == "prenatal_records":
            raise NotAccepted(source, "http_422")
        return await asking(source, purpose, queries)

    engine.city.ask = refusing  # type: ignore[method-assign]
    filed = file(engine.store)
    await engine.wave(filed)

    assert engine.case(filed).proofs["prenatal_record"].exhausted[0] == ("shared_data_query", "key_missing")


# ── nobody answers ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_b1_a_department_in_trouble_is_noted_and_tried_for_as_long_as_it_takes(store: CaseStore) -> None:
    engine = Engine(store, PATIENTLY)
    engine.city.away.add("citizen_card_company")
    filed = file(store)
    told = await engine.wave(filed)
    assert told.unanswered == ("submit citizen_card 1",)
    step = engine.step(filed, "submit citizen_card 1")

    for attempt in range(1, 12):
        with pytest.raises(ApplicationError, match="http_503"):
            await engine.persist(filed, step, attempt)
        noted = engine.case(filed).items["citizen_card"].unreachable_since
        # Since when, not since when we noticed.
        assert noted == (None if attempt < PATIENTLY.department_tries else MONDAY)

    assert [live.state.value for live in engine.case(filed).items.values()].count("concluded") == 7
    engine.city.away.clear()
    told = await engine.persist(filed, step, 12)
    assert told.events[0].event.type == "item_concluded"
    assert engine.case(filed).items["citizen_card"].unreachable_since is None
    assert engine.city.effects(filed.case_no)["citizen_card"] == 1


async def test_b2_a_silent_department_costs_its_own_items_a_second_and_the_others_nothing(engine: Engine) -> None:
    engine.city.away.add("delivery_institution")
    engine.city.silent_for = 30
    filed = file(engine.store)
    began = asyncio.get_running_loop().time()

    told = await engine.wave(filed)

    assert asyncio.get_running_loop().time() - began < 10
    assert told.unanswered == ("submit birth_certificate 1",)
    done = {item for item, state in states(engine.case(filed)).items() if state == "concluded"}
    assert done == {"mother_child_handbook", "maternity_benefit"}


async def test_a_cancelled_wave_leaves_no_call_behind(engine: Engine) -> None:
    engine.city.away.add("delivery_institution")
    engine.city.silent_for = 30
    engine.steps = CaseSteps(
        engine.store, engine.city, engine.city, GatewaySettings(at_once_seconds=5), lambda: engine.now
    )
    filed = file(engine.store)
    wave = asyncio.create_task(engine.wave(filed))
    await asyncio.sleep(0.5)
    before = asyncio.all_tasks()

    wave.cancel()
    await asyncio.wait({wave})
    await asyncio.sleep(0.05)

    assert len(before - asyncio.all_tasks()) >= 2, "the call goes on without anybody who waits for it"


# ── the breaker ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_department_that_fails_again_and_again_is_left_alone_and_comes_back_by_itself(engine: Engine) -> None:
    engine.city.away.add("citizen_card_company")
    filed = file(engine.store)
    await engine.wave(filed)
    step = engine.step(filed, "submit citizen_card 1")
    for attempt in (1, 2, 3, 4):
        with pytest.raises(ApplicationError, match="http_503"):
            await engine.persist(filed, step, attempt)
    assert engine.breakers() == {"citizen_card_company": True}
    calls = len(engine.city.calls)

    with pytest.raises(ApplicationError, match="paused") as paused:
        await engine.persist(filed, step, 5)

    assert len(engine.city.calls) == calls, "a paused department was called"
    delay = paused.value.next_retry_delay
    assert delay is not None
    assert timedelta(seconds=5) < delay < timedelta(seconds=8)

    engine.city.away.clear()
    engine.now += timedelta(seconds=6)
    told = await engine.persist(filed, step, 6)

    assert told.events[0].event.type == "item_concluded"
    assert engine.breakers() == {}


async def test_a_case_that_comes_along_does_not_use_up_the_one_try_a_paused_department_has(engine: Engine) -> None:
    """It would leave after a fraction of a second, and a department that needs two would never be let back."""
    filed = file(engine.store)
    engine.city.away.add("citizen_card_company")
    await engine.wave(filed)
    step = engine.step(filed, "submit citizen_card 1")
    for attempt in (1, 2, 3, 4):
        with pytest.raises(ApplicationError, match="http_503"):
            await engine.persist(filed, step, attempt)
    engine.now += timedelta(seconds=6)
    calls = len(engine.city.calls)

    told = await engine.wave(filed, [step])

    assert told.unanswered == (step.key,)
    assert len(engine.city.calls) == calls
    engine.city.away.clear()
    assert (await engine.persist(filed, step, 5)).events, "the one try was gone"


async def test_a_department_paused_by_hand_is_called_by_nobody_until_it_is_resumed(engine: Engine) -> None:
    with engine.store.database.begin() as connection:
        pause_by_hand(connection, "citizen_card_company", CASEWORKER, MONDAY, "系统升级")
    filed = file(engine.store)

    told = await engine.wave(filed)

    assert told.unanswered == ("submit citizen_card 1",)
    assert "citizen_card_company" not in {service for service, _ in engine.city.calls}
    with pytest.raises(ApplicationError, match="paused"):
        await engine.persist(filed, engine.step(filed, "submit citizen_card 1"))
    with engine.store.database.begin() as connection:
        resume_by_hand(connection, "citizen_card_company")
    engine.now += timedelta(seconds=2)
    await engine.wave(filed, [engine.step(filed, "submit citizen_card 1")])
    assert engine.case(filed).outcome == "complete"


# ── crashes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_crash_between_the_call_and_the_commit_doubles_nothing_at_the_department(engine: Engine) -> None:
    filed = file(engine.store)
    step_keys: list[str] = []
    handle = engine.store.handle

    def crash_once(*arguments: Any, **more: Any) -> Any:
        if any(getattr(command, "item", None) == "household_registration" for command in arguments[1]):
            step_keys.append("crashed")
            engine.store.handle = handle  # type: ignore[method-assign]
            raise ConnectionError("killed")
        return handle(*arguments, **more)

    engine.store.handle = crash_once  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        await engine.wave(filed)
    assert step_keys == ["crashed"]
    assert engine.city.effects(filed.case_no)["household_registration"] == 1

    await engine.wave(filed)

    assert engine.case(filed).outcome == "complete"
    assert set(engine.city.effects(filed.case_no).values()) == {1}


async def test_a_run_that_nobody_heard_of_is_told_again_from_where_the_workflow_stood(engine: Engine) -> None:
    filed = file(engine.store)
    due = steps(engine.case(filed))
    first = await engine.wave(filed, due, filed.version)
    calls = len(engine.city.calls)

    again = await engine.wave(filed, due, filed.version)

    assert again.events == first.events
    assert len(engine.city.calls) == calls, "registers were asked again for what is known"


async def test_a_patient_try_that_nobody_heard_of_is_told_again_and_not_done_again(engine: Engine) -> None:
    engine.city.away.add("citizen_card_company")
    filed = file(engine.store)
    await engine.wave(filed)
    step = engine.step(filed, "submit citizen_card 1")
    engine.city.away.clear()
    first = await engine.persist(filed, step)
    calls = len(engine.city.calls)
    engine.city.away.add("citizen_card_company")

    again = await engine.persist(filed, step, 2)

    assert again.events == first.events
    assert len(engine.city.calls) == calls


async def test_what_was_dropped_meanwhile_is_not_disclosed(engine: Engine) -> None:
    engine.city.away |= {"marriage_register", "delivery_institution"}
    filed = file(engine.store)
    await engine.wave(filed)
    step = engine.step(filed, "ask parents_marriage 1.0")
    assert isinstance(step, AskRegister)
    withdraw(engine.store, filed.case_id)
    engine.city.away.clear()
    calls = len(engine.city.calls)

    told = await engine.persist(filed, step)

    assert told.events == ()
    assert len(engine.city.calls) == calls


async def test_a_passed_date_is_said_at_its_instant_however_late_and_often(engine: Engine) -> None:
    engine.city.answers_later.add("citizen_card_company")
    filed = file(engine.store)
    await engine.wave(filed)
    due = engine.case(filed).items["citizen_card"].promised_by
    assert due is not None
    engine.now = datetime(2027, 1, 1, tzinfo=UTC)

    told = await engine.wave(filed, [SayOverdue(item="citizen_card", due=due)])
    again = await engine.persist(filed, SayOverdue(item="citizen_card", due=due))

    assert [(entry.event.type, entry.event.at) for entry in told.events] == [("item_overdue", due)]
    assert again.events in (told.events, ())
    assert engine.case(filed).items["citizen_card"].overdue_since == due


async def test_a_department_that_is_asked_again_is_sent_what_it_was_sent_first_whatever_was_amended(
    engine: Engine,
) -> None:
    filed = file(engine.store, example("family"))
    engine.city.away.add("public_security")
    await engine.wave(filed)
    assert engine.case(filed).items["household_registration"].state is ItemState.SUBMITTED
    step = engine.step(filed, "submit household_registration 1")
    assert isinstance(step, SubmitItem)
    before = submission(engine.store.open_case_file(filed.case_id), step.item)

    engine.store.amend(
        filed.case_id,
        {"mother": {"phone": "15499000099"}},
        reason="换了手机",
        by=CASEWORKER,
        at=MONDAY,
        id=command_id(filed.case_id, "amend"),
        seen=engine.case(filed).version,
    )

    after = engine.store.open_case_file(filed.case_id)
    assert after.declared("mother.phone") == "15499000099"
    assert submission(after, step.item) == before


# ── people who are asked ────────────────────────────────────────────────────────────────────────────────────────────


MARRIAGE = "parents_marriage"


async def asking(engine: Engine) -> Filed:
    """A family about whose marriage civil affairs has been asked."""
    with engine.store.database.begin() as connection:
        man_department(connection, MONDAY.date())
    filed = file(engine.store, example("marriage_not_on_file"))
    await engine.wave(filed)
    return filed


async def test_what_no_register_holds_is_asked_of_the_officer_on_duty_in_the_same_go(engine: Engine) -> None:
    filed = await asking(engine)

    question = asked(engine.case(filed), MARRIAGE)
    assert (question.opened.unit, question.owner) == (OFFICER.unit, OFFICER.account)
    assert question.due == MONDAY + timedelta(minutes=30)
    assert steps(engine.case(filed)) == ()


async def test_a_roster_that_cannot_be_read_for_a_moment_is_read_at_the_next_try(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise StoreUnavailable

    with monkeypatch.context() as gone:
        gone.setattr(case_steps, "find_verifier", away)
        filed = await asking(engine)
        step = engine.step(filed, f"verify {MARRIAGE} 1.1")
        told = await engine.wave(filed, [step])
        assert told.unanswered == (step.key,)
        with pytest.raises(StoreUnavailable):
            await engine.persist(filed, step)

    await engine.persist(filed, step, 2)

    assert asked(engine.case(filed), MARRIAGE).owner == OFFICER.account


async def test_a_question_that_was_put_and_not_heard_of_is_told_again_and_not_put_again(engine: Engine) -> None:
    filed = await asking(engine)
    step = FindVerifier(proof=MARRIAGE, round=1, rung=1)

    again = await engine.persist(filed, step, 2)

    assert [entry.event.type for entry in again.events] == ["verification_opened"]
    assert len(engine.case(filed).verifications) == 1


async def test_an_instant_has_come_when_the_workflow_says_so_though_this_machine_is_behind(engine: Engine) -> None:
    filed = await asking(engine)
    question = asked(engine.case(filed), MARRIAGE)
    assert question.due is not None
    half, due = question.remind_at[0], question.due
    engine.now = MONDAY - timedelta(minutes=5)

    reminded = await engine.wave(filed, [RemindOwner(proof=MARRIAGE, round=1, rung=1, percent=50, due=half)])
    expired = await engine.wave(filed, [LetExpire(proof=MARRIAGE, round=1, rung=1, due=due)])

    assert [(entry.event.type, entry.event.at) for entry in reminded.events] == [("verification_reminded", half)]
    assert expired.events[0].event.type == "route_exhausted"
    assert expired.events[0].event.at == due


async def test_an_instant_that_is_told_twice_or_too_late_does_nothing(engine: Engine) -> None:
    filed = await asking(engine)
    question = asked(engine.case(filed), MARRIAGE)
    assert question.due is not None
    remind = RemindOwner(proof=MARRIAGE, round=1, rung=1, percent=50, due=question.remind_at[0])
    engine.now = question.remind_at[0]
    first = await engine.wave(filed, [remind])

    again = await engine.persist(filed, remind, 2)
    assert again.events in (first.events, ())
    answer(engine.store, filed.case_id, proof=MARRIAGE, at=engine.now)
    for late in (
        RemindOwner(proof=MARRIAGE, round=1, rung=1, percent=80, due=question.remind_at[1]),
        LetExpire(proof=MARRIAGE, round=1, rung=1, due=question.due),
    ):
        engine.now = late.due
        assert (await engine.persist(filed, late)).events == ()

    case = engine.case(filed)
    assert case.proofs[MARRIAGE].state is ProofState.MET
    assert case.verifications[MARRIAGE, 1, 1].reminded == 50


async def test_what_was_withdrawn_meanwhile_is_asked_of_nobody(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise StoreUnavailable

    with monkeypatch.context() as gone:
        gone.setattr(case_steps, "find_verifier", away)
        filed = await asking(engine)
    step = engine.step(filed, f"verify {MARRIAGE} 1.1")
    withdraw(engine.store, filed.case_id)

    told = await engine.persist(filed, step)

    assert told.events == ()
    assert engine.case(filed).verifications == {}


async def test_a_register_without_grant_is_not_asked_and_the_next_rung_is(engine: Engine) -> None:
    with engine.store.database.begin() as connection:
        man_department(connection, MONDAY.date())
        take_away(connection, "hospital", "marriage_register", at=MONDAY)
    filed = file(engine.store)

    await engine.wave(filed)

    assert engine.case(filed).proofs[MARRIAGE].exhausted == (("shared_data_query", "no_grant"),)
    assert asked(engine.case(filed), MARRIAGE).opened.unit == OFFICER.unit
    assert "marriage_register" not in {service for service, _ in engine.city.calls}
