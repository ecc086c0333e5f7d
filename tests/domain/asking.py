"""Cases in which somebody is asked, each as far up the ladder as a test begins."""

from datetime import timedelta
from typing import Any

from domain.case_file import CaseFile, LiveVerification
from domain.commands import Command
from domain.events import RouteExhausted
from tests.domain.telling import (
    COMMUNITY,
    COMMUNITY_WORKER,
    EVERY_PLAYER,
    MONDAY,
    TUESDAY,
    a_family,
    answers,
    escalates,
    expires,
    given,
    opening,
    opens,
    register,
    registers_agree,
    when,
)

MARRIAGE = "parents_marriage"
"""Register, civil affairs, community, caseworker."""
BIRTH = "birth_record"
"""Register, health, caseworker."""
IDENTITY = "mother_identity"
"""Register, police, community, caseworker; the birth certificate needs it, which goes out before anything else."""
LEAGUE_PLAYER = next(player for player in EVERY_PLAYER if player.circumstances == ("league",))
DUE = MONDAY + timedelta(minutes=30)
HALF = MONDAY + timedelta(minutes=15)
FOUR_FIFTHS = MONDAY + timedelta(minutes=24)


def due_for_people(proof: str = MARRIAGE) -> CaseFile:
    """The register holds nothing about it and everything else is shown, so somebody has to be asked."""
    file = registers_agree(a_family(), but=(proof,))
    return given(register(file, proof, "not_found"), file=file)


def with_the_department(proof: str = MARRIAGE, **who: Any) -> CaseFile:
    """A department has it until half past nine."""
    return given(opens(file := due_for_people(proof), proof, **who), file=file)


def passed_over(proof: str = MARRIAGE) -> CaseFile:
    """The department did not answer in time; the next rung is due."""
    return given(expires(file := with_the_department(proof), proof, at=DUE), file=file)


def with_the_community() -> CaseFile:
    """The department did not answer in time, and the community has it."""
    return given(opens(file := passed_over(), MARRIAGE, unit=COMMUNITY, at=DUE), file=file)


def with_the_caseworker() -> CaseFile:
    """Neither answered."""
    return given(expires(file := with_the_community(), MARRIAGE, at=DUE + timedelta(minutes=30)), file=file)


def a_player_asked() -> CaseFile:
    """The township has the player's conduct; no register holds it."""
    return given(opens(file := given(opening(LEAGUE_PLAYER)), "conduct"), file=file)


def offered() -> CaseFile:
    """Neither the township nor the community answered, and the player may commit to it."""
    file = given(expires(file := a_player_asked(), "conduct", at=DUE), file=file)
    file = given(opens(file, "conduct", unit=COMMUNITY, at=DUE), file=file)
    return given(expires(file, "conduct", at=DUE + timedelta(minutes=30)), file=file)


def asked(file: CaseFile, proof: str = MARRIAGE, rung: int = 1) -> LiveVerification:
    return file.verification(proof, file.proof(proof).round, rung)


def exhausted(file: CaseFile, command: Command) -> RouteExhausted:
    """The rung that gives up because of the command."""
    (gave_up,) = (event for event in when(command, file) if isinstance(event, RouteExhausted))
    return gave_up


def taken_up() -> CaseFile:
    """A superior did not wait for the department."""
    return given(escalates(MARRIAGE), file=with_the_department())


def sent_on_the_communitys_word() -> CaseFile:
    """The police did not answer who the mother is, her community did, and items went to their departments."""
    file = passed_over(IDENTITY)
    file = given(opens(file, IDENTITY, unit=COMMUNITY, at=DUE), file=file)
    return given(answers(file, IDENTITY, by=COMMUNITY_WORKER, at=DUE), file=file)


def contradicted_afterwards() -> CaseFile:
    """Somebody contradicts it after departments have acted."""
    file = sent_on_the_communitys_word()
    return given(answers(file, IDENTITY, "contradicts", rung=1, at=TUESDAY), file=file)
