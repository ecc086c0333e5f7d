"""Cases in every state that a page has to show, told by the commands that lead there; no engine, no network."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from domain.actors import THE_ENGINE, Actor
from domain.bundle import FieldKind
from domain.case_file import CaseFile
from domain.commands import (
    AnswerVerification,
    Command,
    ExpireVerification,
    NoteOverdue,
    NoteRejection,
    NoteUnreachable,
    OpenVerification,
    SettleProof,
    WithdrawCase,
    command_id,
)
from domain.department_answers import Accepted, Concluded, Denied
from domain.events import Answer
from domain.notices import card_id
from domain.steps import AskRegister, FindVerifier, SubmitItem, steps
from store.answers import recorded
from store.cases import CaseStore, Filed
from tests.desk import CLERK, MONDAY, example, family, file, register_says

CASEWORKER = Actor(account="caseworker-1", unit="bureau")
OTHER_CASEWORKER = Actor(account="caseworker-2", unit="bureau")
SETTLE = "/cases/{}/proofs/parents_marriage/settlement"
"""Where the page of a case sends the decision of a contested proof."""


class Story:
    """One case, moved on by whoever it waits for; a minute passes with every step."""

    def __init__(self, store: CaseStore, form: dict[str, Any], *, key: str = "key-1", at: datetime = MONDAY) -> None:
        self.store = store
        self.at = at
        self.filed: Filed = file(store, form, key=key, at=at)

    @property
    def case_no(self) -> str:
        """Its number."""
        return self.filed.case_no

    @property
    def case_id(self) -> UUID:
        """Its stream."""
        return self.filed.case_id

    @property
    def file(self) -> CaseFile:
        """The case as committed."""
        return self.store.case_file(self.case_id)

    def registers_agree(self, *, but: Collection[str] = ()) -> "Story":
        """Every register that is asked confirms what was declared, except about `but`."""
        while asked := [one for one in steps(self.file) if isinstance(one, AskRegister) and one.proof not in but]:
            self.register(asked[0].proof)
        return self

    def register(self, proof: str, outcome: str = "matches", *, differing: tuple[str, ...] = ()) -> "Story":
        """A register answers."""
        live = self.file.proof(proof)
        self.do(
            register_says(
                self.case_id,
                proof,
                round=live.round,
                rung=live.rung,
                outcome=outcome,
                differing=differing,
                at=self._later(),
            )
        )
        return self

    def nobody_can_be_asked(self, *proofs: str) -> "Story":
        """No roster names anybody for these proofs, so that a caseworker has to decide."""
        while due := [one for one in steps(self.file) if isinstance(one, FindVerifier) and one.proof in proofs]:
            self.asks(due[0].proof, None)
        return self

    def asks(self, proof: str, unit: str | None, *, owner: str | None = None) -> "Story":
        """The engine finds who has to answer on the rung the proof stands on."""
        live = self.file.proof(proof)
        return self.do(
            OpenVerification(
                id=self._id(),
                at=self._later(),
                by=THE_ENGINE,
                proof=proof,
                round=live.round,
                rung=live.rung,
                unit=unit,
                owner=owner,
            )
        )

    def question(self, proof: str, rung: int | None = None) -> UUID:
        """The question to a unit about the proof, on the rung it stands on or an earlier one."""
        live = self.file.proof(proof)
        return card_id(self.case_id, proof, live.round, live.rung if rung is None else rung)

    def verifier_says(
        self, proof: str, said: Answer, *, by: Actor, rung: int | None = None, reason: str = "已查阅档案"
    ) -> "Story":
        """Somebody answers what was asked, in time or late."""
        live, id_ = self.file.proof(proof), self._id()
        command = AnswerVerification(
            id=id_,
            at=self._later(),
            by=by,
            proof=proof,
            round=live.round,
            rung=live.rung if rung is None else rung,
            answer=said,
            note=f"note/{id_}",
        )
        self.store.act(self.case_id, command, note=f"note/{id_}", reason=reason)
        return self

    def nobody_answers(self, proof: str) -> "Story":
        """The limit passes."""
        live = self.file.proof(proof)
        due = self.file.verification(proof, live.round, live.rung).due
        assert due is not None
        self.at = max(self.at, due)
        return self.do(
            ExpireVerification(id=self._id(), at=self.at, by=THE_ENGINE, proof=proof, round=live.round, rung=live.rung)
        )

    def departments_conclude(self, *, but: Collection[str] = ()) -> "Story":
        """Every department concludes what it has, and what comes after it, except `but`."""
        while sent := [one for one in steps(self.file) if isinstance(one, SubmitItem) and one.item not in but]:
            declared = self.file.declared_item(sent[0].item)
            products = {
                made.code: example_of(made.kind, place) for place, made in enumerate(declared.produces, len(sent))
            }
            reference = f"REF-{sent[0].item.replace(':', '-')}"
            self.answer(sent[0].item, Concluded(outcome="concluded", reference=reference, products=products))
        return self

    def answer(self, item: str, answer: Concluded | Accepted | Denied) -> "Story":
        """A department answers."""
        department = self.file.item(item).planned.department
        command, kept = recorded(
            self.store.open_case_file(self.case_id),
            item,
            None,
            answer,
            id=command_id(self.case_id, item, answer.outcome, self.file.version),
            at=self._later(),
            by=Actor(account=f"{department.replace('_', '-')}-system", unit=department.replace("_", "-")),
        )
        self.store.handle(self.case_id, [command], kept=kept, tell_workflow=True)
        return self

    def answer_birth_certificate_later(self) -> "Story":
        """The case moves on without touching any proof."""
        return self.answer("birth_certificate", Accepted(outcome="accepted", reference="CS20260002"))

    def unreachable(self, item: str) -> "Story":
        """The department's system is down."""
        at = self._later()
        return self.do(
            NoteUnreachable(id=self._id(), at=at, by=THE_ENGINE, item=item, attempt=1, since=at, fault="http_503")
        )

    def rejected(self, item: str) -> "Story":
        """The department cannot read the submission."""
        return self.do(
            NoteRejection(id=self._id(), at=self._later(), by=THE_ENGINE, item=item, attempt=1, fault="http_422")
        )

    def overdue(self, item: str) -> "Story":
        """The promised date has come."""
        due = self.file.item(item).promised_by
        assert due is not None
        self.at = max(self.at, due)
        return self.do(NoteOverdue(id=self._id(), at=self.at, by=THE_ENGINE, item=item, promised_by=due))

    def settled(self, proof: str, *, met: bool, by: Actor = CASEWORKER, reason: str = "已核对结婚证原件") -> "Story":
        """A caseworker decides."""
        id_ = self._id()
        command = SettleProof(id=id_, at=self._later(), by=by, proof=proof, met=met, note=f"note/{id_}")
        self.store.act(self.case_id, command, note=f"note/{id_}", reason=reason)
        return self

    def withdrawn(self, reason: str = "改在户籍地办理") -> "Story":
        """The family takes it back."""
        id_ = self._id()
        command = WithdrawCase(id=id_, at=self._later(), by=CLERK, note=f"note/{id_}")
        self.store.act(self.case_id, command, note=f"note/{id_}", reason=reason)
        return self

    def do(self, command: Command) -> "Story":
        """Any command."""
        self.store.handle(self.case_id, [command], tell_workflow=True)
        return self

    def _id(self) -> UUID:
        return command_id(self.case_id, "story", self.file.version)

    def _later(self) -> datetime:
        self.at += timedelta(minutes=1)
        return self.at


def example_of(kind: FieldKind, place: int) -> str:
    """A product's value, as a department of the city might make it."""
    return "339901202611200017" if kind is FieldKind.CITIZEN_ID else f"A33012345{place}"


FRIDAY = MONDAY - timedelta(days=3)
ALL_PROOFS_BUT = ("parents_marriage",)


def fresh(store: CaseStore, **more: Any) -> Story:
    """Just filed: the registers are being asked."""
    return Story(store, family(11), **more)


def automatic(store: CaseStore, **more: Any) -> Story:
    """Everything went by itself, to the end."""
    return Story(store, example(), **more).registers_agree().departments_conclude()


def escalated(store: CaseStore, **more: Any) -> Story:
    """No register knows of the marriage; a caseworker decides."""
    story = Story(store, example("marriage_not_on_file"), **more).registers_agree(but=ALL_PROOFS_BUT)
    story.register("parents_marriage", "not_found").nobody_can_be_asked("parents_marriage")
    return story.departments_conclude(but=("maternity_benefit",))


def contested(store: CaseStore, **more: Any) -> Story:
    """The marriage register names somebody else."""
    story = Story(store, example("name_differs"), **more).registers_agree(but=ALL_PROOFS_BUT)
    return story.register("parents_marriage", "contradicts", differing=("husband_name", "state"))


def denied(store: CaseStore, **more: Any) -> Story:
    """One department says no, a caseworker finds a proof not shown, and the case ends partly."""
    story = Story(store, family(12), **more).registers_agree(but=ALL_PROOFS_BUT)
    story.register("parents_marriage", "not_found").nobody_can_be_asked("parents_marriage")
    story.settled("parents_marriage", met=False, reason="提供不了结婚证原件")
    no = Denied(
        outcome="denied", reference="YB20260001", reason_code="not_insured_long_enough", reason="连续参保不足 <六个月>"
    )
    return story.answer("maternity_benefit", no).departments_conclude()


def withdrawn(store: CaseStore, **more: Any) -> Story:
    """Taken back while one department had its item already."""
    story = Story(store, example("uninsured"), **more).register("prenatal_record")
    taken = Accepted(outcome="accepted", reference="WJ20260007")
    return story.answer("mother_child_handbook", taken).withdrawn()


def overdue(store: CaseStore, **more: Any) -> Story:
    """A department is down, and another let its promised date pass."""
    story = (
        Story(store, example("resident"), **{"at": FRIDAY, **more})
        .registers_agree()
        .departments_conclude(but=("maternity_benefit", "household_registration", "child_care_booklet"))
    )
    story.unreachable("household_registration").overdue("household_registration")
    return story.answer("child_care_booklet", Accepted(outcome="accepted", reference="WJ20260021"))


def rejected(store: CaseStore, **more: Any) -> Story:
    """A department could not read what it was sent."""
    return Story(store, example("fifteen_digit"), **more).register("prenatal_record").rejected("mother_child_handbook")


def twins(store: CaseStore, **more: Any) -> Story:
    """Two children, half way."""
    story = Story(store, example("twins"), **more).registers_agree()
    return story.departments_conclude(but=("household_registration:2", "citizen_card", "medical_insurance"))


OFFICER = Actor(account="civil-1", unit="civil")
COMMUNITY_WORKER = Actor(account="mingyue-1", unit="mingyue")


def verifying(store: CaseStore, *, owner: str | None = None, number: int = 13, **more: Any) -> Story:
    """No register knows of the marriage, and civil affairs has half an hour to say."""
    story = Story(store, family(number), **more).registers_agree(but=ALL_PROOFS_BUT)
    return story.register("parents_marriage", "not_found").asks("parents_marriage", "civil", owner=owner)


def climbing(store: CaseStore, **more: Any) -> Story:
    """Civil affairs did not answer in time, and the community has it."""
    story = verifying(store, **{"number": 14, **more}).nobody_answers("parents_marriage")
    return story.asks("parents_marriage", "mingyue", owner="mingyue-1")


def doubted(store: CaseStore, **more: Any) -> Story:
    """The community said yes, and civil affairs says no when everything is over."""
    story = climbing(store, **{"number": 15, **more}).verifier_says("parents_marriage", "matches", by=COMMUNITY_WORKER)
    story.departments_conclude()
    return story.verifier_says("parents_marriage", "contradicts", by=OFFICER, rung=1, reason="档案中已离婚")


STORIES: dict[str, Callable[..., Story]] = {
    one.__name__: one
    for one in (
        fresh,
        automatic,
        escalated,
        contested,
        denied,
        withdrawn,
        overdue,
        rejected,
        twins,
        verifying,
        climbing,
        doubted,
    )
}
"""Every story by name."""
