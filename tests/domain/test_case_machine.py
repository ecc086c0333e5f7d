"""No sequence of commands, sensible or not, brings a case into a state that breaks a promise.

Hypothesis plays everybody at once - registers, officers, departments, caseworkers, applicants, a clumsy network and a
liar - and shrinks what goes wrong to a few lines. The promises are in `promises.py`.
"""

from datetime import timedelta
from random import Random
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.actors import Actor
from domain.case_file import (
    IN_HAND,
    CaseFile,
    CaseState,
    LiveVerification,
    ProofState,
    VerificationState,
    evolve_all,
)
from domain.commands import Command
from domain.decisions import decide
from domain.events import Event
from domain.form import Application
from domain.refusals import CaseMovedOn, Refusal
from domain.steps import AskRegister, FindVerifier, SubmitItem, steps
from domain.time_limits import OfficeHours
from tests.domain.promises import Desks, believed, check, speaks
from tests.domain.telling import (
    COLLEAGUE,
    COMMUNITY,
    COMMUNITY_WORKER,
    EVERYBODY,
    MONDAY,
    OFFICER,
    UNIT,
    Hearer,
    amend,
    answers,
    assigns,
    changed_between,
    commits,
    department,
    escalates,
    expires,
    opening,
    opens,
    overdue,
    register,
    rejected,
    reminds,
    resubmit,
    resumes,
    same_people,
    settle,
    suspends,
    unreachable,
    withdraw,
)

families = st.integers(0, len(EVERYBODY) - 1)
"""By number: what fails is printed, and a declaration printed in full hides the few lines that matter."""
nth = st.integers(0, 30)
"""The n-th of what the case has; one beyond them is something it has not."""
outcomes: st.SearchStrategy[Any] = st.sampled_from(
    ["matches", "matches", "contradicts", "not_found", "unreadable", "unreachable", "key_missing", "no_grant"]
)
replies: st.SearchStrategy[Any] = st.sampled_from(
    ["matches", "contradicts", "no_record", "no_record", "hand_to_community"]
)
people = st.sampled_from([OFFICER, OFFICER, COLLEAGUE, COMMUNITY_WORKER])
decisions: st.SearchStrategy[Any] = st.sampled_from(["concluded", "acknowledged", "denied"])
references = st.sampled_from(["R-1", "R-2"])
moments = st.timedeltas(timedelta(), timedelta(days=20)).map(lambda later: MONDAY + later)


class ACase(RuleBasedStateMachine):
    """One case, and what may come over it whoever is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.commands: list[Command] = []
        self.file: CaseFile
        self.application: Application

    def files(self, family: int) -> None:
        """Take the application in."""
        self.application = EVERYBODY[family]
        self.now = MONDAY
        self.desks = Desks()
        command = opening(self.application)
        self.commands.append(command)
        self.events += decide(command, None)
        self.file = believed(None, self.events)
        self.desks.hear(None, self.file)

    def happens(self, command: Command) -> bool:
        """Carry it out; a refusal must leave everything as it is."""
        self.commands.append(command)
        try:
            events = decide(command, self.file)
        except Refusal as refusal:
            speaks(refusal)
            return False
        assert decide(command, self.file) == events, "the same command on the same case had another outcome"
        before, self.file = self.file, believed(self.file, events)
        self.events += events
        self.desks.hear(before, self.file)
        return True

    def item(self, which: int) -> str:
        """An item of the case, or now and then one that it does not have."""
        return [*self.file.items, "passport"][which % (len(self.file.items) + 1)]

    def proof(self, which: int) -> str:
        """A proof of the case, those in a caseworker's hands first and twice."""
        in_hand = [proof for proof, live in self.file.proofs.items() if live.state in IN_HAND]
        return (every := [*in_hand, *self.file.proofs])[which % len(every)]

    # --- what comes over every case

    @rule()
    def every_department_concludes_what_it_has(self) -> None:
        for item in self.file.unanswered:
            assert self.happens(department(item, "concluded", reference="R-1"))

    @rule(which=nth, met=st.booleans())
    def a_caseworker_decides(self, which: int, met: bool) -> None:
        proof = self.proof(which)
        in_hand = self.file.proof(proof).state in IN_HAND
        settled = self.happens(settle(proof, met=met))
        assert settled == in_hand, "a caseworker decides what is in a caseworker's hands, and nothing else"
        if settled:
            assert not self.happens(settle(proof, met=not met)), "two caseworkers decided the same proof"

    @rule(which=st.integers(0, 200), more=st.sets(st.sampled_from(["mother.name", "father.citizen_id"])))
    def the_applicant_corrects_the_form(self, which: int, more: set[str]) -> None:
        others = same_people(self.application)
        after = others[which % len(others)]
        if self.happens(amend(self.file, after, *changed_between(self.application, after), *sorted(more))):
            self.application = after

    @precondition(lambda self: len(self.events) > 14)
    @rule(really=st.integers(0, 3))
    def the_applicant_takes_it_back(self, really: int) -> None:
        if really == 0:
            self.happens(withdraw())

    @rule(which=st.integers(0, 1_000))
    def a_command_comes_again(self, which: int) -> None:
        self.happens(self.commands[which % len(self.commands)])

    @rule(behind=st.integers(1, 20), which=nth)
    def somebody_looks_at_an_old_page(self, behind: int, which: int) -> None:
        seen, proof = self.file.version - behind, self.proof(which)
        for command in (
            settle(proof, met=True, seen=seen),
            withdraw(seen=seen),
            amend(self.file, self.application, seen=seen),
        ):
            try:
                decide(command, self.file)
            except CaseMovedOn:
                continue
            raise AssertionError("a decision on an old page was carried out")

    @rule(random=st.randoms(use_true_random=False))
    def a_workflow_hears_it_in_any_order(self, random: Random) -> None:
        hearer = Hearer()
        news = [*enumerate(self.events, 1)]
        news += random.sample(news, k=len(news) // 3)
        random.shuffle(news)
        while news:
            batch = random.randint(1, 8)
            hearer.hear(news[:batch])
            news = news[batch:]
        assert hearer.file == self.file

    # --- the promises

    @invariant()
    def every_promise_holds(self) -> None:
        check(self.file)

    @invariant()
    def what_happened_is_all_there_is(self) -> None:
        assert self.file.version == len(self.events)
        assert evolve_all(None, self.events) == self.file


class ACaseAmongMachines(ACase):
    """Registers and departments answer, or not, or what nobody asked them."""

    @initialize(family=families)
    def a_family_files(self, family: int) -> None:
        self.files(family)

    # --- the world as it should be

    @rule()
    def every_register_agrees(self) -> None:
        while asked := [step for step in steps(self.file) if isinstance(step, AskRegister)]:
            assert self.happens(register(self.file, asked[0].proof))

    @precondition(lambda self: any(isinstance(step, AskRegister) for step in steps(self.file)))
    @rule(which=st.integers(0, 20), outcome=outcomes)
    def a_register_answers(self, which: int, outcome: Any) -> None:
        asked = [step for step in steps(self.file) if isinstance(step, AskRegister)]
        step = asked[which % len(asked)]
        late = self.file.late_answers
        assert self.happens(register(self.file, step.proof, outcome))
        assert self.file.late_answers == late, "an answer in time is not late"
        assert step not in steps(self.file), "an answered question is not asked again"

    @precondition(lambda self: any(isinstance(step, SubmitItem) for step in steps(self.file)))
    @rule(which=st.integers(0, 20), answer=decisions)
    def a_department_answers(self, which: int, answer: Any) -> None:
        sent = [step for step in steps(self.file) if isinstance(step, SubmitItem)]
        step = sent[which % len(sent)]
        assert self.happens(department(step.item, answer, attempt=step.attempt, reason_code="because"))
        assert step not in steps(self.file), "an answered submission is not sent again"

    @precondition(lambda self: any(isinstance(step, SubmitItem) for step in steps(self.file)))
    @rule(which=nth, again=st.booleans())
    def a_department_turns_it_down(self, which: int, again: bool) -> None:
        sent = [step for step in steps(self.file) if isinstance(step, SubmitItem)]
        step = sent[which % len(sent)]
        assert self.happens(rejected(step.item, attempt=step.attempt))
        if again and self.file.state != CaseState.WITHDRAWN:
            assert self.happens(resubmit(step.item))

    @precondition(lambda self: self.file.unanswered)
    @rule(which=st.integers(0, 20))
    def a_department_calls_back(self, which: int) -> None:
        item = self.file.unanswered[which % len(self.file.unanswered)]
        assert self.happens(department(item, "concluded"))

    # --- faults, races and nonsense

    @rule(which=nth, outcome=outcomes, round=st.integers(0, 3), rung=st.integers(-1, 2))
    def a_register_answers_late_or_out_of_order(self, which: int, outcome: Any, round: int, rung: int) -> None:
        before, proof = self.file, self.proof(which)
        live = before.proof(proof)
        assert self.happens(register(before, proof, outcome, round=round, rung=rung))
        if (live.round, live.rung) != (round, rung):
            assert self.file.items == before.items
            assert self.file.proofs == before.proofs
            assert self.file.late_answers == before.late_answers + 1

    @rule(which=nth, answer=decisions, attempt=st.sampled_from([None, None, 0, 1, 2, 7]), reference=references)
    def somebody_calls_back_for_whatever_item(
        self, which: int, answer: Any, attempt: int | None, reference: str
    ) -> None:
        before, item = self.file, self.item(which)
        told = self.happens(department(item, answer, attempt=attempt, reference=reference, reason_code="because"))
        if item not in before.items or not before.items[item].attempt or (attempt or 1) > before.items[item].attempt:
            assert not told, "an answer to what was never sent was believed"

    @rule(which=nth, attempt=st.integers(0, 2), fault=st.sampled_from(["timeout", "http_500", "garbage"]))
    def a_department_is_out_of_reach(self, which: int, attempt: int, fault: str) -> None:
        item = self.item(which)
        if self.happens(unreachable(item, fault, attempt=attempt)):
            before = len(self.events)
            assert self.happens(unreachable(item, fault, attempt=attempt))
            assert len(self.events) == before, "unreachable was noted twice"

    @rule(which=nth, attempt=st.integers(0, 2))
    def a_department_cannot_read_it(self, which: int, attempt: int) -> None:
        self.happens(rejected(self.item(which), attempt=attempt))

    @rule(which=nth)
    def a_caseworker_sends_it_again(self, which: int) -> None:
        self.happens(resubmit(self.item(which)))

    @rule(which=nth, at=moments)
    def an_instant_passes(self, which: int, at: Any) -> None:
        item = self.item(which)
        live = self.file.items.get(item)
        due = live.promised_by if live and live.promised_by else at
        if self.happens(overdue(item, due, at=at)):
            before = len(self.events)
            assert self.happens(overdue(item, due, at=at))
            assert len(self.events) == before, "overdue was said twice"

    @rule(family=families)
    def the_applicant_wants_other_people(self, family: int) -> None:
        other = EVERYBODY[family]
        if other.bundle != self.application.bundle or "children" not in other.sections:
            return
        if len(other.sections["children"]) != len(self.application.sections["children"]):
            assert not self.happens(amend(self.file, other)), "persons were added to a case"


class ACaseAmongPeople(ACase):
    """No register was granted, so everything is asked of people, who answer, or not, or when it is too late."""

    @initialize(family=families, rungs=st.sampled_from([1, 1, 2]))
    def a_family_files(self, family: int, rungs: int) -> None:
        """And perhaps the first who were asked have not answered already."""
        self.files(family)
        for rung in range(rungs):
            self.registers_hold_nothing()
            while due := [step for step in steps(self.file) if isinstance(step, FindVerifier)]:
                assert self.happens(opens(self.file, due[0].proof, unit=COMMUNITY if rung else UNIT, at=self.now))
            for asked in [*self.file.verifications.values()] if rung + 1 < rungs else ():
                assert asked.due is not None
                self.now = max(self.now, asked.due)
                assert self.happens(expires(self.file, asked.opened.proof, at=self.now))

    def question(self, which: int, *, still_open: bool = False) -> LiveVerification | None:
        """Something that people were asked, those that are still open first and twice."""
        every = [*self.file.verifications.values()]
        opened = [one for one in every if one.state is VerificationState.OPEN]
        among = opened if still_open else [*opened, *every]
        return among[which % len(among)] if among else None

    @precondition(lambda self: any(isinstance(step, AskRegister) for step in steps(self.file)))
    @rule()
    def registers_hold_nothing(self) -> None:
        while asked := [step for step in steps(self.file) if isinstance(step, AskRegister)]:
            assert self.happens(register(self.file, asked[0].proof, "not_found"))

    @rule(minutes=st.integers(1, 60))
    def time_goes_by(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @precondition(lambda self: any(isinstance(step, FindVerifier) for step in steps(self.file)))
    @rule(which=nth, unit=st.sampled_from([UNIT, COMMUNITY, UNIT, None]), hours=st.sampled_from([None, OfficeHours()]))
    def somebody_is_found(self, which: int, unit: str | None, hours: OfficeHours | None) -> None:
        due = [step for step in steps(self.file) if isinstance(step, FindVerifier)]
        step = due[which % len(due)]
        owner = OFFICER.account if unit == UNIT and which % 2 else None
        assert self.happens(opens(self.file, step.proof, unit=unit, owner=owner, hours=hours, at=self.now))
        assert step not in steps(self.file), "who was found is looked for again"

    @rule(which=nth, answer=replies, by=people, note=st.sampled_from(["note/4", "note/4", None]), phone=st.booleans())
    def somebody_answers(self, which: int, answer: Any, by: Actor, note: str | None, phone: bool) -> None:
        asked = self.question(which)
        if asked is None:
            return
        proof, round, rung = asked.rung
        before = self.file
        answer_now = answers(
            before, proof, answer, round=round, rung=rung, by=by, note=note, by_phone=phone, at=self.now
        )
        if not self.happens(answer_now):
            assert self.file == before
            return
        after = self.file.verification(proof, round, rung)
        assert (after.answer, after.answered_by, after.answered_at) == (answer, by.account, self.now)
        if asked.state is VerificationState.OPEN:
            assert after.state is VerificationState.ANSWERED
        elif before.state is not CaseState.OPEN:
            assert self.file.proofs == before.proofs, "what has ended was opened again"
        if answer == "contradicts" and before.state is CaseState.OPEN:
            assert self.file.proof(proof).state in {ProofState.CONTESTED, ProofState.NOT_MET, ProofState.DROPPED}
        assert not self.happens(answers(self.file, proof, answer, round=round, rung=rung, by=by, note="note/4")), (
            "one question was answered twice"
        )

    @rule(which=nth, answer=st.sampled_from(["matches", "contradicts"]), by=people)
    def who_found_nothing_finds_it(self, which: int, answer: Any, by: Actor) -> None:
        silent = [one for one in self.file.verifications.values() if one.answer in {"no_record", "hand_to_community"}]
        if not silent:
            return
        asked = silent[which % len(silent)]
        proof, round, rung = asked.rung
        before = self.file
        added = self.happens(answers(before, proof, answer, round=round, rung=rung, by=by, at=self.now))
        wanted = before.state is not CaseState.WITHDRAWN and before.proof(proof).round == round
        dropped = before.proof(proof).state in {ProofState.DROPPED, ProofState.PLANNED}
        assert added == (wanted and not dropped and by.account == asked.answered_by)
        if added:
            assert self.file.late_answers == before.late_answers + 1
            assert self.file.verifications[asked.rung].state is asked.state

    @rule(which=nth, how=st.sampled_from(["claimed", "released", "handed_over", "taken_back", "assigned"]), by=people)
    def it_changes_hands(self, which: int, how: str, by: Actor) -> None:
        asked = self.question(which)
        if asked is None:
            return
        owner = {"claimed": by.account, "handed_over": COLLEAGUE.account, "assigned": OFFICER.account}.get(how)
        before = asked.owner
        held = asked.claimed and before != by.account
        command = assigns(self.file, asked.opened.proof, how, owner, by=by, note="note/7", rung=asked.opened.rung)
        if asked.opened.round == self.file.proof(asked.opened.proof).round and self.happens(command):
            assert asked.state is VerificationState.OPEN
            assert not held or how in {"taken_back", "assigned"}, "what is a colleague's was taken"
            assert self.file.verifications[asked.rung].owner == owner

    @rule(which=nth, percent=st.sampled_from([50, 80]))
    def a_mark_is_reached(self, which: int, percent: int) -> None:
        if (asked := self.question(which)) is None or asked.opened.round != self.file.proof(asked.opened.proof).round:
            return
        assert self.happens(reminds(self.file, asked.opened.proof, percent, rung=asked.opened.rung, at=self.now))
        before = len(self.events)
        assert self.happens(reminds(self.file, asked.opened.proof, percent, rung=asked.opened.rung, at=self.now))
        assert len(self.events) == before, "a mark was told twice"

    @rule(which=nth)
    def a_limit_is_over(self, which: int) -> None:
        asked = self.question(which, still_open=True)
        if asked is None:
            return
        proof, _, rung = asked.rung
        self.now = max(self.now, asked.due or self.now)
        assert self.happens(expires(self.file, proof, rung=rung, at=self.now))
        ended = self.file.verifications[asked.rung]
        stands = asked.due is None
        assert ended.state is (VerificationState.OPEN if stands else VerificationState.EXPIRED)

    @rule(which=nth, in_turn=st.sampled_from([True, True, False]))
    def the_clock_is_stopped_or_started(self, which: int, in_turn: bool) -> None:
        asked = self.question(which)
        if asked is None or asked.opened.round != self.file.proof(asked.opened.proof).round:
            return
        runs = asked.clock.is_suspended == in_turn
        word = resumes if runs else suspends
        if self.happens(word(self.file, asked.opened.proof, rung=asked.opened.rung, at=self.now)):
            after = self.file.verifications[asked.rung]
            assert asked.clock.is_suspended == runs == (not after.clock.is_suspended)
            assert after.clock.remaining(self.now) == asked.clock.remaining(self.now)

    @rule(which=nth)
    def a_superior_takes_it_up(self, which: int) -> None:
        proof = self.proof(which)
        waiting = self.file.proof(proof).state in {ProofState.VERIFYING, ProofState.OFFERED}
        assert self.happens(escalates(proof, at=self.now)) == waiting
        if waiting:
            assert self.file.proof(proof).state is ProofState.ESCALATED

    @rule(signed=st.booleans(), letter=st.sampled_from(["letter/1", "letter/1", None]))
    def the_applicant_may_commit(self, signed: bool, letter: str | None) -> None:
        offered = [proof for proof, live in self.file.proofs.items() if live.state is ProofState.OFFERED]
        for proof in offered or [self.proof(0)]:
            done = self.happens(commits(proof, signed=signed, note=letter, at=self.now))
            assert done == (bool(offered) and (letter is not None or not signed))


TestACaseAmongMachines = ACaseAmongMachines.TestCase
TestACaseAmongPeople = ACaseAmongPeople.TestCase
TestACaseAmongMachines.settings = TestACaseAmongPeople.settings = settings(
    max_examples=100,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
