"""No sequence of commands, sensible or not, brings a case into a state that breaks a promise.

Hypothesis plays everybody at once - registers, departments, caseworkers, applicants, a clumsy network and a liar -
and shrinks what goes wrong to a few lines. The promises are in `promises.py`.
"""

from datetime import timedelta
from random import Random
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.case_file import IN_HAND, CaseFile, CaseState, evolve_all
from domain.commands import Command
from domain.decisions import decide
from domain.events import Event
from domain.form import Application
from domain.refusals import CaseMovedOn, Refusal
from domain.steps import AskRegister, SubmitItem, steps
from tests.domain.promises import believed, check, speaks
from tests.domain.telling import (
    EVERY_FAMILY,
    MONDAY,
    Hearer,
    amend,
    changed_between,
    department,
    opening,
    overdue,
    register,
    rejected,
    resubmit,
    same_people,
    settle,
    unreachable,
    withdraw,
)

families = st.integers(0, len(EVERY_FAMILY) - 1)
"""By number: what fails is printed, and a declaration printed in full hides the few lines that matter."""
nth = st.integers(0, 30)
"""The n-th of what the case has; one beyond them is something it has not."""
outcomes: st.SearchStrategy[Any] = st.sampled_from(
    ["matches", "matches", "contradicts", "not_found", "unreadable", "unreachable", "key_missing"]
)
answers: st.SearchStrategy[Any] = st.sampled_from(["concluded", "acknowledged", "denied"])
references = st.sampled_from(["R-1", "R-2"])
moments = st.timedeltas(timedelta(), timedelta(days=20)).map(lambda later: MONDAY + later)


class ACase(RuleBasedStateMachine):
    """One case and everybody around it."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.commands: list[Command] = []
        self.file: CaseFile
        self.application: Application

    @initialize(family=families)
    def a_family_files(self, family: int) -> None:
        self.application = EVERY_FAMILY[family]
        command = opening(self.application)
        self.commands.append(command)
        self.events += decide(command, None)
        self.file = believed(None, self.events)

    def happens(self, command: Command) -> bool:
        """Carry it out; a refusal must leave everything as it is."""
        self.commands.append(command)
        try:
            events = decide(command, self.file)
        except Refusal as refusal:
            speaks(refusal)
            return False
        assert decide(command, self.file) == events, "the same command on the same case had another outcome"
        self.file = believed(self.file, events)
        self.events += events
        return True

    def item(self, which: int) -> str:
        """An item of the case, or now and then one that it does not have."""
        return [*self.file.items, "passport"][which % (len(self.file.items) + 1)]

    def proof(self, which: int) -> str:
        """A proof of the case, those in a caseworker's hands first and twice."""
        in_hand = [proof for proof, live in self.file.proofs.items() if live.state in IN_HAND]
        return (every := [*in_hand, *self.file.proofs])[which % len(every)]

    # --- the world as it should be

    @rule()
    def every_register_agrees(self) -> None:
        while asked := [step for step in steps(self.file) if isinstance(step, AskRegister)]:
            assert self.happens(register(self.file, asked[0].proof))

    @rule()
    def every_department_concludes_what_it_has(self) -> None:
        for item in self.file.unanswered:
            assert self.happens(department(item, "concluded", reference="R-1"))

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
    @rule(which=st.integers(0, 20), answer=answers)
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

    @rule(which=nth, answer=answers, attempt=st.sampled_from([None, None, 0, 1, 2, 7]), reference=references)
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

    @rule(which=nth, met=st.booleans())
    def a_caseworker_decides(self, which: int, met: bool) -> None:
        proof = self.proof(which)
        in_hand = self.file.proof(proof).state in IN_HAND
        settled = self.happens(settle(proof, met=met))
        assert settled == in_hand, "a caseworker decides what is in a caseworker's hands, and nothing else"
        if settled:
            assert not self.happens(settle(proof, met=not met)), "two caseworkers decided the same proof"

    @rule(which=nth, at=moments)
    def an_instant_passes(self, which: int, at: Any) -> None:
        item = self.item(which)
        live = self.file.items.get(item)
        due = live.promised_by if live and live.promised_by else at
        if self.happens(overdue(item, due, at=at)):
            before = len(self.events)
            assert self.happens(overdue(item, due, at=at))
            assert len(self.events) == before, "overdue was said twice"

    @rule(which=st.integers(0, 200), more=st.sets(st.sampled_from(["mother.name", "father.citizen_id"])))
    def the_applicant_corrects_the_form(self, which: int, more: set[str]) -> None:
        others = same_people(self.application)
        after = others[which % len(others)]
        if self.happens(amend(self.file, after, *changed_between(self.application, after), *sorted(more))):
            self.application = after

    @rule(family=families)
    def the_applicant_wants_other_people(self, family: int) -> None:
        other = EVERY_FAMILY[family]
        if len(other.sections["children"]) != len(self.application.sections["children"]):
            assert not self.happens(amend(self.file, other)), "persons were added to a case"

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


TestACase = ACase.TestCase
TestACase.settings = settings(
    max_examples=150,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
