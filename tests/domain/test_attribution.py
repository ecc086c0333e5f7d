"""谁的时间: every moment of a case belongs to somebody, and to one at a time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random

import pytest

from domain.attribution import Holder, attribution, holders
from domain.case_file import ENDED, CaseFile, evolve, evolve_all
from domain.commands import Command
from domain.decisions import decide
from domain.events import (
    CaseOpened,
    Event,
    Recorded,
    VerificationOpened,
    VerificationResumed,
    VerificationSuspended,
)
from tests.domain.simulation import tell
from tests.domain.telling import (
    COMMUNITY,
    EVERY_PLAYER,
    MONDAY,
    OFFICER,
    TUESDAY,
    UNIT,
    a_family,
    amend,
    answers,
    claims,
    commits,
    corrects,
    department,
    departments_conclude,
    expires,
    given,
    opening,
    opens,
    proven,
    read,
    register,
    registers_agree,
    rejected,
    resumes,
    settle,
    suspends,
    withdraw,
)

MARRIAGE = "parents_marriage"
MINUTE = timedelta(minutes=1)
DESK = "hospital_01"


def at(minutes: int) -> datetime:
    return MONDAY + minutes * MINUTE


class Story:
    """A case and everything that happened in it."""

    def __init__(self, command: Command) -> None:
        self.events: list[Event] = []
        self.file: CaseFile
        self.then(command)

    def then(self, command: Command) -> None:
        for event in decide(command, getattr(self, "file", None)):
            self.file = evolve(getattr(self, "file", None), event)
            self.events.append(event)

    def times(self, now: datetime) -> dict[tuple[str, str], int]:
        """Minutes of the case by (kind, who)."""
        shares: dict[tuple[str, str], int] = {}
        for share in attribution(recorded(self.events), now).shares:
            whose = (share.holder.kind, share.holder.who)
            shares[whose] = shares.get(whose, 0) + share.time // MINUTE
        return shares


def recorded(events: Sequence[Event]) -> list[Recorded]:
    return [Recorded(version=version, event=event) for version, event in enumerate(events, 1)]


def a_player_in_the_league() -> Story:
    """Everything but the conduct is shown at once, and the card is there; only the match waits for the conduct."""
    story = Story(opening(next(player for player in EVERY_PLAYER if player.circumstances == ("league",))))
    for proof in ("identity", "health"):
        story.then(register(story.file, proof))
    for item in ("membership_card", "locker"):
        story.then(department(item, "concluded"))
    return story


def test_every_rung_has_its_own_time() -> None:
    story = a_player_in_the_league()
    story.then(opens(story.file, "conduct", at=at(1)))
    story.then(expires(story.file, "conduct", at=at(31)))
    story.then(opens(story.file, "conduct", unit=COMMUNITY, at=at(33)))
    story.then(answers(story.file, "conduct", "no_record", at=at(40)))
    story.then(commits("conduct", signed=False, at=at(100)))
    story.then(settle("conduct", met=True, at=at(160)))
    story.then(department("first_match", "concluded", at=at(200)))

    assert story.times(TUESDAY) == {
        ("department", "township"): 1 + 40,
        ("unit", UNIT): 30,
        ("department", "community"): 2,
        ("unit", COMMUNITY): 7,
        ("applicant", DESK): 60,
        ("caseworker", DESK): 60,
    }
    assert attribution(recorded(story.events), TUESDAY).elapsed == 200 * MINUTE


def test_the_time_of_a_unit_is_its_queues_or_its_officers() -> None:
    story = a_player_in_the_league()
    story.then(opens(story.file, "conduct"))
    story.then(claims(story.file, "conduct", at=at(10)))
    story.then(answers(story.file, "conduct", at=at(15)))

    of_units = {
        share.holder: share.time
        for share in attribution(recorded(story.events), at(15)).shares
        if share.holder.kind == "unit"
    }

    asked = Holder("unit", UNIT, None, "conduct", "department_verification")
    assert of_units == {
        asked: 10 * MINUTE,
        Holder("unit", UNIT, OFFICER.account, "conduct", "department_verification"): 5 * MINUTE,
    }


def test_time_in_which_the_clock_stood_still_is_named_as_such_and_still_somebodys() -> None:
    story = a_player_in_the_league()
    story.then(opens(story.file, "conduct"))
    story.then(suspends(story.file, "conduct", at=at(10)))
    story.then(resumes(story.file, "conduct", at=at(70)))
    story.then(answers(story.file, "conduct", at=at(75)))

    stood = {share.holder.suspended: share.time for share in attribution(recorded(story.events), at(75)).shares}

    assert stood == {True: 60 * MINUTE, False: 15 * MINUTE}


def test_an_item_that_waits_for_another_is_with_that_one() -> None:
    assert holders(proven())["household_registration"] == Holder("item", "birth_certificate")
    assert holders(proven())["birth_certificate"] == Holder("department", "delivery_institution")


def test_an_item_that_an_amendment_put_another_before_is_with_that_one() -> None:
    file = a_player_in_the_league().file
    racket = next(player for player in EVERY_PLAYER if player.circumstances == ("needs_racket",))
    assert holders(file)["first_match"].proof == "conduct"

    file = given(amend(file, racket, "joining.membership", "joining.racket"), file=file)

    assert file.item("first_match").state == "accepted"
    assert holders(file)["first_match"] == Holder("item", "racket")


def test_an_item_is_with_the_first_register_that_has_not_answered() -> None:
    assert holders(a_family())["birth_certificate"] == Holder(
        "register", "birth_records", proof="birth_record", route="shared_data_query"
    )


def test_a_proof_that_reads_another_record_is_with_whoever_has_that_one() -> None:
    file = registers_agree(a_family(), but=("mother_insurance", "mother_employer"))

    assert holders(file)["maternity_benefit"].proof == "mother_insurance"


def test_what_a_department_could_not_read_is_the_caseworkers() -> None:
    file = given(rejected("birth_certificate"), file=proven())

    assert holders(file)["birth_certificate"] == Holder("caseworker", DESK)


def test_the_time_of_a_case_is_with_what_has_been_waiting_longest() -> None:
    story = Story(opening(read()))
    while asked := [proof for proof, live in story.file.proofs.items() if live.state == "asked"]:
        story.then(register(story.file, asked[0], at=at(1)))
    for item in ("birth_certificate", "mother_child_handbook"):
        story.then(department(item, "concluded", at=at(61)))
    story.then(department("maternity_benefit", "concluded", at=at(121)))

    assert story.times(at(121)) == {
        ("register", "birth_records"): 1,
        ("department", "delivery_institution"): 60,
        # The benefit has waited since the beginning, what came after the certificate only since then.
        ("department", "healthcare_security"): 60,
    }


def test_when_only_a_look_is_left_the_time_is_the_caseworkers() -> None:
    story = Story(opening(read()))
    proof = "mother_identity"
    while asked := [one for one, live in story.file.proofs.items() if live.state == "asked" and one != proof]:
        story.then(register(story.file, asked[0]))
    story.then(register(story.file, proof, "not_found"))
    story.then(opens(story.file, proof))
    story.then(expires(story.file, proof, at=at(30)))
    story.then(opens(story.file, proof, unit=COMMUNITY, at=at(30)))
    story.then(answers(story.file, proof, at=at(30)))
    story.then(answers(story.file, proof, "contradicts", rung=1, at=at(30)))
    while story.file.unanswered:
        story.then(department(story.file.unanswered[0], "concluded", at=at(30)))
    story.then(settle(proof, met=True, at=at(90)))

    assert story.times(TUESDAY)["caseworker", DESK] == 60


def test_a_case_that_goes_on_is_counted_until_now_and_one_that_is_over_until_its_end() -> None:
    story = Story(opening(read()))
    assert attribution(recorded(story.events), at(7)).elapsed == 7 * MINUTE

    story.then(withdraw(at=at(10)))

    assert attribution(recorded(story.events), TUESDAY).elapsed == 10 * MINUTE


def test_what_is_corrected_years_later_takes_no_time_of_anybodys() -> None:
    story = a_player_in_the_league()
    story.then(opens(story.file, "conduct", unit=COMMUNITY))
    story.then(answers(story.file, "conduct", at=at(40)))
    story.then(department("first_match", "concluded", at=at(200)))
    assert story.file.over
    before = attribution(recorded(story.events), at(200))

    story.then(corrects("membership_card", "member_no", at=MONDAY + timedelta(days=800)))

    assert attribution(recorded(story.events), MONDAY + timedelta(days=900)) == before


def test_a_machine_whose_clock_is_behind_takes_no_time_from_anybody() -> None:
    story = a_player_in_the_league()
    story.then(opens(story.file, "conduct", at=at(10)))
    # The next machine's clock is an hour behind.
    story.then(answers(story.file, "conduct", "no_record", at=at(20) - timedelta(hours=1)))
    story.then(opens(story.file, "conduct", unit=COMMUNITY, at=at(25)))
    story.then(answers(story.file, "conduct", at=at(30)))

    found = attribution(recorded(story.events), at(30))

    assert found.elapsed == 30 * MINUTE
    assert all(share.time > timedelta() for share in found.shares)
    assert story.times(at(30)) == {
        ("department", "township"): 10,
        ("department", "community"): 15,
        ("unit", COMMUNITY): 5,
    }


def adds_up(events: Sequence[Event], now: datetime) -> None:
    """Nothing is lost between two desks, and nothing is measured twice."""
    found = attribution(recorded(events), now)
    file = evolve_all(None, events)
    assert file is not None
    assert sum((share.time for share in found.shares), timedelta()) == found.elapsed
    assert [share.time for share in found.shares] == sorted((share.time for share in found.shares), reverse=True)
    assert all(share.time > timedelta() for share in found.shares)
    assert len({share.holder for share in found.shares}) == len(found.shares)

    # The time of an item by another way of counting: from the moment it was planned to the moment it ended.
    end = next((place for place, event in enumerate(events, 1) if event.type == "case_concluded"), len(events))
    events = events[:end]
    own: dict[str, timedelta] = {}
    clock, known = events[0].at, evolve(None, events[0])
    moments = [event.at for event in events[1:]] + ([] if file.over else [now])
    later = [*events[1:], None][: len(moments)]
    for moment, event in zip(moments, later, strict=True):
        moment = max(moment, clock)
        for item, live in known.items.items():
            if live.state not in ENDED and moment > clock:
                own[item] = own.get(item, timedelta()) + (moment - clock)
        known, clock = (known if event is None else evolve(known, event)), moment
    assert {item: sum((share.time for share in held), timedelta()) for item, held in found.items.items()} == own
    assert found.elapsed == clock - events[0].at


@pytest.mark.parametrize("seed", range(40))
def test_the_shares_of_a_case_and_of_every_item_add_up_to_the_whole_without_a_remainder(seed: int) -> None:
    events = tell(seed)

    for until in {1, 2, len(events) // 3, len(events) // 2, len(events)}:
        adds_up(events[:until], max(event.at for event in events[:until]) + timedelta(hours=1))


@pytest.mark.parametrize("seed", range(40, 80))
def test_they_add_up_however_badly_the_clocks_of_the_machines_go(seed: int) -> None:
    random = Random(seed)
    events = tell(seed)
    # When a verification's own clock is stopped is checked when that is decided; it never goes backwards.
    wrong = [
        event
        if isinstance(event, CaseOpened | VerificationOpened | VerificationSuspended | VerificationResumed)
        else event.model_copy(update={"at": event.at + timedelta(hours=random.uniform(-30, 30))})
        for event in events
    ]

    adds_up(wrong, max(event.at for event in wrong))


def test_time_goes_by_between_events_only() -> None:
    file = departments_conclude(proven())
    events = [*decide(opening(read()), None)]

    assert attribution(recorded(events), MONDAY).shares == ()
    assert holders(file) == {}
    assert all(earlier.at == later.at for earlier, later in pairwise(events))
