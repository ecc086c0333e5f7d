"""Given, when, then: the words in which tests tell what happens to a case.

Only the rules themselves stand behind them: `given` folds what `decide` said, `when` asks it once more.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import count, product
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from domain.actors import THE_ENGINE, Actor
from domain.bundles.newborn import BUNDLE as NEWBORN
from domain.case_file import CaseFile, ProofState, evolve, evolve_all
from domain.commands import (
    AmendApplication,
    AnswerCommitment,
    AnswerVerification,
    AssignVerification,
    Command,
    CorrectItem,
    EscalateProof,
    ExpireVerification,
    NoteMilestone,
    NoteOverdue,
    NoteRejection,
    NoteUnreachable,
    OpenCase,
    OpenVerification,
    RecordDepartmentAnswer,
    RecordRegisterAnswer,
    RegisterOutcome,
    RemindVerification,
    ResubmitItem,
    ResumeVerification,
    SettleProof,
    SuspendVerification,
    WithdrawCase,
)
from domain.decisions import decide
from domain.events import Answer, Event
from domain.form import Application, circumstances_of, read_application
from domain.steps import AskRegister, FindVerifier, SubmitItem, steps
from domain.time_limits import SHANGHAI, OfficeHours
from tests.domain.tennis_club import TENNIS_CLUB

EXAMPLES = Path(__file__).parents[2] / "examples" / "newborn"
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=SHANGHAI)
TUESDAY = MONDAY + timedelta(days=1)
BIRTH_DESK = Actor(account="birth_desk_01", unit="hospital_01")
CASEWORKER = Actor(account="caseworker_01", unit="hospital_01")
OTHER_CASEWORKER = Actor(account="caseworker_02", unit="hospital_01")
POLICE = Actor(account="public_security", unit="public_security")
UNIT = "yiwu_civil_affairs"
OFFICER = Actor(account="officer_01", unit=UNIT)
COLLEAGUE = Actor(account="officer_02", unit=UNIT)
SUPERIOR = Actor(account="chief_01", unit=UNIT)
COMMUNITY = "community_0101"
COMMUNITY_WORKER = Actor(account="community_01", unit=COMMUNITY)

_SPACE = UUID("00000000-0000-4000-8000-000000000001")
_numbers: Iterator[int] = count(1)


def an_id() -> UUID:
    """Another one each time: the rules never look at it."""
    return uuid5(_SPACE, str(next(_numbers)))


# --- the form


def example(name: str) -> dict[str, Any]:
    """The application of an example file, as filed."""
    filed = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))["application"]
    assert isinstance(filed, dict)
    return filed


def form(name: str = "family", /, **answers: object) -> dict[str, Any]:
    """An example with other answers: `birth__delivery="difficult"`; None leaves a field or section out."""
    filed = example(name)
    for path, value in answers.items():
        *sections, field = path.split("__")
        place: Any = filed
        for step in sections:
            place = place[int(step)] if step.isdigit() else place[step]
        if value is None:
            place.pop(field, None)
        else:
            place[int(field) if isinstance(place, list) else field] = value
    return filed


def read(name: str = "family", /, **answers: object) -> Application:
    """The form as read on Monday."""
    return read_application(NEWBORN, form(name, **answers), at=MONDAY)


# --- given


def opening(application: Application, *, at: datetime = MONDAY) -> OpenCase:
    """The command that takes the application in."""
    people = {
        section.code: tuple(uuid5(_SPACE, f"{section.code} {n}") for n, _ in enumerate(rows))
        for section in application.bundle.sections
        if section.person and (rows := application.sections.get(section.code))
    }
    return OpenCase(
        id=an_id(),
        at=at,
        by=BIRTH_DESK,
        case_id=uuid5(_SPACE, "case"),
        case_no="3307820120261123000001",
        bundle=application.bundle,
        division="330782",
        people=people,
        counts=application.counts,
        circumstances=application.circumstances,
        milestones=application.milestones,
        warnings=application.warnings,
        application_key="a" * 64,
        event_keys=("b" * 64,),
    )


def given(*commands: Command, file: CaseFile | None = None) -> CaseFile:
    """The case after all of these were carried out."""
    for command in commands:
        file = evolve_all(file, decide(command, file))
    assert file is not None
    return file


def a_family(name: str = "family", /, **answers: object) -> CaseFile:
    """A case just opened."""
    return given(opening(read(name, **answers)))


def registers_agree(file: CaseFile, *, but: Sequence[str] = ()) -> CaseFile:
    """Every register that is asked confirms what was declared, except about `but`."""
    while asked := [step for step in steps(file) if isinstance(step, AskRegister) and step.proof not in but]:
        file = given(register(file, asked[0].proof), file=file)
    return file


def nobody_can_be_asked(file: CaseFile) -> CaseFile:
    """No roster names anybody for what people would have to verify now, so that the last rung is reached."""
    while due := [step for step in steps(file) if isinstance(step, FindVerifier)]:
        file = given(opens(file, due[0].proof, unit=None), file=file)
    return file


def departments_conclude(file: CaseFile, *, but: Sequence[str] = ()) -> CaseFile:
    """Every department that has an item concludes it, and the next ones too, except `but`."""
    while sent := [step for step in steps(file) if isinstance(step, SubmitItem) and step.item not in but]:
        file = given(department(sent[0].item, "concluded"), file=file)
    return file


def proven(name: str = "family", /, **answers: object) -> CaseFile:
    """A case whose registers all confirmed; the first items are with their departments."""
    return registers_agree(a_family(name, **answers))


def concluded(name: str = "family", /, **answers: object) -> CaseFile:
    """A case that went well to its end."""
    return departments_conclude(proven(name, **answers))


# --- when


def when(command: Command, file: CaseFile | None) -> tuple[Event, ...]:
    """What happens because of the command."""
    return decide(command, file)


def register(
    file: CaseFile,
    proof: str,
    outcome: RegisterOutcome = "matches",
    *,
    differing: tuple[str, ...] = (),
    round: int | None = None,
    rung: int | None = None,
    at: datetime = MONDAY,
) -> RecordRegisterAnswer:
    """The register answers what it is asked now, or what it was asked in an earlier round or on an earlier rung."""
    live = file.proof(proof)
    return RecordRegisterAnswer(
        id=an_id(),
        at=at,
        by=THE_ENGINE,
        proof=proof,
        round=live.round if round is None else round,
        rung=live.rung if rung is None else rung,
        outcome=outcome,
        differing=differing,
    )


def settle(
    proof: str, *, met: bool, by: Actor = CASEWORKER, seen: int | None = None, at: datetime = MONDAY
) -> SettleProof:
    """A caseworker decides by hand."""
    return SettleProof(id=an_id(), at=at, by=by, proof=proof, met=met, note="note/1", expected_version=seen)


def department(
    item: str,
    answer: Any,
    *,
    reference: str | None = None,
    attempt: int | None = None,
    reason_code: str | None = None,
    at: datetime = MONDAY,
) -> RecordDepartmentAnswer:
    """A department answers."""
    return RecordDepartmentAnswer(
        id=an_id(),
        at=at,
        by=POLICE,
        item=item,
        answer=answer,
        reference=reference or f"REF-{item.replace(':', '-')}",
        attempt=attempt,
        reason_code=reason_code,
    )


def corrects(item: str, *products: str, seen: int | None = None, at: datetime = TUESDAY) -> CorrectItem:
    """The department that concluded it corrects these products."""
    return CorrectItem(id=an_id(), at=at, by=POLICE, expected_version=seen, item=item, products=products, note="note/8")


def opens(
    file: CaseFile,
    proof: str,
    *,
    unit: str | None = UNIT,
    owner: str | None = None,
    hours: OfficeHours | None = None,
    reason: str = "nobody_on_duty",
    round: int | None = None,
    rung: int | None = None,
    at: datetime = MONDAY,
) -> OpenVerification:
    """The engine finds who has to answer on the rung the proof stands on, or nobody."""
    live = file.proof(proof)
    return OpenVerification(
        id=an_id(),
        at=at,
        by=THE_ENGINE,
        proof=proof,
        round=live.round if round is None else round,
        rung=live.rung if rung is None else rung,
        unit=unit,
        owner=owner,
        hours=hours,
        reason=reason,
        community=unit if unit == COMMUNITY else None,
    )


def answers(
    file: CaseFile,
    proof: str,
    answer: Answer = "matches",
    *,
    by: Actor = OFFICER,
    round: int | None = None,
    rung: int | None = None,
    by_phone: bool = False,
    note: str | None = "note/4",
    at: datetime = MONDAY,
) -> AnswerVerification:
    """Somebody answers what was asked on this rung, or on an earlier one."""
    live = file.proof(proof)
    return AnswerVerification(
        id=an_id(),
        at=at,
        by=by,
        proof=proof,
        round=live.round if round is None else round,
        rung=live.rung if rung is None else rung,
        answer=answer,
        by_phone=by_phone,
        note=note,
    )


def assigns(
    file: CaseFile,
    proof: str,
    how: Any,
    owner: str | None,
    *,
    by: Actor = SUPERIOR,
    note: str | None = None,
    rung: int | None = None,
    at: datetime = MONDAY,
) -> AssignVerification:
    """Who has it from now on."""
    live, id = file.proof(proof), an_id()
    rung = live.rung if rung is None else rung
    return AssignVerification(
        id=id, at=at, by=by, proof=proof, round=live.round, rung=rung, how=how, owner=owner, note=note
    )


def claims(file: CaseFile, proof: str, *, by: Actor = OFFICER, at: datetime = MONDAY) -> AssignVerification:
    """Somebody says "mine"."""
    return assigns(file, proof, "claimed", by.account, by=by, at=at)


def reminds(file: CaseFile, proof: str, percent: int, *, rung: int | None = None, at: datetime) -> RemindVerification:
    """So much of the limit is used up."""
    live = file.proof(proof)
    rung = live.rung if rung is None else rung
    return RemindVerification(
        id=an_id(), at=at, by=THE_ENGINE, proof=proof, round=live.round, rung=rung, percent=percent
    )


def expires(file: CaseFile, proof: str, *, rung: int | None = None, at: datetime) -> ExpireVerification:
    """The limit is over, says the engine."""
    live = file.proof(proof)
    rung = live.rung if rung is None else rung
    return ExpireVerification(id=an_id(), at=at, by=THE_ENGINE, proof=proof, round=live.round, rung=rung)


def suspends(
    file: CaseFile, proof: str, *, rung: int | None = None, by: Actor = SUPERIOR, at: datetime
) -> SuspendVerification:
    """A superior stops the clock."""
    live = file.proof(proof)
    rung = live.rung if rung is None else rung
    return SuspendVerification(
        id=an_id(), at=at, by=by, proof=proof, round=live.round, rung=rung, note="note/5", as_superior=by == SUPERIOR
    )


def resumes(
    file: CaseFile, proof: str, *, rung: int | None = None, by: Actor = SUPERIOR, at: datetime
) -> ResumeVerification:
    """And starts it again."""
    live = file.proof(proof)
    rung = live.rung if rung is None else rung
    return ResumeVerification(
        id=an_id(), at=at, by=by, proof=proof, round=live.round, rung=rung, as_superior=by == SUPERIOR
    )


def escalates(proof: str, *, at: datetime = MONDAY) -> EscalateProof:
    """A superior does not wait any longer."""
    return EscalateProof(id=an_id(), at=at, by=SUPERIOR, proof=proof, note="note/6")


def commits(proof: str, *, signed: bool, note: str | None = "letter/1", at: datetime = MONDAY) -> AnswerCommitment:
    """The applicant signs, or declines."""
    return AnswerCommitment(id=an_id(), at=at, by=BIRTH_DESK, proof=proof, signed=signed, note=note)


def unreachable(item: str, fault: str = "timeout", *, attempt: int = 1, at: datetime = MONDAY) -> NoteUnreachable:
    """The department does not answer."""
    return NoteUnreachable(id=an_id(), at=at, by=THE_ENGINE, item=item, attempt=attempt, since=MONDAY, fault=fault)


def rejected(item: str, *, attempt: int = 1, at: datetime = MONDAY) -> NoteRejection:
    """The department cannot read what it was sent."""
    return NoteRejection(id=an_id(), at=at, by=THE_ENGINE, item=item, attempt=attempt, fault="http_422")


def resubmit(item: str, *, at: datetime = TUESDAY) -> ResubmitItem:
    """A caseworker sends it again."""
    return ResubmitItem(id=an_id(), at=at, by=CASEWORKER, item=item)


def overdue(item: str, promised_by: datetime, *, at: datetime | None = None) -> NoteOverdue:
    """The promised instant is here."""
    return NoteOverdue(id=an_id(), at=at or promised_by, by=THE_ENGINE, item=item, promised_by=promised_by)


def day_comes(milestone: str, *, at: datetime) -> NoteMilestone:
    """A day that something waits for is here."""
    return NoteMilestone(id=an_id(), at=at, by=THE_ENGINE, milestone=milestone)


def amend(
    file: CaseFile, after: Application, *changed: str, seen: int | None = None, at: datetime = TUESDAY
) -> AmendApplication:
    """The applicant corrects the form."""
    assert file.opened.bundle == after.bundle
    return AmendApplication(
        id=an_id(),
        at=at,
        by=BIRTH_DESK,
        changed=changed,
        circumstances=after.circumstances,
        counts=after.counts,
        milestones=after.milestones,
        note="note/2",
        expected_version=seen,
    )


def withdraw(*, seen: int | None = None, at: datetime = TUESDAY) -> WithdrawCase:
    """The applicant takes the application back."""
    return WithdrawCase(id=an_id(), at=at, by=BIRTH_DESK, note="note/3", expected_version=seen)


# --- then


def told(events: Sequence[Event]) -> tuple[str, ...]:
    """The events as "type subject", in order."""
    return tuple(" ".join(filter(None, (event.type, subject(event)))) for event in events)


def subject(event: Event) -> str:
    """What the event is about: an item, a proof, or the case."""
    for name in ("item", "proof", "about"):
        if value := getattr(event, name, None):
            return str(value)
    return ""


def states(file: CaseFile) -> dict[str, str]:
    """Item -> state."""
    return {item: live.state.value for item, live in file.items.items()}


def proofs_in(file: CaseFile, *among: ProofState) -> tuple[str, ...]:
    """The proofs in these states."""
    return tuple(proof for proof, live in file.proofs.items() if live.state in among)


# --- every family there can be


def _every_family() -> Iterator[Application]:
    yes_no, kinds = ("true", "false"), ("citizen_id", "passport")
    choices = product(yes_no, ("mother", "father"), ("employee", "resident", "none"), kinds, (*kinds, None), (1, 2, 3))
    for married, follows, insurance, mother, father, children in choices:
        if father is None and (married == "true" or follows == "father"):
            continue  # the form asks for him
        sections: dict[str, tuple[dict[str, str], ...]] = {
            "birth": (
                {
                    "place_of_birth": "institution",
                    "parents_married": married,
                    "household_follows": follows,
                    "mother_insurance": insurance,
                },
            ),
            "children": tuple({"birth_order": str(n)} for n in range(1, children + 1)),
            "mother": ({"identity_kind": mother},),
        }
        if father is not None:
            sections["father"] = ({"identity_kind": father},)
        circumstances = circumstances_of(NEWBORN, sections)
        if not any(refusal.applies(circumstances) for refusal in NEWBORN.not_eligible):
            yield Application(NEWBORN, sections, circumstances, ())


EVERY_FAMILY = tuple(_every_family())
"""One application for every set of circumstances that the newborn bundle serves; answers only, no names or numbers."""


def _every_player() -> Iterator[Application]:
    for membership, racket, season in product(("adult", "guest", "league"), ("true", "false"), ("", "2026-12-05")):
        sections: dict[str, tuple[dict[str, str], ...]] = {
            "joining": ({"membership": membership, "racket": racket} | ({"season_from": season} if season else {}),),
            "player": ({"name": "", "citizen_id": "", "residence": ""},),
        }
        yield Application(TENNIS_CLUB, sections, circumstances_of(TENNIS_CLUB, sections), ())


EVERY_PLAYER = tuple(_every_player())
"""The same for the tennis club: the proof of conduct knows words that the newborn bundle has no use for."""

LEAGUE_PLAYERS = tuple(player for player in EVERY_PLAYER if "league" in player.circumstances)
"""Those who have to show the proof of conduct."""
SEASON_PLAYERS = tuple(player for player in EVERY_PLAYER if player.milestones)
"""Those whose first match waits for the season."""

EVERYBODY = (*EVERY_FAMILY, *EVERY_PLAYER, *(LEAGUE_PLAYERS * 8))
"""Whoever may come to the window; the longest ladder comes as often as a whole kind of family."""


def same_people(before: Application) -> tuple[Application, ...]:
    """What the applicants of a case could amend it to."""
    return tuple(
        other
        for other in (EVERY_FAMILY if before.bundle is NEWBORN else EVERY_PLAYER)
        if {section: len(rows) for section, rows in other.sections.items()}
        == {section: len(rows) for section, rows in before.sections.items()}
    )


def changed_between(before: Application, after: Application) -> tuple[str, ...]:
    """The fields that an amendment changes."""
    return tuple(
        f"{section}.{field}"
        for section, rows in after.sections.items()
        for old, new in zip(before.sections[section], rows, strict=True)
        for field in {**old, **new}
        if old.get(field) != new.get(field)
    )


class Hearer:
    """Believes events in the order of their versions, whatever order they arrive in, as the workflow does."""

    def __init__(self) -> None:
        self.file: CaseFile | None = None
        self._early: dict[int, Event] = {}

    def hear(self, news: Iterable[tuple[int, Event]]) -> bool:
        """Whether anything new could be believed."""
        known = before = self.file.version if self.file else 0
        self._early |= {version: event for version, event in news if version > known}
        while event := self._early.pop(known + 1, None):
            self.file = evolve(self.file, event)
            known += 1
        return known > before
